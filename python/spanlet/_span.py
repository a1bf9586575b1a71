"""Spans of the application's own, as context managers and decorators."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import _native

_Function = TypeVar("_Function", bound=Callable[..., Any])

_KINDS = ("client", "server", "producer", "consumer")


class span:
    """A span of this process: below the current one, or the first of a new trace.

        with spanlet.span("read the catalogue", tags={"shelf": 3}) as span:
            span.annotate("found it")

        @spanlet.span("restock", kind="consumer")
        async def restock(order): ...

    What is raised within marks it as failed. Never raises itself.
    """

    __slots__ = ("_name", "_kind", "_tags", "_scope", "_outer")

    def __init__(
        self, name: str | None = None, *, kind: str | None = None, tags: Mapping[str, object] | None = None
    ) -> None:
        if kind is not None and kind not in _KINDS:
            raise ValueError(f"kind {kind!r} is none of {', '.join(_KINDS)}")
        self._name, self._kind, self._tags = name, kind and kind.upper(), tags
        self._scope = self._outer = None

    def __enter__(self) -> span:
        entered = _native.enter(self._name or "unnamed", self._kind)
        if entered is not None:
            self._scope, self._outer = entered
            for key, value in (self._tags or {}).items():
                self._scope.tag(key, value)
        return self

    def __exit__(self, error_type: object, error: BaseException | None, traceback: object) -> None:
        if self._scope is not None:
            _native.leave(self._scope, self._outer, error)

    def tag(self, key: object, value: object) -> None:
        """Sets a tag."""
        if self._scope is not None:
            self._scope.tag(key, value)

    def annotate(self, text: object) -> None:
        """Adds something that happened, now."""
        if self._scope is not None:
            self._scope.annotate(text)

    @property
    def ids(self) -> tuple[str, str] | None:
        """The trace id and the span id in hexadecimal, None without a tracer."""
        return None if self._scope is None else self._scope.hex_ids

    def __call__(self, function: _Function) -> _Function:
        """Decorates a function: each call is a span, named after the function unless it has a name."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator: open a span within it")
        name, kind, tags = self._name or function.__qualname__, self._kind and self._kind.lower(), self._tags
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def traced(*args, **options):
                with span(name, kind=kind, tags=tags):
                    return await function(*args, **options)
        else:

            @functools.wraps(function)
            def traced(*args, **options):
                with span(name, kind=kind, tags=tags):
                    return function(*args, **options)

        return traced


def current_ids() -> tuple[str, str] | None:
    """Returns the trace id and the span id of the running code in hexadecimal; None outside of a trace."""
    scope = _native.current()
    return None if scope is None else scope.hex_ids
