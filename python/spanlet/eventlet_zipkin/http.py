"""HTTP calls carry B3 headers and make client spans."""
from spanlet import _patches

HDR_TRACE_ID = "X-B3-TraceId"
HDR_SPAN_ID = "X-B3-SpanId"
HDR_PARENT_SPAN_ID = "X-B3-ParentSpanId"
HDR_SAMPLED = "X-B3-Sampled"


def patch():
    _patches.apply("http")


def unpatch():
    _patches.remove("http")


def hex_str(n):
    """Returns an id as B3 writes it: 16 digits, padded with zeros."""
    return f"{n:016x}"
