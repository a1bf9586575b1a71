"""What can be set, where, and what it is otherwise: keyword arguments first, then SPANLET_*, then OpenTelemetry's variables."""
import os
import sys
import warnings
from typing import Any, Callable, NamedTuple
from urllib.parse import urlsplit


def resolve(given):
    """Returns all settings: those given, which raise ValueError when they cannot be meant, or else those of the
    environment, whose slips only warn: they must not end the traced program."""
    unknown = [name for name in given if name not in SETTINGS]
    if unknown:
        raise TypeError(f"no setting is named {', '.join(unknown)}: there are {', '.join(SETTINGS)}")
    return {name: _value(name, setting, given.get(name)) for name, setting in SETTINGS.items()}


def destination(given, settings):
    """Returns the URL that spans go to, and how they are written there."""
    encoding = settings["encoding"]
    if given.get("endpoint") is not None:
        return settings["endpoint"], encoding or "json"
    if given.get("host") is None and given.get("port") is None:
        if settings["endpoint"] is not None:
            return settings["endpoint"], encoding or "json"
        if not any(os.environ.get(name) for name in ("SPANLET_SCRIBE_HOST", "SPANLET_SCRIBE_PORT")):
            url, written = _of_opentelemetry()
            if url is not None:
                return url, encoding or written
    return scribe(settings), "json"


def scribe(settings):
    """Returns the URL of the scribe collector."""
    host = settings["host"]
    return f"scribe://{f'[{host}]' if ':' in host else host}:{settings['port']}"


def of_environment(name):
    """Returns what a setting is when the program does not say it."""
    return _value(name, SETTINGS[name], None)


def service_name():
    """Returns the name of this program."""
    said = os.environ.get("SPANLET_SERVICE_NAME") or os.environ.get("OTEL_SERVICE_NAME")
    return said or os.path.basename(sys.argv[0]) or "unknown"


def plain_default(name):
    """Returns what a setting is when nobody says it."""
    default = SETTINGS[name].default
    return default() if callable(default) else default


def in_words():
    """Returns the names of the settings that a text can say."""
    return [name for name, setting in SETTINGS.items() if setting.variables]


class Setting(NamedTuple):
    default: Any
    check: Callable[[Any], Any]
    variables: dict = {}  # their names, and how their text is read


def _value(name, setting, given):
    if given is not None:
        try:
            return setting.check(given)
        except ValueError as error:
            raise ValueError(f"{name} {given!r} {error}") from None
    for variable, read in setting.variables.items():
        text = os.environ.get(variable)
        if text:
            try:
                return setting.check(read(text))
            except ValueError as error:
                warnings.warn(f"{variable}={text} is ignored: {error}", stacklevel=5)
    return plain_default(name)


def _checked(kind, holds, what):
    def check(value):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds) or not holds(value):
            raise ValueError(what)
        return value
    return check


def _any(value):
    return True


def _flag(text):
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in known:
        raise ValueError("is neither true nor false")
    return known[text.lower()]


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def _rules(text):
    """Reads `/health*=0, POST /orders=1`."""
    pairs = [rule.rpartition("=") for rule in _names(text)]
    return [(pattern.strip(), float(rate)) for pattern, _, rate in pairs]


def _checked_rules(rules):
    checked = [(str(pattern), _rate(rate)) for pattern, rate in rules]
    if any(not pattern for pattern, _ in checked):
        raise ValueError("has a rule without a path")
    return checked


def _rate_of_opentelemetry(text):
    """Reads OTEL_TRACES_SAMPLER, which has the rate in a variable of its own."""
    name = text.removeprefix("parentbased_")
    known = {"always_on": "1", "always_off": "0", "traceidratio": os.environ.get("OTEL_TRACES_SAMPLER_ARG") or "1"}
    if name not in known:
        raise ValueError("is none of always_on, always_off, traceidratio and their parentbased_ forms")
    return float(known[name])


