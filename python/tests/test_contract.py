"""What was broken in eventlet.zipkin, one test each: contract/eventlet-zipkin.md, sections 3 and 4, in their order."""
import logging
import os
import subprocess
import sys

import eventlet
import pytest
from eventlet import wsgi
from eventlet.green import socket as green_socket
from eventlet.green.http import client as green_client
from eventlet.zipkin import api, patcher
from eventlet.zipkin._thrift.zipkinCore import constants, ttypes

import spanlet
from conftest import ok


def within(serve, work, headers=()):
    """Runs work within a request; returns the response."""
    def application(environ, start_response):
        work()
        return ok(environ, start_response)

    return serve(application).get(headers=headers)


class TestBrokenOnPython3:
    """Section 3: in the order a user met it."""

    def test_1_no_thrift_package_is_needed(self):
        code = """
import sys
class Refuse:
    def find_spec(name, path=None, target=None):
        if name.split('.')[0] in ('thrift', 'scribe', 'fb303'):
            raise AssertionError(name)
sys.meta_path.insert(0, Refuse)
from eventlet.zipkin import patcher
import eventlet.zipkin._thrift.zipkinCore.ttypes
"""
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)

    def test_2_constants_are_importable(self):
        assert (constants.SERVER_RECV, constants.SERVER_SEND) == ("sr", "ss")

    def test_3_the_http_client_is_patched_without_a_warning(self, serve, untraced, recwarn):
        seen = []

        def backend(environ, start_response):
            seen.append("HTTP_X_B3_TRACEID" in environ)
            return ok(environ, start_response)

        port = serve(backend).port
        untraced.enable()
        assert not [warning for warning in recwarn if "zipkin" in str(warning.message)]

        def call():
            connection = green_client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/")
            connection.getresponse().read()

        within(serve, call)
        assert seen == [True]

    def test_4_requests_are_answered(self, serve, traced):
        assert serve(ok).get().endswith(b"fine\n")

    def test_5_spans_are_flushed(self, serve, traced):
        serve(ok).get()
        assert len(traced.spans()) == 1

    def test_6_spans_are_encoded(self, serve, traced):
        serve(ok).get()
        (span,) = traced.spans()
        assert span.kind == "SERVER" and sorted(span.times) == ["sr", "ss"]

    def test_7_timestamps_are_whole_microseconds(self, serve, traced):
        import time
        before = time.time_ns() // 1000
        serve(ok).get()
        (span,) = traced.spans()
        assert before <= span.times["sr"] <= span.times["ss"] <= time.time_ns() // 1000
        assert isinstance(api.ZipkinDataBuilder.build_annotation("x").timestamp, int)

    def test_8_annotations_are_text(self, serve, traced):
        within(serve, lambda: (api.put_annotation("text"), api.put_annotation(b"bytes")))
        assert traced.spans()[0].annotations == ["text", "bytes"]

    def test_9_spans_share_one_connection(self, serve, traced):
        shop = serve(ok)
        for _ in range(20):
            shop.get()
        assert len(traced.spans()) == 20
        assert traced.sink.connections == 1

    def test_10_structs_have_a_working_repr(self):
        span = ttypes.Span(trace_id=1, name="n", id=2, annotations=[ttypes.Annotation(3, "v", ttypes.Endpoint(1, 2, "s"))])
        assert repr(span).startswith("Span(trace_id=1") and span == eval(repr(span), vars(ttypes))


