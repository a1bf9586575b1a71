"""What can be set, where, and what it is otherwise: keyword arguments first, then SPANLET_*, then OpenTelemetry's variables."""
import os
import sys
import warnings
from typing import Any, Callable, NamedTuple
from urllib.parse import unquote

from . import _opentelemetry


def resolve(given):
    """Returns all settings: those given, which raise ValueError when they cannot be meant, or else those of the
    environment, whose slips only warn: they must not end the traced program."""
    unknown = [name for name in given if name not in SETTINGS]
    if unknown:
        raise TypeError(f"no setting is named {', '.join(unknown)}: there are {', '.join(SETTINGS)}")
    return {name: _value(name, setting, given.get(name)) for name, setting in SETTINGS.items()}


def destination(given, settings):
    """Returns the settings that say where spans go, and how they are written there."""
    plain = {"endpoint": settings["endpoint"], "encoding": settings["encoding"] or "json"}
    if given.get("endpoint") is not None:
        return plain
    if given.get("host") is None and given.get("port") is None:
        if settings["endpoint"] is not None:
            return plain
        if not any(os.environ.get(name) for name in ("SPANLET_SCRIBE_HOST", "SPANLET_SCRIBE_PORT")):
            found = _opentelemetry.destination()
            if found is not None:
                said = {name: settings[name] for name in found if settings.get(name)}
                return {**found, **said}
    return {"endpoint": scribe(settings), "encoding": "json"}


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
    return said or _opentelemetry.service_name() or os.path.basename(sys.argv[0]) or "unknown"


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
            said = "" if name in SECRET else f" {given!r}"
            raise ValueError(f"{name}{said} {error}") from None
    for variable, read in setting.variables.items():
        text = os.environ.get(variable)
        if text:
            try:
                return setting.check(read(text))
            except ValueError as error:
                said = "" if name in SECRET else f"={text}"
                warnings.warn(f"{variable}{said} is ignored: {error}", stacklevel=5)
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


def _headers(text):
    """Reads `name=value, name=value`, with `%2C` for a comma in a value."""
    pairs = [pair.partition("=") for pair in _names(text)]
    return [(name.strip(), unquote(value.strip())) for name, _, value in pairs]


def _checked_headers(headers):
    pairs = list(headers.items()) if isinstance(headers, dict) else [tuple(pair) for pair in headers]
    if not all(len(pair) == 2 and all(isinstance(part, str) and part for part in pair) for pair in pairs):
        raise ValueError("is no dict of names and values")
    return pairs


_text = _checked(str, bool, "is no text, or empty")
_bool = _checked(bool, _any, "is neither True nor False")
_rate = _checked((int, float), lambda rate: 0 <= rate <= 1, "is not within 0.0 and 1.0")
_positive = _checked(int, lambda number: number > 0, "is no number above 0")

# What no message repeats.
SECRET = ("token", "headers")
SETTINGS = {
    "host": Setting("127.0.0.1", _checked(str, bool, "is no host name or address"), {"SPANLET_SCRIBE_HOST": str}),
    "port": Setting(9410, _checked(int, lambda port: 0 < port < 65536, "is not within 1 and 65535"), {"SPANLET_SCRIBE_PORT": int}),
    "sampling_rate": Setting(1.0, _rate, {"SPANLET_SAMPLING_RATE": float, "OTEL_TRACES_SAMPLER": _opentelemetry.rate}),
    "service_name": Setting(service_name, _text, {"SPANLET_SERVICE_NAME": str, "OTEL_SERVICE_NAME": str}),
    "endpoint": Setting(None, _text, {"SPANLET_ENDPOINT": str}),
    "encoding": Setting(None, _checked(str, ("json", "proto3", "thrift", "otlp").__contains__, "is none of json, proto3, thrift and otlp"), {"SPANLET_ENCODING": str}),
    "gzip": Setting(False, _bool, {"SPANLET_GZIP": _flag}),
    "token": Setting(None, _text, {"SPANLET_TOKEN": str}),
    "headers": Setting(list, _checked_headers, {"SPANLET_HEADERS": _headers}),
    "ca_file": Setting(None, _text, {"SPANLET_CA_FILE": str}),
    "propagation": Setting("b3multi,tracecontext,baggage", _text, {"SPANLET_PROPAGATION": str, "OTEL_PROPAGATORS": _opentelemetry.propagators}),
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
