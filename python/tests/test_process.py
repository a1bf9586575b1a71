"""The tracer as a guest: what it starts, what it leaves, and what it does when the collector is away."""
import pytest

import spanlet
from conftest import ok
from scribe import Sink


def test_importing_and_enabling_start_no_thread_and_open_no_socket(script):
    said = script("""
        import os
        def threads():
            return len(os.listdir('/proc/self/task'))
        def sockets():
            return sum(os.readlink(f'/proc/self/fd/{fd}').startswith('socket')
                       for fd in os.listdir('/proc/self/fd') if os.path.lexists(f'/proc/self/fd/{fd}'))
        import eventlet.wsgi
        before = threads(), sockets()
        import spanlet
        from eventlet.zipkin import patcher
        patcher.enable_trace_patch(port=sink_port)
        say(before=before, after=(threads(), sockets()), alive=spanlet.stats()['thread_alive'])
    """)
    assert said["before"] == said["after"] and not said["alive"]


SERVE_20 = """
    import eventlet
    from eventlet.zipkin import patcher
    patcher.enable_trace_patch(port=sink_port)
    from eventlet import wsgi
    def application(environ, start_response):
        start_response('200 OK', [])
        return [b'fine']
    listener = eventlet.listen(('127.0.0.1', 0))
    eventlet.spawn(wsgi.server, listener, application, log_output=False)
    for _ in range(20):
        client = eventlet.connect(listener.getsockname())
        client.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n')
        b''.join(iter(lambda: client.recv(1000), b''))
"""


@pytest.mark.parametrize("end", [
    "pass",
    "sys.exit(3)",
    "eventlet.spawn(sys.exit, 3).wait()",
    "raise RuntimeError('the end')",
])
def test_spans_are_flushed_at_exit(script, sink, end):
    script(SERVE_20 + f"    {end}\n", check=False)
    assert len(sink.spans) == 20


def test_disable_flushes_before_it_returns(serve, traced):
    shop = serve(ok)
    for _ in range(50):
        shop.get()
    traced.disable()
    assert len(traced.sink.spans) == 50


def test_no_collector(serve, untraced, recwarn):
    untraced.sink.close()
    untraced.enable()
    assert serve(ok).get().endswith(b"fine\n")
    assert spanlet.stats()["finished"] == 1 and spanlet.stats()["sent"] == 0
    assert not [warning for warning in recwarn if "socket" not in str(warning.message).lower()]


def test_a_collector_that_goes_away_and_comes_back(serve, traced):
    shop = serve(ok)
    shop.get("/before")
    traced.sink.wait(1)
    traced.sink.close()
    for _ in range(5):
        assert shop.get("/away").startswith(b"HTTP/1.1 200")
    back = Sink(traced.sink.port)
    shop.get("/after")
    paths = [span.tags["http.path"] for span in back.wait(6, timeout_s=30)]
    assert sorted(set(paths)) == ["/after", "/away"]
    back.close()


def test_a_full_queue_drops_and_counts(script, sink):
    sink.answer = None
    said = script("""
        import eventlet, spanlet
        from spanlet.wsgi import TracingMiddleware
        spanlet.init(port=sink_port)
        def application(environ, start_response):
            start_response('200 OK', [])
            return []
        traced = TracingMiddleware(application)
        def resident_kib():
            return int(next(line for line in open('/proc/self/status') if line.startswith('VmRSS')).split()[1])
        def requests(number):
            for _ in range(number):
                traced({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/'}, lambda status, headers: None)
        requests(20_000)
        full = resident_kib()
        requests(100_000)
        stats = spanlet.stats()
        say(finished=stats['finished'], accounted=stats['dropped'] + stats['queued'] + stats['sent'],
            dropped=stats['dropped'], grown_kib=resident_kib() - full)
    """)
    assert said["finished"] == said["accounted"] == 120_000
    assert said["dropped"] >= 100_000 and said["grown_kib"] < 8192, said


def test_the_asyncio_hub(script, sink):
    script(SERVE_20 + "    assert 'asyncio' in type(eventlet.hubs.get_hub()).__module__\n", EVENTLET_HUB="asyncio")
    assert len(sink.spans) == 20
