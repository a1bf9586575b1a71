"""Runs an unchanged program with the two lines in front of it: python traced.py PROGRAM [ARGUMENT...]"""
import runpy
import sys

# The program finds the arguments it expects, and its traces bear its name.
del sys.argv[0]

from eventlet.zipkin import patcher
patcher.enable_trace_patch()

runpy.run_path(sys.argv[0], run_name='__main__')
