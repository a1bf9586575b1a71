"""What a person wants to know when no span comes: what is installed, hooked, set and reachable."""
import importlib.metadata
import importlib.util
import os
import platform
import socket
import sys
import time
import warnings
from urllib.parse import urlsplit

import _spanlet_boot

from . import _patches, _settings, _tracer
from ._span import span

_LIBRARIES = ("eventlet", "gevent", "gunicorn", "uvicorn", "requests", "urllib3", "httpx", "aiohttp")


def main():
    """Prints what is known, of a process that traces nothing yet. Returns the exit code."""
    good = True
    for holds, line in findings():
        good = good and holds
        print("ok  " if holds else "BAD ", line)
    return 0 if good else 1


def findings():
    """Returns what is known: whether it is as it should be, and what it is. Also of use in a running program."""
    found = [(True, f"python {platform.python_version()}, spanlet {_version('spanlet')} in {os.path.dirname(__file__)}")]
    found += [_redirect()]
    found += [(True, f"{name} {_version(name)}") for name in _LIBRARIES if _version(name)]
    found += _hooks()
    given = _tracer.given()
    with warnings.catch_warnings(record=True) as slips:
        warnings.simplefilter("always")
        settings = _settings.resolve(given)
        destination = _settings.destination(given, settings)
    found += [(False, str(slip.message)) for slip in slips]
    found += [(True, f"{name} = {value!r}") for name, value in settings.items()
              if value != _settings.plain_default(name) and name not in ("host", "port", "endpoint", *_settings.SECRET)]
    return found + [_collector(destination["endpoint"], destination["encoding"])] + _counts()


def send_test_span(endpoint=None):
    """Sends one span and says what became of it. Returns the exit code."""
    _tracer.start(**{} if endpoint is None else {"endpoint": endpoint}, sampling_rate=1.0)
    with span("spanlet-test", tags={"spanlet.test": time.ctime()}) as test:
        trace_id, _ = test.ids
    arrived = _tracer.flush(5.0)
    stats = _tracer.stats()
    _tracer.shutdown(0)
    if arrived:
        print(f"the collector has it: trace {trace_id}, service {_settings.service_name()}")
        return 0
    print(f"it did not arrive: {stats['last_failure'] or 'the collector did not answer in 5 s'}")
    return 1


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _redirect():
    if not importlib.util.find_spec("eventlet"):
        return True, "eventlet is not installed: there is no eventlet.zipkin to stand in for"
    present = sys.modules.get("eventlet.zipkin")
    if present is not None:
        ours, where = hasattr(present, "__spanlet__"), present.__file__
    else:
        ours, where = _spanlet_boot.Finder in sys.meta_path, "not imported yet"
    why = "" if ours else f"; SPANLET_REDIRECT={os.environ.get('SPANLET_REDIRECT')}: call spanlet.install()"
    return ours, f"eventlet.zipkin is {'ours' if ours else 'that of eventlet'} ({where}){why}"


def _hooks():
    hooked = _patches.applied()
    if hooked:
        return [(True, f"hooked: {name}") for name in hooked]
    # Nothing is traced here: try what would be, on what is installed.
    with warnings.catch_warnings(record=True) as missing:
        warnings.simplefilter("always")
        for name in {place[0] for group in (*_patches.EVERYWHERE, "wsgi") for place in _patches.GROUPS[group]}:
            if _version(name.split(".")[0]) or name.split(".")[0] in sys.stdlib_module_names:
                importlib.import_module(name)
        _patches.apply(*_patches.EVERYWHERE, "wsgi")
        count = len(_patches.applied())
        _patches.remove(*_patches.GROUPS)
    missing = [slip for slip in missing if "spanlet" in str(slip.filename)]
    return [(True, f"{count} functions can be hooked")] + [(False, str(slip.message)) for slip in missing]


def _collector(endpoint, encoding):
    url = urlsplit(endpoint)
    shown = endpoint.replace(f"{url.netloc.rpartition('@')[0]}@", "***@") if "@" in url.netloc else endpoint
    if url.scheme == "file":
        folder = os.path.dirname(url.path)
        return os.access(folder, os.W_OK), f"spans go to the file {url.path}"
    where = f"spans go to {shown}" + ("" if url.scheme == "scribe" else f" as {encoding}")
    try:
        if url.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as unix:
                unix.settimeout(2)
                unix.connect(url.path)
        else:
            ports = {"scribe": 9410, "http": 4318 if encoding == "otlp" else 9411, "https": 443}
            socket.create_connection((url.hostname, url.port or ports[url.scheme]), 2).close()
    except (OSError, ValueError, KeyError) as error:
        return False, f"{where}: {error}"
    return True, f"{where}, which takes connections (send-test-span tries the rest)"


def _counts():
    stats = _tracer.stats()
    if "finished" not in stats:
        return []
    said = ", ".join(f"{stats[name]} {name}" for name in ("finished", "sent", "queued", "dropped", "errors"))
    lines = [(stats["dropped"] == 0 and stats["errors"] == 0, said)]
    return lines + [(False, stats[name]) for name in ("last_failure", "last_error") if stats[name]]
