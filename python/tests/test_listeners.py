"""Listeners and connections that are not plain requests: TLS, unix sockets, websockets, 100-continue, hijacked sockets."""
import base64
import ssl

import eventlet
import pytest
import trustme
from eventlet import websocket, wsgi
from eventlet.green import socket as green_socket
from eventlet.green import ssl as green_ssl
from eventlet.green.http import client as green_client

import spanlet
from conftest import ok


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls(serve, authority, tmp_path):
    """Serves an application over TLS, and returns its port and a client's context."""

    def start(application):
        certificate = authority.issue_cert("localhost")
        (tmp_path / "key").write_bytes(certificate.private_key_pem.bytes())
        (tmp_path / "chain").write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
        listener = eventlet.wrap_ssl(
            eventlet.listen(("127.0.0.1", 0)), server_side=True, keyfile=str(tmp_path / "key"), certfile=str(tmp_path / "chain"))
        context = green_ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        authority.configure_trust(context)
        return serve(application, listener=listener).port, context

    return start


def test_a_call_over_tls_to_a_listener_with_tls(serve, traced, tls):
    port, context = tls(ok)

    def application(environ, start_response):
        connection = green_client.HTTPSConnection("localhost", port, context=context)
        connection.request("GET", "/secret/item")
        assert connection.getresponse().read() == b"fine\n"
        return ok(environ, start_response)

    assert b"200 OK" in serve(application).get("/front")
    spans = traced.spans()
    (client,) = [span for span in spans if span.kind == "CLIENT"]
    (server,) = [span for span in spans if span.kind == "SERVER" and span.tags["http.path"] == "/secret/item"]
    (front,) = [span for span in spans if span not in (client, server)]
    assert (server.id, server.parent_id, client.parent_id) == (client.id, front.id, front.id)
    assert (server.local.port, client.remote.port) == (port, port)
    assert client.times["cs"] <= server.times["sr"]


def test_a_unix_socket_at_both_ends(serve, traced, tmp_path):
    path = str(tmp_path / "socket")
    listener = green_socket.socket(green_socket.AF_UNIX)
    listener.bind(path)
    listener.listen(5)
    serve(ok, listener=listener)

    class UnixConnection(green_client.HTTPConnection):
        def connect(self):
            self.sock = green_socket.socket(green_socket.AF_UNIX)
            self.sock.connect(path)

    def application(environ, start_response):
        connection = UnixConnection("localhost")
        connection.request("GET", "/item")
        assert connection.getresponse().read() == b"fine\n"
        return ok(environ, start_response)

    assert b"200 OK" in serve(application).get("/front")
    spans = traced.spans()
    (client,) = [span for span in spans if span.kind == "CLIENT"]
    (server,) = [span for span in spans if span.kind == "SERVER" and span.tags["http.path"] == "/item"]
    assert server.id == client.id
    assert (server.local.ipv4, server.local.ipv6, client.remote) == (None, None, None)


def test_a_websocket_is_one_span_as_long_as_its_socket(serve, traced):
    @websocket.WebSocketWSGI
    def echo(socket):
        spanlet.annotate("accepted")
        while (message := socket.wait()) is not None:
            socket.send(message)

    connection = serve(echo).connect()
    key = base64.b64encode(b"0123456789abcdef").decode()
    lines = ["GET /socket HTTP/1.1", "Host: shop", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
             f"Sec-WebSocket-Key: {key}", "", ""]
    connection.sendall("\r\n".join(lines).encode())
    stream = connection.makefile("rb")
    assert b" 101 " in stream.readline()
    while stream.readline() != b"\r\n":
        pass
    mask, text = b"\1\2\3\4", b"hello"
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
    connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
    assert stream.read(2 + len(text)) == bytes([0x81, len(text)]) + text
    eventlet.sleep(0.02)
    assert spanlet.stats()["finished"] == 0, "it is still open"
    connection.sendall(bytes([0x88, 0x80]) + mask)
    stream.read()
    stream.close(), connection.close()
    (span,) = traced.spans()
    assert (span.kind, span.tags["http.path"], span.annotations) == ("SERVER", "/socket", ["accepted"])
    assert "error" not in span.tags and span.duration_us >= 20_000


def test_100_continue_is_no_response(serve, traced):
    def application(environ, start_response):
        body = environ["wsgi.input"].read()
        start_response("201 Created", [])
        return [body]

    connection = serve(application).connect()
    connection.sendall(b"PUT /object HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
    connection.sendall(b"body")
    reply = b"".join(iter(lambda: connection.recv(4096), b""))
    assert reply.startswith(b"HTTP/1.1 201") and reply.endswith(b"body")
    connection.close()
    (span,) = traced.spans()
    assert (span.tags["http.status_code"], span.tags["http.method"]) == ("201", "PUT")


def test_a_hijacked_connection_is_one_span(serve, traced):
    def application(environ, start_response):
        environ["eventlet.input"].get_socket().sendall(b"raw bytes")
        eventlet.sleep(0.01)
        return wsgi.WSGI_LOCAL.already_handled or [b""]

    assert b"raw bytes" in serve(application).get("/tunnel")
    (span,) = traced.spans()
    assert span.tags["http.path"] == "/tunnel" and span.duration_us >= 10_000


@pytest.mark.parametrize("minimum_chunk_size", [1, 4096])
def test_chunks_however_the_server_cuts_them(serve, traced, minimum_chunk_size):
    def application(environ, start_response):
        start_response("200 OK", [])
        for part in (b"one", b"", b"two"):
            yield part
            eventlet.sleep(0.005)

    reply = serve(application, minimum_chunk_size=minimum_chunk_size).get("/chunks")
    assert b"one" in reply and b"two" in reply
    (span,) = traced.spans()
    assert span.duration_us >= 15_000


def test_an_idle_connection_that_times_out_makes_no_span(serve, traced):
    shop = serve(ok, keepalive=0.05)
    connection = shop.connect()
    connection.sendall(b"GET /one HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert b"fine" in b"".join(iter(lambda: connection.recv(4096), b"")), "the server closes it"
    assert [span.tags["http.path"] for span in traced.spans()] == ["/one"]


@pytest.mark.parametrize("format", ["b3", "tracecontext", "b3multi"])
def test_every_format_from_server_to_server(serve, untraced, format):
    untraced.enable(propagation=format)
    seen = []

    def backend(environ, start_response):
        seen.append({name.lower() for name, _ in environ["headers_raw"]} & {"b3", "traceparent", "x-b3-traceid"})
        return ok(environ, start_response)

    port = serve(backend).port

    def application(environ, start_response):
        connection = green_client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/back", headers={"b3": "0", "traceparent": "00-stale"})
        connection.getresponse().read()
        return ok(environ, start_response)

    trace = "80f198ee56343ba864fe8b2a57d3eff7"
    headers = {"b3": f"{trace}-{'1' * 16}-1"} if format != "tracecontext" else {"traceparent": f"00-{trace}-{'1' * 16}-01"}
    serve(application).get("/front", headers=headers)
    spans = untraced.spans()
    assert {f"{span.trace_id:032x}" for span in spans} == {trace} and len(spans) == 3
    expected = {"b3": "b3", "tracecontext": "traceparent", "b3multi": "x-b3-traceid"}[format]
    assert expected in seen[0] and ("b3" in seen[0]) == (format != "b3multi")
