"""Makes `import eventlet.zipkin` find Spanlet. Run at interpreter start by spanlet-boot.pth or .start.

Set SPANLET_REDIRECT=0 to leave eventlet's own module in place. Nothing else is touched: the finder knows one name.
"""
import os
import sys


class Finder:
    """Finds the package `eventlet.zipkin` in spanlet/eventlet_zipkin; its submodules follow from its path."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "eventlet.zipkin":
            return None
        from importlib.util import find_spec, spec_from_file_location
        spanlet = find_spec("spanlet")
        if spanlet is None:
            return None
        folder = os.path.join(spanlet.submodule_search_locations[0], "eventlet_zipkin")
        return spec_from_file_location(name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])


def install():
    """Puts the finder in front of the others, unless SPANLET_REDIRECT=0 says not to."""
    if os.environ.get("SPANLET_REDIRECT") != "0" and Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)
