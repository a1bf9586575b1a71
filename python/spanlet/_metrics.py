"""The tracer's counters as Prometheus reads them."""
from . import _tracer

_DROPPED = "dropped_"
_GAUGES = {
    "queued": ("spanlet_spans_queued", "Spans waiting, or being sent."),
    "queued_bytes": ("spanlet_queued_bytes", "About how many bytes these are."),
    "thread_alive": ("spanlet_reporter_alive", "Whether the reporter thread runs."),
}
_COUNTERS = {
    "finished": ("spanlet_spans_finished_total", "Spans finished."),
    "sent": ("spanlet_spans_sent_total", "Spans the collector has acknowledged."),
    "discarded": ("spanlet_values_discarded_total", "Annotations and tags that did not fit their span."),
    "late": ("spanlet_values_late_total", "Annotations and tags that came after their span was finished."),
    "calls": ("spanlet_calls_total", "Calls the collector has acknowledged."),
    "try_later": ("spanlet_calls_later_total", "Calls the collector has put off."),
    "reconnects": ("spanlet_reconnects_total", "Connections made after the first one."),
    "failures": ("spanlet_failures_total", "Attempts to connect, send, or read an answer that failed."),
    "errors": ("spanlet_errors_total", "Faults of tracing that were swallowed."),
}


def prometheus() -> str:
    """Returns the counters in Prometheus' text format."""
    stats = _tracer.stats()
    lines = []
    for kind, table in (("counter", _COUNTERS), ("gauge", _GAUGES)):
        for key, (name, text) in table.items():
            lines += _head(name, kind, text) + [f"{name} {int(stats.get(key, 0))}"]
    name = "spanlet_spans_dropped_total"
    lines += _head(name, "counter", "Spans dropped, by reason.")
    reasons = [key for key in stats if key.startswith(_DROPPED)]
    lines += [f'{name}{{reason="{key.removeprefix(_DROPPED)}"}} {stats[key]}' for key in sorted(reasons)]
    return "\n".join(lines) + "\n"


def _head(name, kind, text):
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
