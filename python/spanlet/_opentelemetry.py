"""What OpenTelemetry's variables mean here."""
import os
import warnings
from urllib.parse import unquote, urlsplit


def destination():
    """Returns the settings that OpenTelemetry's exporters would have, if they say where spans go and we can speak to it."""
    if os.environ.get("OTEL_EXPORTER_ZIPKIN_ENDPOINT"):
        return _known({"endpoint": os.environ["OTEL_EXPORTER_ZIPKIN_ENDPOINT"], "encoding": "json"})
    url = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not url and os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        url = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"].rstrip("/") + "/v1/traces"
    if not url:
        return None
    protocol = _of_exporter("PROTOCOL") or "http/protobuf"
    if protocol != "http/protobuf":
        return _ignored(url, f"speaks {protocol}")
    # These belong to this destination alone: a key must not be sent to any other.
    return _known({
        "endpoint": url, "encoding": "otlp", "headers": list(_pairs(_of_exporter("HEADERS")).items()),
        "gzip": _of_exporter("COMPRESSION") == "gzip", "ca_file": _of_exporter("CERTIFICATE"),
    })


def service_name():
    """Returns the service's name among the attributes, if it is there."""
    return _pairs(os.environ.get("OTEL_RESOURCE_ATTRIBUTES")).get("service.name")


def rate(text):
    """Reads OTEL_TRACES_SAMPLER, which has the rate in a variable of its own."""
    name = text.removeprefix("parentbased_")
    known = {"always_on": "1", "always_off": "0", "traceidratio": os.environ.get("OTEL_TRACES_SAMPLER_ARG") or "1"}
    if name not in known:
        raise ValueError("is none of always_on, always_off, traceidratio and their parentbased_ forms")
    return float(known[name])


def propagators(text):
    """Reads OTEL_PROPAGATORS; what we do not speak is left out."""
    said = [name.strip() for name in text.split(",")]
    known = [name for name in said if name in ("b3", "b3multi", "tracecontext", "baggage", "none")]
    if not known:
        raise ValueError("names no format that is known here")
    return ",".join(known)


def _of_exporter(name):
    return os.environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}")


def _pairs(text):
    """Reads `name=value,name=value`, escaped as in URLs."""
    pairs = [pair.partition("=") for pair in (text or "").split(",")]
    return {unquote(name.strip()): unquote(value.strip()) for name, _, value in pairs if name.strip() and value.strip()}


def _known(found):
    scheme = urlsplit(found["endpoint"]).scheme
    return found if scheme in ("http", "https") else _ignored(found["endpoint"], "is neither http nor https")


def _ignored(url, why):
    warnings.warn(f"spans do not go to {url}, which {why}", stacklevel=7)
    return None
