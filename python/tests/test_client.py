"""Client spans and B3 headers of both http.client classes, whatever way they are driven."""
import gc
import http.client

import eventlet
import pytest
from eventlet.green import httplib
from eventlet.green.http import client as green_client
from eventlet.green.urllib import request as green_request

from conftest import ok

B3 = ["X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags", "b3"]


@pytest.fixture
def backend(serve):
    """Answers every request, and remembers the headers as they were sent."""
    seen = []

    def application(environ, start_response):
        seen.append(environ["headers_raw"])
        status = environ["PATH_INFO"].strip("/")
        start_response(f"{status} Said" if status.isdigit() else "200 OK", [])
        return [b"answer"]

    shop = serve(application)
    shop.seen = seen
    return shop


def through(serve, call, headers=()):
    """Makes a call from within a request to a front server. Returns what the call returned."""
    results = []

    def application(environ, start_response):
        results.append(call())
        return ok(environ, start_response)

    reply = serve(application).get("/front", headers=headers)
    assert reply.startswith(b"HTTP/1.1 200"), reply.decode()
    return results[0]


def halves(traced):
    """Returns the front's span, and the client and server half of its call."""
    spans = traced.spans()
    (front,) = [span for span in spans if span.tags["http.path"] == "/front"]
    (client,) = [span for span in spans if span.kind == "CLIENT"]
    (server,) = [span for span in spans if span.kind == "SERVER" and span is not front]
    return front, client, server


def connection_call(connection_class, port, headers=(), path="/item?secret=1", method="GET"):
    connection = connection_class("127.0.0.1", port)
    connection.request(method, path, headers=dict(headers))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_a_call_is_a_span_of_two_halves(serve, traced, backend):
    through(serve, lambda: connection_call(green_client.HTTPConnection, backend.port))
    front, client, server = halves(traced)
    assert (client.trace_id, client.parent_id) == (front.trace_id, front.id)
    assert (server.trace_id, server.id, server.parent_id) == (front.trace_id, client.id, front.id)
    assert client.name.upper() == "GET"
    assert client.tags == {"http.method": "GET", "http.path": "/item", "http.status_code": "200"}
    assert (client.remote.ipv4, client.remote.port) == ("127.0.0.1", backend.port)
    assert client.local.service == front.local.service
    assert client.times["cs"] <= server.times["sr"] and client.times["cr"] >= client.times["cs"]


def test_headers_replace_forwarded_ones_however_they_are_put(serve, traced, backend):
    def call():
        connection = green_client.HTTPConnection("127.0.0.1", backend.port)
        connection.putrequest("PUT", "/item")
        connection.putheader("x-b3-traceid", "1" * 16)
        connection.putheader(b"X-B3-SPANID", b"2" * 16)
        connection.putheader(b"X-B3-ParentSpanId", "3" * 16)
        connection.putheader("X-B3-Sampled", 0)
        connection.putheader("X-B3-Flags", "1")
        connection.putheader("b3", "0")
        connection.putheader("X-Other", "kept", b"twice")
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        return connection.getresponse().read()

    assert through(serve, call) == b"answer"
    (raw,) = backend.seen
    front, client, _ = halves(traced)
    sent = [(name, value) for name, value in raw if name.lower() in {b3.lower() for b3 in B3}]
    assert sorted(sent) == sorted([
        ("X-B3-TraceId", f"{front.trace_id:016x}"), ("X-B3-SpanId", f"{client.id:016x}"),
        ("X-B3-ParentSpanId", f"{front.id:016x}"), ("X-B3-Sampled", "1"),
    ])
    assert dict(raw)["X-Other"].split() == ["kept", "twice"]


def test_unsampled_requests_pass_the_decision_on_and_make_no_span(serve, untraced, backend):
    untraced.enable(sampling_rate=0.0)
    through(serve, lambda: connection_call(green_client.HTTPConnection, backend.port))
    raw = dict(backend.seen[0])
    assert raw["X-B3-Sampled"] == "0"
    assert len(raw["X-B3-TraceId"]) == len(raw["X-B3-SpanId"]) == len(raw["X-B3-ParentSpanId"]) == 16
    assert untraced.spans() == []


