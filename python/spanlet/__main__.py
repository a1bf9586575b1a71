"""python -m spanlet run PROGRAM... | doctor | send-test-span"""
import argparse
import os
import runpy
import shutil
import sys


def main():
    parser = argparse.ArgumentParser(prog="python -m spanlet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a Python program, traced, unchanged; SPANLET_* say how")
    run.add_argument("-m", dest="module", action="store_true", help="PROGRAM is a module")
    run.add_argument("program", help="a Python file, or the name of an installed command such as gunicorn")
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("doctor", help="say what is installed, hooked and reachable")
    test = commands.add_parser("send-test-span", help="send one span and say what became of it")
    test.add_argument("--endpoint", help="where to, as in SPANLET_ENDPOINT")
    given = parser.parse_args()
    if given.command == "run":
        return run_program(given.program, given.arguments, given.module)
    from . import doctor
    return doctor.main() if given.command == "doctor" else doctor.send_test_span(given.endpoint)


def run_program(program, arguments, is_module):
    """Runs a program in this process as if Python had been started with it."""
    path = program if is_module else _path_of(program)
    if path is None:
        return f"spanlet: {program} is neither a Python file nor an installed command written in Python"
    sys.argv = [path, *arguments]
    from . import _patches, _tracer
    _tracer.init()
    _patches.apply("wsgi", "servers")
    if is_module:
        sys.path[0] = os.getcwd()
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(path))
        runpy.run_path(path, run_name="__main__")


def _path_of(program):
    if os.path.isfile(program):
        return program
    path = shutil.which(program)
    if path is not None:
        with open(path, "rb") as file:
            first = file.readline()
        if first.startswith(b"#!") and b"python" in first:
            return path
    return None


if __name__ == "__main__":
    sys.exit(main())
