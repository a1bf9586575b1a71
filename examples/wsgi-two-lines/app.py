"""The smallest traced application: an eventlet WSGI server, and the two lines."""
from eventlet.zipkin import patcher
patcher.enable_trace_patch()

import eventlet
from eventlet import wsgi


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'Hello, trace\n']


wsgi.server(eventlet.listen(('127.0.0.1', 8000)), application)
