"""Puts the middleware around the application of servers, for programs that do not do it themselves."""
import functools
import inspect


def _traced(application):
    from .wsgi import TracingMiddleware
    return TracingMiddleware(application)


def _traced_asgi(application):
    from .asgi import TracingMiddleware
    return TracingMiddleware(application)


def _argument(name):
    """Makes a hook that wraps one argument of a function."""

    def make(original):
        signature = inspect.signature(original)

        @functools.wraps(original)
        def hook(*args, **options):
            bound = signature.bind(*args, **options)
            if bound.arguments.get(name) is not None:
                bound.arguments[name] = _traced(bound.arguments[name])
            return original(*bound.args, **bound.kwargs)

        return hook

    return make


def _gunicorn(original):
    """Wraps `BaseApplication.wsgi`, which every worker asks for the application; its ASGI worker does so too."""

    @functools.wraps(original)
    def wsgi(self):
        application = original(self)
        is_asgi = "asgi" in str(self.cfg.worker_class_str)
        return _traced_asgi(application) if is_asgi else _traced(application)

    return wsgi


def _uvicorn(original):
    """Wraps `Config.load`, which makes an ASGI application of whatever it is given."""

    @functools.wraps(original)
    def load(self):
        original(self)
        self.loaded_app = _traced_asgi(self.loaded_app)

    return load


PLACES = [
    ("gunicorn.app.base", "BaseApplication", "wsgi", _gunicorn),
    ("uvicorn.config", "Config", "load", _uvicorn),
    ("wsgiref.simple_server", "WSGIServer", "set_app", _argument("application")),
    ("werkzeug.serving", "BaseWSGIServer", "__init__", _argument("app")),
    ("gevent.pywsgi", "WSGIServer", "__init__", _argument("application")),
]
