"""Takes the place of an `eventlet.zipkin` that is already imported."""
import importlib
import sys

import _spanlet_boot


def install() -> None:
    """Makes `eventlet.zipkin` mean Spanlet from now on, also when eventlet's own module was imported before."""
    if _spanlet_boot.Finder not in sys.meta_path:
        sys.meta_path.insert(0, _spanlet_boot.Finder)
    present = sys.modules.get("eventlet.zipkin")
    if present is None or hasattr(present, "__spanlet__"):
        return
    for name in [name for name in sys.modules if name.split(".")[:2] == ["eventlet", "zipkin"]]:
        del sys.modules[name]
    importlib.import_module("eventlet.zipkin")  # which also sets the attribute of eventlet
