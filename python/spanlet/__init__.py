"""Traces WSGI applications for Zipkin. `from eventlet.zipkin import patcher` finds its way here.

    import spanlet
    spanlet.init(host="127.0.0.1", port=9410, sampling_rate=1.0)

Importing starts no thread and opens no socket; the reporter starts with the first finished span.
"""
import _spanlet_boot

from ._redirect import install
from ._tracer import flush, init, shutdown, stats

__all__ = ["flush", "init", "install", "shutdown", "stats"]

_spanlet_boot.install()
