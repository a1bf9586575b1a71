"""The ASGI middleware, for uvicorn, hypercorn and others.

    from spanlet.asgi import TracingMiddleware
    application = TracingMiddleware(application)
"""
from typing import Any

from . import _native

__all__ = ["TracingMiddleware"]


class TracingMiddleware:
    """Traces the HTTP requests and websockets of an ASGI application, with the tracer of `spanlet.init`."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        entered = _native.enter_asgi(scope) if scope["type"] in ("http", "websocket") else None
        if entered is None:
            return await self.app(scope, receive, send)
        span, outer = entered
        error = None
        try:
            return await self.app(scope, receive, _watched(span, send) if span.sampled else send)
        except BaseException as raised:
            error = raised
            raise
        finally:
            _native.leave(span, outer, error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)


def _watched(span, send):
    """Notes the status, and ends the span with the last byte: what an application does after that is no part of it."""

    async def watched(message):
        kind = message["type"]
        if kind == "http.response.start":
            _native.status_of(span, message["status"])
        elif kind == "websocket.accept":
            _native.status_of(span, 101)
        await send(message)
        if kind == "http.response.body" and not message.get("more_body", False):
            span.finish()

    return watched
