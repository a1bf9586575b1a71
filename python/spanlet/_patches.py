"""Puts hooks into functions and takes them out again, leaving what was there before.

A module that is not imported yet is hooked when it is; none is imported for it.
"""
import functools
import sys
import warnings

from . import _clients, _native, _servers
from ._imports import forget, when_imported


def _http(module):
    names = ("putrequest", "putheader", "endheaders", "close")
    return [(module, "HTTPConnection", name, name) for name in names] + [(module, "HTTPResponse", "begin", "begin")]


# What each group hooks: module, class or None, function; and what the hook does: a native one by its name, or a
# function that makes it from the original.
GROUPS = {
    "wsgi": [("eventlet.wsgi", "HttpProtocol", "handle_one_response", "handle_one_response")],
    # eventlet's is a copy, with classes of its own.
    "http": _http("http.client") + _http("eventlet.green.http.client"),
    "httpx": [
        ("httpx._transports.default", "HTTPTransport", "handle_request", _clients.httpx_sync),
        ("httpx._transports.default", "AsyncHTTPTransport", "handle_async_request", _clients.httpx_async),
    ],
    "aiohttp": [("aiohttp.client", "ClientSession", "__init__", _clients.aiohttp_session)],
    "greenthread": [
        ("eventlet.greenthread", "GreenThread", "__init__", "inherit self"),
        ("eventlet.greenthread", None, "_spawn_n", "inherit second"),
        ("eventlet.tpool", None, "execute", "carry first"),
        ("eventlet.green.threading", "Thread", "start", "carry thread"),
    ],
    "threads": [
        ("threading", "Thread", "start", "carry thread"),
        ("concurrent.futures.thread", "ThreadPoolExecutor", "submit", "carry second"),
    ],
    # Greenlet itself is of a type that cannot be changed: its own start() goes unseen.
    "gevent": [
        ("gevent", None, "spawn", "inherit result"),
        ("gevent", None, "spawn_later", "inherit result"),
        ("gevent", None, "spawn_raw", "inherit result"),
        ("gevent.pool", "Group", "start", "inherit argument"),
        ("gevent.pool", "Pool", "start", "inherit argument"),
        ("gevent.threadpool", "ThreadPool", "spawn", "carry second"),
        *(("gevent.pool", "GroupMappingMixin", name, "carry second")
          for name in ("map", "map_async", "imap", "imap_unordered", "apply_async")),
    ],
    # Not `handle`, which also sees the records that a filter rejects.
    "log_annotations": [("logging", "Logger", "callHandlers", "annotate")],
    "log_ids": [("logging", "Logger", "makeRecord", "identify")],
    "servers": _servers.PLACES,
}
# What `spanlet.init` hooks: calls that go out, and how a trace gets from thread to thread.
EVERYWHERE = ("http", "httpx", "aiohttp", "threads", "greenthread", "gevent")

_hooks = {}  # by place: where it is put, and what; None while its module is waited for
_waiting = {}


def apply(*groups):
    """Hooks groups; one that is hooked stays so."""
    for place in _places(groups):
        if place not in _hooks:
            _hooks[place] = None
            _waiting[place] = functools.partial(_put, place)
            when_imported(place[0], _waiting[place])


def remove(*groups):
    """Restores groups. Where another patch lies over a hook, the hook stays below it and does nothing."""
    for place in _places(groups):
        forget(place[0], _waiting.pop(place, None))
        put = _hooks.pop(place, None)
        if put is None:
            continue
        owner, hook = put
        if hasattr(hook, "retire"):
            hook.retire()
        if vars(owner)[place[2]] is hook:
            setattr(owner, place[2], hook.__wrapped__)


def applied():
    """Returns the functions that are hooked now, as `module.class.function`."""
    return [".".join(part for part in place[:3] if part) for place, hook in _hooks.items() if hook is not None]


def _places(groups):
    return [place for group in groups for place in GROUPS[group]]


def _put(place):
    module, class_name, name, make = place
    owner = _owner(sys.modules[module], class_name, name)
    if owner is None:
        warnings.warn(f"{module} has no {class_name or ''} {name} any more: it is not traced", stacklevel=2)
        return
    original = vars(owner)[name]
    hook = make(original) if callable(make) else _native.Hook(make, original)
    _hooks[place] = owner, hook
    setattr(owner, name, hook)


def _owner(module, class_name, name):
    """Returns what holds the function: a class may be another library's by now, over the one that is meant."""
    if class_name is None:
        return module if name in vars(module) else None
    found = getattr(module, class_name, None)
    return next((base for base in getattr(found, "__mro__", ()) if name in vars(base)), None)