class TestBugsThatMustNotComeBack:
    """Section 4."""

    def test_port_above_32767(self, serve, traced):
        listener = None
        for port in range(40000, 60000):
            try:
                listener = eventlet.listen(("127.0.0.1", port))
                break
            except OSError:
                continue
        serve(ok, listener=listener).get()
        (span,) = traced.spans()
        assert span.local.port == listener.getsockname()[1] > 32767

    def test_ipv6_listener(self, serve, traced):
        serve(ok, listener=eventlet.listen(("::1", 0), family=green_socket.AF_INET6)).get()
        (span,) = traced.spans()
        assert (span.local.ipv6, span.local.ipv4, span.remote.ipv6) == ("::1", None, "::1")

    def test_ipv4_mapped_in_ipv6_is_folded(self, serve, traced):
        shop = serve(ok, listener=eventlet.listen(("::", 0), family=green_socket.AF_INET6))
        shop.family, shop.address = green_socket.AF_INET, ("127.0.0.1", shop.port)
        shop.get()
        (span,) = traced.spans()
        assert (span.local.ipv4, span.local.ipv6, span.remote.ipv4) == ("127.0.0.1", None, "127.0.0.1")

    def test_unix_socket_listener(self, serve, traced, tmp_path):
        listener = eventlet.listen(os.fspath(tmp_path / "s"), family=green_socket.AF_UNIX)
        assert serve(ok, listener=listener).get().startswith(b"HTTP/1.1 200")
        (span,) = traced.spans()
        assert (span.local.ipv4, span.local.ipv6, span.local.port, span.remote) == (None, None, None, None)

    @pytest.mark.parametrize("bad", ["zzz", "-1", "0x12", "1" * 33, "0" * 16, "1 2", "\u00e9", "9" * 5000])
    def test_malformed_trace_id_starts_a_new_trace(self, serve, traced, bad):
        reply = serve(ok).get(headers={"X-B3-TraceId": bad, "X-B3-SpanId": "1" * 16})
        assert reply.startswith(b"HTTP/1.1 200")
        (span,) = traced.spans()
        assert span.parent_id is None and span.trace_id == span.id != 0x1111111111111111

    @pytest.mark.parametrize("trace_id", ["463ac35c9f6413ad48485a3953bb6124", "ffffffffffffffff", "f" * 32])
    def test_trace_ids_of_128_bits_and_with_the_top_bit_set(self, serve, traced, trace_id):
        serve(ok).get(headers={"X-B3-TraceId": trace_id, "X-B3-SpanId": "f" * 16, "X-B3-ParentSpanId": "8" * 16})
        (span,) = traced.spans()
        assert (span.trace_id, span.id, span.parent_id) == (int(trace_id, 16), 2 ** 64 - 1, int("8" * 16, 16))

    def test_trace_id_without_decision_is_decided_here(self, serve, untraced):
        ids = {"X-B3-TraceId": "a" * 16, "X-B3-SpanId": "b" * 16}
        untraced.enable(sampling_rate=1.0)
        shop = serve(ok)
        shop.get(headers=ids)
        untraced.enable(sampling_rate=0.0)
        shop.get(headers=ids)
        (span,) = untraced.spans()
        assert (span.trace_id, span.id) == (0xAAAAAAAAAAAAAAAA, 0xBBBBBBBBBBBBBBBB)

    @pytest.mark.parametrize("header, value, recorded", [
        ("X-B3-Flags", "1", True), ("X-B3-Sampled", "true", True), ("X-B3-Sampled", "1", True), ("X-B3-Sampled", "false", False),
        ("X-B3-Sampled", "0", False),
    ])
    def test_decisions_of_the_caller(self, serve, untraced, header, value, recorded):
        untraced.enable(sampling_rate=0.0 if recorded else 1.0)
        serve(ok).get(headers={"X-B3-TraceId": "a" * 16, "X-B3-SpanId": "b" * 16, header: value})
        spans = untraced.spans()
        assert len(spans) == recorded
        assert all(span.debug == (header == "X-B3-Flags") for span in spans)

    def test_trace_id_without_span_id_starts_a_new_trace(self, serve, traced):
        serve(ok).get(headers={"X-B3-TraceId": "a" * 16})
        (span,) = traced.spans()
        assert span.trace_id == span.id != 0xAAAAAAAAAAAAAAAA

    @pytest.mark.parametrize("monkey_patch", [False, True])
    def test_a_stalled_collector_holds_nobody_up(self, script, sink, monkey_patch):
        """The collector accepts and never answers. Row 9 without monkey_patch(), row 10 with it, on one connection."""
        sink.answer = None
        said = script(f"""
            import eventlet
            if {monkey_patch}:
                eventlet.monkey_patch()
            from eventlet.zipkin import patcher
            patcher.enable_trace_patch(port=sink_port)
            from eventlet import wsgi
            def application(environ, start_response):
                start_response('200 OK', [])
                return [b'fine']
            listener = eventlet.listen(('127.0.0.1', 0))
            eventlet.spawn(wsgi.server, listener, application, log_output=False)
            client = eventlet.connect(listener.getsockname())
            answered = 0
            for _ in range(300):
                client.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
                with eventlet.Timeout(5):
                    reply = b''
                    while not reply.endswith(b'fine'):
                        reply += client.recv(1000)
                answered += 1
            import spanlet
            stats = spanlet.stats()
            say(answered=answered, sent=stats['sent'], finished=stats['finished'])
        """)
        assert said == {"answered": 300, "sent": 0, "finished": 300}

    def test_memory_stays_flat(self, script):
        said = script("""
            import gc, resource, tracemalloc
            import eventlet
            from eventlet.zipkin import patcher
            patcher.enable_trace_patch(port=sink_port)
            from eventlet import wsgi
            def application(environ, start_response):
                start_response('200 OK', [])
                return [b'fine']
            listener = eventlet.listen(('127.0.0.1', 0))
            eventlet.spawn(wsgi.server, listener, application, log_output=False)
            client = eventlet.connect(listener.getsockname())
            def requests(number):
                for _ in range(number):
                    client.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
                    reply = b''
                    while not reply.endswith(b'fine'):
                        reply += client.recv(1000)
                import spanlet
                spanlet.flush()
                gc.collect()
            def resident_kib():
                return int(next(line for line in open('/proc/self/status') if line.startswith('VmRSS')).split()[1])
            requests(3000)
            tracemalloc.start()
            requests(1000)
            resident, objects, traced = resident_kib(), len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
            requests(6000)
            say(resident_kib=resident_kib() - resident, objects=len(gc.get_objects()) - objects,
                python_bytes=tracemalloc.get_traced_memory()[0] - traced)
        """)
        assert said["objects"] < 100 and said["python_bytes"] < 100_000 and said["resident_kib"] < 4096, said

    def test_an_exception_out_of_handle_one_response_ends_the_span(self, serve, traced):
        class Failing(wsgi.HttpProtocol):
            def get_client_address(self):
                raise KeyError("no client")

        serve(ok, protocol=Failing, log=logging.getLogger("quiet"), log_output=True).get()
        (span,) = traced.spans()
        assert span.tags["error"] == "KeyError: 'no client'"

    def test_status_and_exception_of_the_application(self, serve, traced):
        def application(environ, start_response):
            raise ValueError("boom")

        serve(application).get()
        (span,) = traced.spans()
        assert (span.tags["http.status_code"], span.tags["error"]) == ("500", "ValueError: boom")

    def test_children_have_contexts_of_their_own_and_late_annotations_are_counted(self, serve, traced):
        before = spanlet.stats()["late"]
        children = []

        def late():
            eventlet.sleep(0.02)
            api.put_annotation("late")

        within(serve, lambda: children.append(eventlet.spawn(late)))
        children[0].wait()
        assert spanlet.stats()["late"] == before + 1
        assert traced.spans()[0].annotations == []

    def test_disable_before_enable_does_nothing(self):
        patcher.disable_trace_patch()
        patcher.disable_trace_patch()

    def test_forked_workers_report_on_connections_of_their_own(self, sink):
        """As Swift does it: enable, fork, a new hub in each worker; workers die of SIGTERM's default action."""
        code = """
import os, signal, sys, warnings
warnings.simplefilter('ignore')
from eventlet.zipkin import patcher
patcher.enable_trace_patch(port=int(sys.argv[1]))
import eventlet
from eventlet import hubs, wsgi
import http.client, random
def application(environ, start_response):
    random.seed(1)
    start_response('200 OK', [])
    return [environ['PATH_INFO'].encode()]
def get(path, port):
    client = eventlet.connect(('127.0.0.1', port))
    client.sendall(b'GET %s HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' % path)
    assert b''.join(iter(lambda: client.recv(1000), b'')).startswith(b'HTTP/1.1 200')
listener = eventlet.listen(('127.0.0.1', 0))
server = eventlet.spawn(wsgi.server, listener.dup(), application, log_output=False)
for _ in range(10):
    get(b'/parent', listener.getsockname()[1])
server.kill()
workers = []
for _ in range(2):
    own = eventlet.listen(('127.0.0.1', 0))
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        hubs.use_hub()
        wsgi.server(own, application, log_output=False)
        os._exit(0)
    workers.append((pid, own.getsockname()[1]))
for pid, port in workers:
    for _ in range(30):
        get(b'/worker%d' % port, port)
sys.stdin.read()
for pid, _ in workers:
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
"""
        with subprocess.Popen([sys.executable, "-c", code, str(sink.port)], stdin=subprocess.PIPE) as process:
            sink.wait(70)
            process.stdin.close()
        assert process.returncode == 0
        paths = [span.tags["http.path"] for span in sink.spans]
        assert sorted(paths.count(path) for path in set(paths)) == [10, 30, 30]
        assert len({span.trace_id for span in sink.spans}) == 70 and sink.connections == 3

    def test_ids_have_64_bits_and_do_not_repeat_with_the_applications_seed(self, serve, traced):
        import random
        shop = serve(ok)
        for _ in range(200):
            random.seed(7)
            shop.get()
        ids = [span.trace_id for span in traced.spans()]
        assert len(set(ids)) == 200
        assert any(trace_id >> 60 for trace_id in ids) and all(0 < trace_id < 2 ** 64 for trace_id in ids)

    def test_key_values_of_any_type(self, serve, traced):
        within(serve, lambda: (api.put_key_value("n", 3), api.put_key_value("flag", True), api.put_key_value(4, 1.5)))
        tags = traced.spans()[0].tags
        assert (tags["n"], tags["flag"], tags["4"]) == ("3", "True", "1.5")

    def test_annotations_of_any_type(self, serve, traced):
        within(serve, lambda: (api.put_annotation(3), api.put_annotation(None), api.put_annotation({"a": 1})))
        assert traced.spans()[0].annotations == ["3", "None", "{'a': 1}"]

    def test_logging_calls_do_not_break(self, serve, untraced, monkeypatch):
        logger = logging.getLogger("contract")
        monkeypatch.setattr(logger, "propagate", False)
        monkeypatch.setattr(logger, "handlers", [logging.NullHandler()])
        logger.setLevel(logging.INFO)
        untraced.enable(trace_app_log=True)
        untraced.errors_before += 1
        reply = within(serve, lambda: (logger.info("%d", "x"), logger.info("fine")))
        assert reply.startswith(b"HTTP/1.1 200")
        assert untraced.spans()[0].annotations == ["fine"]

    def test_no_query_string_leaves_the_process(self, serve, traced):
        serve(ok).get("/x?token=secret")
        (span,) = traced.spans()
        assert span.tags["http.path"] == "/x" and "secret" not in repr(vars(span))