def test_a_call_without_a_trace_is_left_alone(serve, traced, backend):
    connection_call(green_client.HTTPConnection, backend.port, headers={"X-B3-TraceId": "a" * 16, "X-B3-SpanId": "b" * 16})
    sent = dict(backend.seen[0])
    assert (sent["X-B3-TraceId"], sent["X-B3-SpanId"]) == ("a" * 16, "b" * 16)
    (span,) = traced.spans()
    assert (span.kind, span.trace_id, span.id) == ("SERVER", 0xAAAAAAAAAAAAAAAA, 0xBBBBBBBBBBBBBBBB)


def test_a_connection_used_with_and_then_without_a_trace(serve, traced, backend):
    connection = green_client.HTTPConnection("127.0.0.1", backend.port)

    def call():
        connection.request("GET", "/item")
        return connection.getresponse().read()

    through(serve, call)
    call()
    first, second = ({name for name, _ in raw if name in B3} for raw in backend.seen)
    assert first and not second
    assert len(traced.spans("CLIENT")) == 1


def test_a_request_given_up_before_it_was_sent_leaves_nothing_on_its_connection(serve, traced, backend):
    connection = green_client.HTTPConnection("127.0.0.1", backend.port)

    def give_up():
        connection.putrequest("GET", "/never")
        connection.close()
        connection._buffer.clear()  # http.client itself would send it with the next request

    through(serve, give_up)
    connection.request("GET", "/item", headers={"b3": "0"})
    connection.getresponse().read()
    assert [(name, value) for name, value in backend.seen[0] if name in B3] == [("b3", "0")]
    assert traced.spans("CLIENT") == []


@pytest.mark.parametrize("status, error", [(204, None), (304, None), (404, "404"), (503, "503")])
def test_client_statuses_from_400_are_errors(serve, traced, backend, status, error):
    through(serve, lambda: connection_call(green_client.HTTPConnection, backend.port, path=f"/{status}"))
    (client,) = traced.spans("CLIENT")
    assert (client.tags["http.status_code"], client.tags.get("error")) == (str(status), error)


@pytest.mark.parametrize("connection_class", [httplib.HTTPConnection, green_client.HTTPConnection])
def test_green_classes(serve, traced, backend, connection_class):
    assert through(serve, lambda: connection_call(connection_class, backend.port)) == (200, b"answer")
    halves(traced)


def test_green_urllib(serve, traced, backend):
    assert through(serve, lambda: green_request.urlopen(backend.url("/item")).read()) == b"answer"
    halves(traced)


