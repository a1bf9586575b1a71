"""The WSGI middleware, for servers other than eventlet's.

    from spanlet.wsgi import TracingMiddleware
    application = TracingMiddleware(application)
"""
from ._native import TracingMiddleware

__all__ = ["TracingMiddleware"]
