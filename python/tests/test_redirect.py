"""Which `eventlet.zipkin` is found, in processes of their own."""
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

WHICH = "import importlib.util as u; print(u.find_spec('eventlet.zipkin').origin)"


def python(code, *flags, executable=sys.executable, **environment):
    environment = {"PATH": os.environ["PATH"], **environment}
    result = subprocess.run([executable, "-W", "ignore", *flags, "-c", code], env=environment, capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == "", result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("flags", [[], ["-I"], ["-E", "-s"]], ids=" ".join)
def test_the_two_lines_find_ours(flags):
    assert "spanlet/eventlet_zipkin" in python("from eventlet.zipkin import patcher; print(patcher.__file__)", *flags)


def test_opting_out_leaves_eventlets_own():
    assert python(WHICH, SPANLET_REDIRECT="0").endswith("eventlet/zipkin/__init__.py")


def test_an_interpreter_that_traces_nothing_imports_nothing_of_ours():
    loaded = python("import sys; print(sorted(name for name in sys.modules if 'spanlet' in name or 'eventlet' in name))")
    assert loaded in ("['_spanlet_boot']", "['_spanlet_boot', 'sitecustomize']")


def test_importing_spanlet_installs_the_finder_without_the_boot_files():
    code = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, '__name__', '') != 'Finder']; import spanlet; "
    assert "spanlet/eventlet_zipkin" in python(code + WHICH)


def test_install_replaces_what_was_imported_before():
    said = python("""
import eventlet.zipkin
old = eventlet.zipkin
import spanlet
spanlet.install()
spanlet.install()
from eventlet.zipkin import patcher, api
import eventlet.zipkin._thrift.zipkinCore.ttypes
assert eventlet.zipkin is not old and eventlet.zipkin.api is api
print(patcher.__file__)
""", SPANLET_REDIRECT="0")
    assert "spanlet/eventlet_zipkin" in said


def test_install_keeps_ours():
    python("from eventlet.zipkin import patcher as before; import spanlet; spanlet.install(); "
           "from eventlet.zipkin import patcher as after; assert after is before")


@pytest.fixture
def other(tmp_path):
    """A virtual environment with a copy of the installed package, and eventlet through a path."""
    venv.create(tmp_path, symlinks=True)
    (site,) = tmp_path.glob("lib/python*/site-packages")
    (site / "theirs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for file in importlib.metadata.files("spanlet"):
        if not file.suffix == ".pyc":
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), site / file)
    return tmp_path / "bin" / "python", site


def test_uninstalling_leaves_nothing(other):
    executable, site = other
    assert python(WHICH, executable=executable).startswith(str(site))
    pip = [sys.executable, "-m", "pip", "--python", str(executable), "uninstall", "-y", "-q", "--root-user-action=ignore", "spanlet"]
    subprocess.run(pip, check=True, capture_output=True)
    assert [path.name for path in site.iterdir()] == ["theirs.pth"]
    assert python(WHICH, executable=executable).endswith("eventlet/zipkin/__init__.py")


def test_a_pth_file_left_alone_is_silent(other):
    executable, site = other
    (site / "_spanlet_boot.py").unlink()
    shutil.rmtree(site / "spanlet")
    shutil.rmtree(site / "__pycache__", ignore_errors=True)
    # Their path holds the installed boot module as well: leave it out.
    (site / "theirs.pth").unlink()
    assert python("print('quiet')", executable=executable) == "quiet"


def test_the_package_says_what_it_is():
    files = {str(file) for file in importlib.metadata.files("spanlet")}
    assert {"_spanlet_boot.py", "spanlet-boot.pth", "spanlet-boot.start", "spanlet/py.typed", "spanlet/_native.pyi"} <= files
    pth = Path(sysconfig.get_path("purelib"), "spanlet-boot.pth").read_text()
    assert pth.count("\n") == 1 and pth.startswith("import ")
    assert Path(sysconfig.get_path("purelib"), "spanlet-boot.start").read_text() == "_spanlet_boot:install\n"
    requires = importlib.metadata.requires("spanlet")
    assert not requires
