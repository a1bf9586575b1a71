"""Runs something as soon as a module has been imported, which may have happened already. Imports nothing itself."""
import sys

_waiting = {}


def when_imported(name, do):
    """Calls `do()` now if the module is there, otherwise right after its import."""
    if name in sys.modules:
        do()
        return
    _waiting.setdefault(name, []).append(do)
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def forget(name, do):
    """Takes back what has not happened yet."""
    if do in _waiting.get(name, ()):
        _waiting[name].remove(do)
        if not _waiting[name]:
            del _waiting[name]
    if not _waiting and _Finder in sys.meta_path:
        sys.meta_path.remove(_Finder)


class _Finder:
    """Stands before the other finders, and puts itself between them and the modules that are waited for."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            spec = find_spec(name, path, target) if find_spec is not None and finder is not _Finder else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """Loads as the loader it stands for, which the module then has as its own."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        for do in _waiting.pop(module.__name__, ()):
            do()