def _propagators_of_opentelemetry(text):
    """Reads OTEL_PROPAGATORS; what we do not speak is left out."""
    known = [name for name in _names(text) if name in ("b3", "b3multi", "tracecontext", "baggage", "none")]
    if not known:
        raise ValueError("names no format that is known here")
    return ",".join(known)


def _of_opentelemetry():
    """Returns what OpenTelemetry's exporters would be sent to, if it is plain HTTP, and how it is written."""
    env = os.environ.get
    protocol = env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    found = None, None
    if env("OTEL_EXPORTER_ZIPKIN_ENDPOINT"):
        found = env("OTEL_EXPORTER_ZIPKIN_ENDPOINT"), "json"
    elif protocol == "http/protobuf":
        if env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
            found = env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), "otlp"
        elif env("OTEL_EXPORTER_OTLP_ENDPOINT"):
            found = env("OTEL_EXPORTER_OTLP_ENDPOINT").rstrip("/") + "/v1/traces", "otlp"
    if found[0] is not None and urlsplit(found[0]).scheme != "http":
        warnings.warn(f"spans do not go to {found[0]}, which is no plain http", stacklevel=6)
        return None, None
    return found


_text = _checked(str, bool, "is no text, or empty")
_bool = _checked(bool, _any, "is neither True nor False")
_rate = _checked((int, float), lambda rate: 0 <= rate <= 1, "is not within 0.0 and 1.0")
_positive = _checked(int, lambda number: number > 0, "is no number above 0")

SETTINGS = {
    "host": Setting("127.0.0.1", _checked(str, bool, "is no host name or address"), {"SPANLET_SCRIBE_HOST": str}),
    "port": Setting(9410, _checked(int, lambda port: 0 < port < 65536, "is not within 1 and 65535"), {"SPANLET_SCRIBE_PORT": int}),
    "sampling_rate": Setting(1.0, _rate, {"SPANLET_SAMPLING_RATE": float, "OTEL_TRACES_SAMPLER": _rate_of_opentelemetry}),
    "service_name": Setting(service_name, _text, {"SPANLET_SERVICE_NAME": str, "OTEL_SERVICE_NAME": str}),
    "endpoint": Setting(None, _text, {"SPANLET_ENDPOINT": str}),
    "encoding": Setting(None, _checked(str, ("json", "proto3", "otlp").__contains__, "is none of json, proto3 and otlp"), {"SPANLET_ENCODING": str}),
    "gzip": Setting(False, _bool, {"SPANLET_GZIP": _flag}),
    "token": Setting(None, _text, {"SPANLET_TOKEN": str}),
    "propagation": Setting("b3multi,tracecontext,baggage", _text, {"SPANLET_PROPAGATION": str, "OTEL_PROPAGATORS": _propagators_of_opentelemetry}),
    "sampling_rules": Setting(list, _checked_rules, {"SPANLET_SAMPLING_RULES": _rules}),
    "sampler": Setting(None, _checked(object, callable, "is not callable")),
    "traces_per_second": Setting(None, _checked((int, float), lambda limit: 1e-5 <= limit <= 1e9, "is not above 0"), {"SPANLET_TRACES_PER_SECOND": float}),
    "trace_id_128": Setting(False, _bool, {"SPANLET_TRACE_ID_128": _flag}),
    "query_keys": Setting(None, _checked((list, tuple, set), _any, "is no list of names"), {"SPANLET_QUERY_KEYS": _names}),
    "log_ids": Setting(False, _bool, {"SPANLET_LOG_IDS": _flag}),
    "log_annotations": Setting(False, _bool, {"SPANLET_LOG_ANNOTATIONS": _flag}),
    "queue_spans_max": Setting(10_000, _positive, {"SPANLET_QUEUE_SPANS_MAX": int}),
    "queue_bytes_max": Setting(16 << 20, _positive, {"SPANLET_QUEUE_BYTES_MAX": int}),
}