LIBRARIES = {
    "http_client": "import http.client as h; c = h.HTTPConnection('127.0.0.1', port); c.request('GET', '/'); c.getresponse().read()",
    "urllib_request": "import urllib.request as u; u.urlopen(f'http://127.0.0.1:{port}/').read()",
    "requests": "import requests; requests.get(f'http://127.0.0.1:{port}/').content",
    "requests_session_posting": "import requests; requests.Session().post(f'http://127.0.0.1:{port}/', data={'a': 1}).content",
    "urllib3": "import urllib3; urllib3.PoolManager().request('GET', f'http://127.0.0.1:{port}/').data",
    "urllib3_chunked": "import urllib3; urllib3.PoolManager().request('POST', f'http://127.0.0.1:{port}/', body=iter([b'a', b'b']), chunked=True).data",
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_monkey_patched_libraries(script, sink, library):
    said = script(f"""
        from eventlet.zipkin import patcher
        patcher.enable_trace_patch(port=sink_port)
        import eventlet
        eventlet.monkey_patch()
        from eventlet import wsgi
        def backend(environ, start_response):
            environ['wsgi.input'].read()
            start_response('200 OK', [])
            return [b'answer']
        def front(environ, start_response):
            {LIBRARIES[library]}
            start_response('200 OK', [])
            return []
        listeners = [eventlet.listen(('127.0.0.1', 0)) for _ in range(2)]
        port = listeners[0].getsockname()[1]
        for listener, application in zip(listeners, [backend, front]):
            eventlet.spawn(wsgi.server, listener, application, log_output=False)
        client = eventlet.connect(listeners[1].getsockname())
        client.sendall(b'GET /front HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n')
        reply = b''.join(iter(lambda: client.recv(1000), b''))
        import spanlet
        stats = spanlet.stats()
        say(reply=reply.decode(), errors=stats['errors'], last=stats['last_error'])
    """)
    assert said["reply"].startswith("HTTP/1.1 200") and said["errors"] == 0, said
    spans = sink.wait(3)
    (front,) = [span for span in spans if span.tags["http.path"] == "/front"]
    (client,) = [span for span in spans if span.kind == "CLIENT"]
    (server,) = [span for span in spans if span.kind == "SERVER" and span is not front]
    assert client.id == server.id and client.parent_id == server.parent_id == front.id
    assert (client.remote.port, client.tags["http.status_code"]) == (server.local.port, "200")


class BufferedHTTPConnection(green_client.HTTPConnection):
    """Drives a connection the way Swift's class of this name does."""

    class response_class(green_client.HTTPResponse):
        def __init__(self, sock, debuglevel=0, method=None):
            self.sock = sock
            self.fp = sock.makefile("rb")
            self.debuglevel = debuglevel
            self._method = method
            self.headers = self.msg = None
            self.version = self.status = self.reason = self.chunked = None
            self.chunk_left = self.length = self.will_close = None

        def expect_response(self):
            self.fp.close()
            self.fp = self.sock.makefile("rb", 0)
            version, status, reason = self._read_status()
            if status != 100:
                self._read_status = lambda: (version, status, reason)
                self.begin()
            else:
                self.status, self.reason, self.version = status, reason.strip(), 11
                self.msg = green_client.parse_headers(self.fp)

    def putheader(self, header, value):
        green_client.HTTPConnection.putheader(self, header.encode("latin-1"), value)

    def getexpect(self):
        response = self.response_class(self.sock, method=self._method)
        response.expect_response()
        return response


def replying(*replies):
    """Listens, and answers the first connection with these bytes, one each time something has come."""
    listener = eventlet.listen(("127.0.0.1", 0))

    def serve_one():
        connection, _ = listener.accept()
        for reply in replies:
            connection.recv(65536)
            connection.sendall(reply)
        eventlet.sleep(5)
        connection.close()

    eventlet.spawn(serve_one)
    return listener.getsockname()[1]


def put_with_expect(port):
    connection = BufferedHTTPConnection("127.0.0.1", port)
    connection.putrequest("PUT", "/object", skip_host=True)
    connection.putheader("X-B3-SpanId", "forwarded")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    return connection


def test_100_continue_does_not_end_the_span_but_the_response_does(serve, traced):
    port = replying(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    def call():
        connection = put_with_expect(port)
        expect = connection.getexpect()
        eventlet.sleep(0.02)
        connection.send(b"body")
        return expect.status, connection.getresponse().status

    assert through(serve, call) == (100, 201)
    (client,) = traced.spans("CLIENT")
    assert client.tags["http.status_code"] == "201" and client.duration_us >= 20_000


def test_an_answer_instead_of_100_continue_ends_the_span(serve, traced):
    port = replying(b"HTTP/1.1 507 Full\r\nContent-Length: 0\r\n\r\n")
    assert through(serve, lambda: put_with_expect(port).getexpect().status) == 507
    (client,) = traced.spans("CLIENT")
    assert (client.tags["http.status_code"], client.tags["error"]) == ("507", "507")


def test_calls_are_tied_to_their_connection_not_to_the_green_thread(serve, traced):
    """Swift opens three connections, then reads the three responses, all in one green thread."""
    ports = [replying(b"HTTP/1.1 %d Made\r\nContent-Length: 0\r\n\r\n" % status) for status in (201, 202, 503)]

    def call():
        connections = [put_with_expect(port) for port in ports]
        return [connection.getresponse().status for connection in reversed(connections)]

    assert through(serve, call) == [503, 202, 201]
    clients = traced.spans("CLIENT")
    assert {client.remote.port: client.tags["http.status_code"] for client in clients} == dict(zip(ports, ["201", "202", "503"]))
    assert len({client.id for client in clients}) == 3


def silent():
    listener = eventlet.listen(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]


def test_a_timeout_in_getresponse_ends_the_span(serve, traced):
    listener, port = silent()

    def call():
        with eventlet.Timeout(0.03, False):
            connection_call(green_client.HTTPConnection, port)

    through(serve, call)
    (client,) = traced.spans("CLIENT")
    assert client.tags["error"].startswith("Timeout") and client.duration_us >= 30_000


def test_a_socket_timeout_ends_the_span(serve, traced):
    listener, port = silent()

    def call():
        connection = green_client.HTTPConnection("127.0.0.1", port, timeout=0.03)
        connection.request("GET", "/")
        with pytest.raises(OSError):
            connection.getresponse()

    through(serve, call)
    (client,) = traced.spans("CLIENT")
    assert "timed out" in client.tags["error"] or "Timeout" in client.tags["error"]


@pytest.mark.parametrize("way", ["closed", "dropped"])
def test_a_connection_without_a_response_ends_its_span(serve, traced, way):
    listener, port = silent()

    def call():
        connection = green_client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/")
        if way == "closed":
            connection.close()
        del connection
        gc.collect()

    through(serve, call)
    (client,) = traced.spans("CLIENT")
    assert way in client.tags["error"] and "http.status_code" not in client.tags


def test_a_connection_that_is_refused(serve, traced):
    listener, port = silent()
    listener.close()

    def call():
        with pytest.raises(ConnectionRefusedError):
            connection_call(green_client.HTTPConnection, port)

    through(serve, call)
    (client,) = traced.spans("CLIENT")
    assert "ConnectionRefusedError" in client.tags["error"] and client.remote is None


def test_a_server_that_hangs_up(serve, traced):
    listener, port = silent()

    def hang_up():
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.close()

    eventlet.spawn(hang_up)

    def call():
        with pytest.raises(green_client.RemoteDisconnected):
            connection_call(green_client.HTTPConnection, port)

    through(serve, call)
    (client,) = traced.spans("CLIENT")
    assert client.tags["error"].startswith("RemoteDisconnected")


def test_client_errors_are_raised_without_frames_of_ours(serve, traced):
    import traceback
    listener, port = silent()
    listener.close()
    texts = []

    def call():
        try:
            connection_call(green_client.HTTPConnection, port)
        except OSError:
            texts.append(traceback.format_exc())

    through(serve, call)
    assert "endheaders" in texts[0] and "spanlet" not in texts[0]


def test_misuse_fails_as_it_does_untraced(serve, traced, backend):
    def call():
        connection = green_client.HTTPConnection("127.0.0.1", backend.port)
        with pytest.raises(green_client.CannotSendHeader):
            connection.putheader("X", "1")
        with pytest.raises(green_client.CannotSendHeader):
            connection.endheaders()
        with pytest.raises(TypeError):
            connection.putrequest()
        connection.request("GET", "/")
        with pytest.raises(green_client.CannotSendRequest):
            connection.request("GET", "/")
        return connection.getresponse().read()

    assert through(serve, call) == b"answer"
    assert len(traced.spans("CLIENT")) == 1


def test_keep_alive_connections_make_a_span_per_call(serve, traced, backend):
    def call():
        connection = green_client.HTTPConnection("127.0.0.1", backend.port)
        for path in ("/a", "/b", "/c"):
            connection.request("GET", path)
            connection.getresponse().read()

    through(serve, call)
    clients = traced.spans("CLIENT")
    assert sorted(client.tags["http.path"] for client in clients) == ["/a", "/b", "/c"]


def test_the_path_of_an_absolute_target(serve, traced, backend):
    def call():
        connection = green_client.HTTPConnection("127.0.0.1", backend.port)
        connection.request("GET", "http://user:word@far:80/deep/path?x=http://y")
        connection.getresponse().read()

    through(serve, call)
    (client,) = traced.spans("CLIENT")
    assert client.tags["http.path"] == "/deep/path"


def test_debug_is_passed_on(serve, traced, backend):
    headers = {"X-B3-TraceId": "1" * 16, "X-B3-SpanId": "2" * 16, "X-B3-Flags": "1"}
    through(serve, lambda: connection_call(green_client.HTTPConnection, backend.port), headers)
    assert dict(backend.seen[0])["X-B3-Flags"] == "1"
    spans = traced.spans()
    assert len(spans) == 3 and all(span.debug for span in spans)


def test_responses_read_from_no_socket(traced):
    """Libraries parse stored responses with HTTPResponse and an object that only has `makefile`."""
    import io

    class Stored:
        def makefile(self, mode):
            return io.BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    for module in (http.client, green_client):
        response = module.HTTPResponse(Stored())
        response.begin()
        assert response.read() == b"hi"
    assert traced.spans() == []
