"""Puts hooks into classes and takes them out again, leaving what was there before."""
import importlib
import warnings

from . import _native

_HTTP = ("http.client", "eventlet.green.http.client")  # the second is a copy, with classes of its own

# What each group hooks: module, class, function.
GROUPS = {
    "wsgi": [("eventlet.wsgi", "HttpProtocol", "handle_one_response")],
    "http": [
        (module, class_name, function)
        for module in _HTTP
        for class_name, function in [
            ("HTTPConnection", "putrequest"),
            ("HTTPConnection", "putheader"),
            ("HTTPConnection", "endheaders"),
            ("HTTPConnection", "close"),
            ("HTTPResponse", "begin"),
        ]
    ],
    "greenthread": [("eventlet.greenthread", "GreenThread", "__init__")],
    # Not `handle`, which also sees the records that a filter rejects.
    "log": [("logging", "Logger", "callHandlers")],
}

_hooks = {}


def apply(group):
    """Hooks a group; one that is hooked stays so."""
    for place in GROUPS[group]:
        owner, name = _resolve(place)
        if name not in vars(owner):
            warnings.warn(f"{place[0]}.{place[1]} has no {name} any more: it is not traced", stacklevel=3)
        elif place not in _hooks:
            _hooks[place] = _native.Hook(name, vars(owner)[name])
            setattr(owner, name, _hooks[place])


def remove(group):
    """Restores a group. Where another patch lies over a hook, the hook stays below it and does nothing."""
    for place in GROUPS[group]:
        hook = _hooks.pop(place, None)
        if hook is not None:
            hook.retire()
            owner, name = _resolve(place)
            if vars(owner)[name] is hook:
                setattr(owner, name, hook.__wrapped__)


def _resolve(place):
    module, class_name, name = place
    return getattr(importlib.import_module(module), class_name), name
