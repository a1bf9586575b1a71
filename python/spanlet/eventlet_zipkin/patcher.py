"""The old README's two lines."""
from spanlet import _patches, _settings, _tracer

from . import api, greenthread, http, log, wsgi
from .client import ZipkinClient

# Where the collector is can be said outside of the program, whose two lines then stay as they are.
_HOST, _PORT, _RATE = _settings.of_environment("host"), _settings.of_environment("port"), 1.0


def enable_trace_patch(host=_HOST, port=_PORT, trace_app_log=False, sampling_rate=_RATE, **settings):
    """Traces the requests of eventlet's WSGI server and the HTTP calls they make. A second call reconfigures.

    `host` and `port` are those of the scribe collector (by default SPANLET_SCRIBE_HOST and SPANLET_SCRIBE_PORT, or
    else 127.0.0.1 and 9410); nothing is raised when it is away. `trace_app_log`
    makes annotations of what the application logs. `sampling_rate` is the share of new traces to record. Other
    settings are those of `spanlet.init`.
    """
    # What is not said here may be said by the environment.
    given = {"host": (host, _HOST), "port": (port, _PORT), "sampling_rate": (sampling_rate, _RATE)}
    said = {name: value for name, (value, default) in given.items() if value is not default}
    _tracer.start(**said, **settings)
    api.client = ZipkinClient._of_process(host, port)
    wsgi.patch()
    http.patch()
    greenthread.patch()
    _patches.apply("httpx", "aiohttp")
    if trace_app_log:
        log.patch()


def disable_trace_patch():
    """Puts everything back and sends what was recorded. Does nothing unless enabled."""
    _tracer.shutdown()
    api.client = None
