"""The WSGI middleware, for servers other than eventlet's.

    from spanlet.wsgi import TracingMiddleware
    application = TracingMiddleware(application)

In a pipeline of paste.deploy, as OpenStack's services have them, where eventlet's two lines cannot be added:

    [filter:spanlet]
    paste.filter_factory = spanlet.wsgi:filter_factory
    sampling_rate = 0.1
"""
from ._native import TracingMiddleware

__all__ = ["TracingMiddleware", "filter_factory"]


def filter_factory(global_conf: object, **conf: str) -> type[TracingMiddleware]:
    """Makes a paste filter. Its options are those of `spanlet.init`, in the words of their variables."""
    from . import _settings, _tracer
    given = {}
    for name, text in conf.items():
        setting = _settings.SETTINGS.get(name)
        if setting is None or not setting.variables:
            raise ValueError(f"[filter] has no option {name}: there are {', '.join(_settings.in_words())}")
        given[name] = next(iter(setting.variables.values()))(text)
    _tracer.init(**given)
    return TracingMiddleware
