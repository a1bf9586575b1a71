"""Hands spans over to the reporter."""
from spanlet import _settings, _tracer

from . import _convert

CATEGORY = "zipkin"


class ZipkinClient:
    """A scribe client. Nothing is connected before the first span, and sending never waits."""

    def __init__(self, host="127.0.0.1", port=9410):
        self.host = host
        self.port = port
        given = {"host": host, "port": port, "sampling_rate": 1.0}
        self._own = _tracer.make(given, _settings.resolve(given))

    @classmethod
    def _of_process(cls, host, port):
        """Returns the client that `api.client` is while tracing is enabled."""
        client = cls.__new__(cls)
        client.host, client.port, client._own = host, port, None
        return client

    def send_to_collector(self, span):
        """Queues a `ttypes.Span`."""
        tracer = self._own or _tracer.current()
        if tracer is not None:
            _convert.report(tracer, span)

    def close(self):
        """Sends what is queued, and stops."""
        if self._own is None:
            _tracer.shutdown()
        else:
            self._own.shutdown(_tracer.FLUSH_TIMEOUT_S)
