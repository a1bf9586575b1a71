"""The one tracer of this process: made, replaced and flushed here."""
from __future__ import annotations

import atexit
import warnings
from typing import TYPE_CHECKING, Any

from . import _native, _patches, _settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._keywords import Keywords

# Long enough for a collector that answers, short enough not to hold up an exit when none does.
FLUSH_TIMEOUT_S = 2.0

_latest = None  # kept after shutdown, for its counters
_enabled = False
_given = {}


def init(
    host: str | None = None, port: int | None = None, sampling_rate: float | None = None, **settings: Unpack[Keywords]
) -> None:
    """Traces this process from now on, and reports to a collector: its scribe address, or `endpoint`, a URL. A second
    call takes the place of the first. What is not said is taken from the environment (docs/reference/tracer.md).

    HTTP calls that are made within a trace become spans and pass it on, and threads inherit it. Requests that come in
    need the middleware of `spanlet.wsgi` or `spanlet.asgi`.

    Raises ValueError for settings that cannot be meant. Never raises for a collector that is away.
    """
    start(host=host, port=port, sampling_rate=sampling_rate, **settings)
    _patches.apply(*_patches.EVERYWHERE)


def start(**given):
    """Makes the tracer, and hooks nothing but logging, if that is asked for."""
    global _latest, _enabled, _given
    settings = _settings.resolve(given)
    tracer = make(given, settings)
    before, _latest, _given = current(), tracer, given
    _native.install(tracer)
    for group in ("log_ids", "log_annotations"):
        (_patches.apply if settings[group] else _patches.remove)(group)
    if not _enabled:
        atexit.register(flush)
        _enabled = True
    if before is not None:
        before.shutdown(FLUSH_TIMEOUT_S)


def make(given, settings):
    """Makes a tracer that is not installed. A destination that only the environment names must not end the program."""
    destination = _settings.destination(given, settings)
    try:
        return _native.Tracer({**settings, **destination})
    except ValueError as error:
        scribe = _settings.scribe(settings)
        if given.get("endpoint") is not None or destination["endpoint"] == scribe:
            raise
        warnings.warn(f"{error}: spans go to {scribe}", stacklevel=4)
        return _native.Tracer({**settings, "endpoint": scribe, "encoding": "json"})


def set_sampling_rate(sampling_rate):
    """Changes the share of new traces that are recorded, if there is a tracer."""
    if _enabled and _given.get("sampling_rate") != sampling_rate:
        start(**{**_given, "sampling_rate": sampling_rate})


def current():
    """Returns the tracer of this process, if there is one."""
    return _latest if _enabled else None


def given():
    """Returns the settings that the program has given."""
    return _given if _enabled else {}


def shutdown(timeout_s: float = FLUSH_TIMEOUT_S) -> None:
    """Sends what was recorded, waiting no longer than this, stops recording, and takes every hook out."""
    global _enabled
    _patches.remove(*_patches.GROUPS)
    if _enabled:
        _enabled = False
        _native.install(None)
        atexit.unregister(flush)
        _latest.shutdown(timeout_s)


def flush(timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
    """Waits until all finished spans are acknowledged, no longer than this. Says whether they are."""
    return not _enabled or _latest.flush(timeout_s)


def stats() -> dict[str, Any]:
    """Returns the counters: spans finished, sent, queued, dropped and why; faults of tracing that were swallowed."""
    errors, last_error, late = _native.errors()
    counters = {} if _latest is None else _latest.stats()
    return {**counters, "late": late, "errors": errors, "last_error": last_error}
