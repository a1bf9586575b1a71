"""The one tracer of this process: made, replaced and flushed here."""
import atexit
import os
import sys

from . import _native

# Long enough for a collector that answers, short enough not to hold up an exit when none does.
FLUSH_TIMEOUT_S = 2.0


def _port_of(text, otherwise):
    """What is no port is ignored: a slip in the environment must not end the traced program."""
    is_port = text is not None and text.isdecimal() and 0 < int(text) < 65536
    return int(text) if is_port else otherwise


# Where the collector is can be said outside of the program, whose two lines then stay as they are.
DEFAULT_HOST = os.environ.get("SPANLET_SCRIBE_HOST") or "127.0.0.1"
DEFAULT_PORT = _port_of(os.environ.get("SPANLET_SCRIBE_PORT"), 9410)

_latest = None  # kept after shutdown, for its counters
_enabled = False
_settings = {}


def init(host="127.0.0.1", port=9410, sampling_rate=1.0, *, service_name=None):
    """Reports to the scribe collector at this address from now on. A second call takes the place of the first.

    `service_name` is by default SPANLET_SERVICE_NAME, or else the name of the program.
    Raises ValueError for settings that cannot be meant.
    """
    global _latest, _enabled, _settings
    tracer = _native.Tracer(_checked_host(host), _checked_port(port), _checked_rate(sampling_rate),
                            service_name or default_service_name())
    before, _latest = current(), tracer
    _settings = {"host": host, "port": port, "sampling_rate": sampling_rate, "service_name": service_name}
    _native.install(tracer)
    if not _enabled:
        atexit.register(flush)
        _enabled = True
    if before is not None:
        before.shutdown(FLUSH_TIMEOUT_S)


def set_sampling_rate(sampling_rate):
    """Changes the share of new traces that are recorded, if there is a tracer."""
    if _enabled and _settings["sampling_rate"] != sampling_rate:
        init(**{**_settings, "sampling_rate": sampling_rate})


def current():
    """Returns the tracer of this process, if there is one."""
    return _latest if _enabled else None


def shutdown(timeout_s=FLUSH_TIMEOUT_S):
    """Sends what was recorded, waiting no longer than this, and stops recording."""
    global _enabled
    if _enabled:
        _enabled = False
        _native.install(None)
        atexit.unregister(flush)
        _latest.shutdown(timeout_s)


def flush(timeout_s=FLUSH_TIMEOUT_S):
    """Waits until all finished spans are acknowledged, no longer than this. Says whether they are."""
    return not _enabled or _latest.flush(timeout_s)


def stats():
    """Returns the counters: spans finished, sent, queued, dropped and why; faults of tracing that were swallowed."""
    errors, last_error, late = _native.errors()
    counters = {} if _latest is None else _latest.stats()
    return {**counters, "late": late, "errors": errors, "last_error": last_error}


def default_service_name():
    return os.environ.get("SPANLET_SERVICE_NAME") or os.path.basename(sys.argv[0]) or "unknown"


def _checked_host(host):
    if not isinstance(host, str) or not host:
        raise ValueError(f"host {host!r} is no host name or address")
    return host


def _checked_port(port):
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ValueError(f"port {port!r} is not within 1 and 65535")
    return port


def _checked_rate(sampling_rate):
    if isinstance(sampling_rate, bool) or not isinstance(sampling_rate, (int, float)) or not 0 <= sampling_rate <= 1:
        raise ValueError(f"sampling_rate {sampling_rate!r} is not within 0.0 and 1.0")
    return float(sampling_rate)
