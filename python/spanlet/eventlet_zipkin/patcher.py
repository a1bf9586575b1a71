"""The old README's two lines."""
from spanlet import _tracer

from . import api, greenthread, http, log, wsgi
from .client import ZipkinClient


def enable_trace_patch(host=_tracer.DEFAULT_HOST, port=_tracer.DEFAULT_PORT, trace_app_log=False, sampling_rate=1.0):
    """Traces the requests of eventlet's WSGI server and the HTTP calls they make. A second call reconfigures.

    `host` and `port` are those of the scribe collector (by default SPANLET_SCRIBE_HOST and SPANLET_SCRIBE_PORT, or
    else 127.0.0.1 and 9410); nothing is raised when it is away. `trace_app_log`
    makes annotations of what the application logs. `sampling_rate` is the share of new traces to record.
    """
    _tracer.init(host, port, sampling_rate)
    api.client = ZipkinClient._of_process(host, port)
    wsgi.patch(sampling_rate)
    http.patch()
    greenthread.patch()
    if trace_app_log:
        log.patch()
    else:
        log.unpatch()


def disable_trace_patch():
    """Puts everything back and sends what was recorded. Does nothing unless enabled."""
    http.unpatch()
    wsgi.unpatch()
    greenthread.unpatch()
    log.unpatch()
    _tracer.shutdown()
    api.client = None
