"""The ASGI middleware: by hand, and under uvicorn."""
import asyncio

import pytest

import spanlet
from spanlet.asgi import TracingMiddleware


def scope(**more):
    return {
        "type": "http", "method": "GET", "path": "/a b", "raw_path": b"/a%20b", "query_string": b"token=secret",
        "headers": [], "client": ("10.0.0.1", 1234), "server": ["127.0.0.1", 80], **more,
    }


def respond(status=200, body=(b"x",), after=None, error=None):
    async def application(scope, receive, send):
        await asyncio.sleep(0)
        spanlet.annotate("within")
        if error is not None:
            raise error
        await send({"type": "http.response.start", "status": status, "headers": []})
        for part in body[:-1]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": body[-1]})
        if after is not None:
            after()
    return application


def run(application, scope):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(TracingMiddleware(application)(scope, None, send))
    assert spanlet.current_ids() is None
    return sent


def test_a_request_is_a_span(plain):
    trace, span_id = "a" * 32, "b" * 16
    headers = [(b"x-b3-traceid", trace.encode()), (b"x-b3-spanid", span_id.encode()), (b"host", b"shop")]
    assert len(run(respond(404), scope(headers=headers))) == 2
    (span,) = plain.spans()
    assert (span.kind, span.name.upper(), f"{span.trace_id:032x}", f"{span.id:016x}") == ("SERVER", "GET", trace, span_id)
    assert span.tags == {"http.method": "GET", "http.path": "/a%20b", "http.status_code": "404", "error": "404"}
    assert (span.annotations, span.local.port, span.remote.ipv4, span.remote.port) == (["within"], 80, "10.0.0.1", 1234)


def test_a_span_ends_with_the_last_byte(plain):
    finished = []
    run(respond(body=(b"1", b"2", b"3"), after=lambda: finished.append(spanlet.stats()["finished"])), scope())
    assert finished == [1], "what follows the response is not waited for"
    assert len(plain.spans()) == 1


def test_what_is_raised_is_seen_and_passes(plain):
    for error in (ValueError("boom"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            run(respond(error=error), scope())
    first, second = plain.spans()
    assert (first.tags["error"], second.tags["error"]) == ("ValueError: boom", "CancelledError")


@pytest.mark.parametrize("odd", [
    {"client": None, "server": ["/run/socket", None], "raw_path": None},
    {"headers": [(b"x-b3-traceid", b"\xff"), (b"traceparent", b"00-x"), (b"traceparent", b"00-y")], "raw_path": None},
    {"type": "websocket", "method": None},
])
def test_odd_scopes_do_no_harm(plain, odd):
    odd = {key: value for key, value in scope(**odd).items() if value is not None}
    run(respond(), odd)
    (span,) = plain.spans()
    assert span.tags["http.path"] in ("/a b", "/a%20b")


def test_lifespan_and_untraced_pass(plain):
    seen = []

    async def application(scope, receive, send):
        seen.append(spanlet.current_ids())

    asyncio.run(TracingMiddleware(application)({"type": "lifespan"}, None, None))
    spanlet.shutdown()
    asyncio.run(TracingMiddleware(application)(scope(), None, None))
    assert seen == [None, None]


def test_concurrent_requests_are_kept_apart(plain):
    async def application(scope, receive, send):
        for _ in range(3):
            await asyncio.sleep(0)
            spanlet.annotate(scope["path"])

    async def all_of_them():
        app = TracingMiddleware(application)
        await asyncio.gather(*[app(scope(path=f"/{n}", raw_path=None), None, None) for n in range(20)])

    asyncio.run(all_of_them())
    for span in plain.spans():
        assert span.annotations == [span.tags["http.path"]] * 3


def test_two_layers_and_the_unsampled(plain):
    run(TracingMiddleware(respond()), scope())
    plain.init(sampling_rate=0.0)
    run(respond(), scope())
    assert len(plain.spans()) == 1


def test_under_uvicorn_with_a_websocket(script, sink):
    script("""
        import asyncio, socket, threading
        import httpx, uvicorn, websockets.sync.client
        import spanlet
        from spanlet.asgi import TracingMiddleware
        spanlet.init(port=sink_port)

        async def application(scope, receive, send):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.accept"})
                await send({"type": "websocket.send", "text": (await receive())["text"]})
                return await send({"type": "websocket.close"})
            if scope["path"] == "/front":
                async with httpx.AsyncClient() as client:
                    await client.get(url + "/back")
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
            await send({"type": "http.response.body", "body": b"x"})

        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(TracingMiddleware(application), lifespan="off", log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert httpx.get(url + "/front").content == b"x"
        with websockets.sync.client.connect(url.replace("http", "ws") + "/socket") as connection:
            connection.send("hello")
            assert connection.recv() == "hello"
        server.should_exit = True
        thread.join()
        assert spanlet.stats()["errors"] == 0, spanlet.stats()
        spanlet.shutdown()
    """)
    by_path = {(span.tags["http.path"], span.kind): span for span in sink.spans}
    front, client, back = by_path["/front", "SERVER"], by_path["/back", "CLIENT"], by_path["/back", "SERVER"]
    assert client.parent_id == front.id and back.id == client.id and len({s.trace_id for s in (front, client, back)}) == 1
    socket = by_path["/socket", "SERVER"]
    assert socket.tags["http.status_code"] == "101" and socket.parent_id is None
    assert len(sink.spans) == 4
