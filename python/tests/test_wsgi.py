"""The middleware, on a server that is not eventlet's."""
import io
import threading
import urllib.error
import urllib.request
import wsgiref.simple_server
import wsgiref.util

import pytest

import spanlet
from eventlet.zipkin import api
from spanlet.wsgi import TracingMiddleware


@pytest.fixture
def environ():
    environ = {"PATH_INFO": "/a", "wsgi.input": io.BytesIO()}
    wsgiref.util.setup_testing_defaults(environ)
    return environ


@pytest.fixture
def tracer(sink):
    spanlet.init(port=sink.port, service_name="plain")
    yield sink
    spanlet.shutdown()


def start(status, headers, exc_info=None):
    return None


def test_a_list_ends_its_span_at_once(environ, tracer):
    body = [b"x"]

    def application(environ, start_response):
        api.put_annotation("within")
        start_response("200 OK", [])
        return body

    assert TracingMiddleware(application)(environ, start) is body
    assert not api.is_tracing()
    (span,) = tracer.wait(1)
    assert (span.kind, span.local.service, span.annotations) == ("SERVER", "plain", ["within"])
    assert span.tags == {"http.method": "GET", "http.path": "/a", "http.status_code": "200"}


@pytest.mark.parametrize("closes", [True, False])
def test_a_streamed_body_ends_its_span_when_closed_or_dropped(environ, tracer, closes):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"x"

    body = TracingMiddleware(application)(environ, start)
    assert list(body) == [b"x"]
    assert spanlet.stats()["finished"] == 0
    if closes:
        body.close()
    del body
    assert len(tracer.wait(1)) == 1


@pytest.mark.parametrize("rate", [1.0, 0.0])
def test_what_a_streamed_body_does_belongs_to_the_request(environ, tracer, rate):
    spanlet.init(port=tracer.port, sampling_rate=rate)
    seen = []

    class Parts:
        def __iter__(self):
            seen.append(spanlet.current_ids())
            for _ in range(2):
                spanlet.annotate("part")
                seen.append(spanlet.current_ids())
                yield b"x"

        def close(self):
            seen.append(spanlet.current_ids())

    def application(environ, start_response):
        start_response("200 OK", [])
        seen.append(spanlet.current_ids())
        return Parts()

    body = TracingMiddleware(application)(environ, start)
    for _ in body:
        assert spanlet.current_ids() is None, "between its parts the server is elsewhere"
    body.close()
    assert len(set(seen)) == 1 and seen[0] is not None and len(seen) in (4, 5)
    assert spanlet.flush()
    assert [span.annotations for span in tracer.spans] == [["part", "part"]] * (rate > 0)


def test_a_file_of_an_unsampled_request_stays_the_server_s(environ, tracer):
    spanlet.init(port=tracer.port, sampling_rate=0.0)
    file = wsgiref.util.FileWrapper(io.BytesIO(b"x"))
    environ["wsgi.file_wrapper"] = wsgiref.util.FileWrapper
    assert TracingMiddleware(lambda environ, start_response: file)(environ, start) is file


def test_what_it_raises(environ, tracer):
    def application(environ, start_response):
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        TracingMiddleware(application)(environ, start)
    assert tracer.wait(1)[0].tags["error"] == "ValueError: boom"


def test_it_hands_on_without_a_tracer(environ):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"x"]

    assert TracingMiddleware(application)(environ, start) == [b"x"]


def test_on_wsgiref(tracer):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/missing":
            start_response("404 Not Found", [])
            return [b"no"]
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"one ", b"two"])

    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *args):
            pass

    server = wsgiref.simple_server.make_server("127.0.0.1", 0, TracingMiddleware(application), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    headers = {"X-B3-TraceId": "a" * 32, "X-B3-SpanId": "b" * 16}
    assert urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read() == b"one two"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url + "/missing")
    first, second = tracer.wait(2)
    server.shutdown()
    server.server_close()
    assert (first.trace_id, first.id) == (int("a" * 32, 16), int("b" * 16, 16))
    assert second.tags["error"] == "404"
