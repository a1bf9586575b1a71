"""Traces Python services for Zipkin. `from eventlet.zipkin import patcher` finds its way here.

    import spanlet
    spanlet.init(host="127.0.0.1", port=9410, sampling_rate=1.0)
    application = spanlet.wsgi.TracingMiddleware(application)

Importing starts no thread and opens no socket; the reporter starts with the first finished span.
"""
import _spanlet_boot

from . import asgi, wsgi
from ._metrics import prometheus
from ._native import annotate, tag
from ._redirect import install
from ._span import current_ids, span
from ._tracer import flush, init, shutdown, stats

__all__ = [
    "annotate", "asgi", "current_ids", "flush", "init", "install", "prometheus", "shutdown", "span", "stats", "tag",
    "wsgi",
]

_spanlet_boot.install()
