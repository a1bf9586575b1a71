"""httpx, aiohttp, urllib3 and requests against a real server: spans, headers, failures."""
import asyncio
import http.client

import aiohttp
import httpx
import pytest
import requests
import urllib3

import spanlet

FORWARDED = {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "X-B3-TraceId": "3" * 16, "b3": "0", "baggage": "own=1"}


def http_client(url, headers):
    connection = http.client.HTTPConnection(url.split("/")[2])
    connection.request("GET", "/" + url.split("/", 3)[3], headers=headers)
    return connection.getresponse().status


async def _aiohttp(url, headers):
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status


async def _httpx(url, headers):
    async with httpx.AsyncClient() as client:
        return (await client.get(url, headers=headers)).status_code


CLIENTS = {
    "http.client": http_client,
    "urllib3": lambda url, headers: urllib3.PoolManager().request("GET", url, headers=headers, retries=False).status,
    "requests": lambda url, headers: requests.get(url, headers=headers).status_code,
    "httpx": lambda url, headers: httpx.get(url, headers=headers).status_code,
    "httpx async": lambda url, headers: asyncio.run(_httpx(url, headers)),
    "aiohttp": lambda url, headers: asyncio.run(_aiohttp(url, headers)),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_call_is_a_span_and_passes_the_trace_on(plain, http_sink, name):
    with spanlet.span("outer"):
        assert CLIENTS[name](http_sink.url("/item?secret=1"), FORWARDED) == 202
    outer, client = sorted(plain.spans(), key=lambda span: span.kind or "")
    assert (client.kind, client.trace_id, client.parent_id) == ("CLIENT", outer.trace_id, outer.id)
    assert client.tags == {"http.method": "GET", "http.path": "/item", "http.status_code": "202"}
    if name != "aiohttp":  # which has let go of its connection by then
        assert (client.remote.ipv4, client.remote.port) == ("127.0.0.1", http_sink.port)
    (_, headers, _), = http_sink.posts
    assert headers.get_all("traceparent") == [f"00-{outer.trace_id:032x}-{client.id:016x}-01"]
    assert headers.get_all("X-B3-TraceId") == [f"{outer.trace_id:016x}"]
    assert headers.get_all("X-B3-SpanId") == [f"{client.id:016x}"]
    assert headers.get_all("b3") is None
    assert headers.get_all("baggage") == ["own=1"]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_call_without_a_trace_is_left_alone(plain, http_sink, name):
    assert CLIENTS[name](http_sink.url("/item"), FORWARDED) == 202
    (_, headers, _), = http_sink.posts
    assert {key: headers[key] for key in FORWARDED} == FORWARDED
    assert plain.spans() == []


@pytest.mark.parametrize("name", CLIENTS)
def test_a_call_that_is_refused_fails(plain, name):
    with spanlet.span("outer"):
        with pytest.raises(Exception):
            CLIENTS[name]("http://127.0.0.1:1/item", {})
    spans = plain.spans("CLIENT")
    # http.client connects before it sends: there was no request yet.
    assert len(spans) == (0 if name in ("http.client", "urllib3", "requests") else 1) or "error" in spans[0].tags
    assert all("error" in span.tags for span in spans)


@pytest.mark.parametrize("name", CLIENTS)
def test_an_unsampled_call_passes_the_decision_on(plain, http_sink, name):
    plain.init(sampling_rate=0.0, propagation="b3,tracecontext")
    with spanlet.span("outer"):
        CLIENTS[name](http_sink.url("/item"), {})
    (_, headers, _), = http_sink.posts
    assert headers["b3"].split("-")[2] == "0" and headers["traceparent"].endswith("-00")
    assert plain.spans() == []


def test_baggage_and_state_are_passed_on(plain, http_sink):
    from spanlet.wsgi import TracingMiddleware

    def application(environ, start_response):
        httpx.get(http_sink.url("/item"))
        http_client(http_sink.url("/item"), {})
        start_response("200 OK", [])
        return []

    trace = "80f198ee56343ba864fe8b2a57d3eff7"
    environ = {"HTTP_TRACEPARENT": f"00-{trace}-{'2' * 16}-01", "HTTP_TRACESTATE": "a=1", "HTTP_BAGGAGE": "user=alice"}
    TracingMiddleware(application)(environ, lambda status, headers: None)
    for _, headers, _ in http_sink.posts:
        assert (headers["tracestate"], headers["baggage"], headers["traceparent"][3:35]) == ("a=1", "user=alice", trace)
    assert len(plain.spans()) == 3


def test_modules_imported_later_are_hooked_then(http_sink, script, sink):
    said = script(f"""
        import spanlet
        spanlet.init(port=sink_port)
        early = sorted(name for name in ("httpx", "aiohttp", "http.client", "eventlet", "gevent") if name in sys.modules)
        import httpx
        with spanlet.span("outer"):
            httpx.get("{http_sink.url('/late')}")
        hooked = httpx._transports.default.HTTPTransport.handle_request
        spanlet.shutdown()
        undone = httpx._transports.default.HTTPTransport.handle_request is hooked.__wrapped__
        loader = type(sys.modules["httpx._transports.default"].__loader__).__name__
        say(early=early, undone=undone, loader=loader, finders=[f for f in sys.meta_path if "spanlet._imports" in str(f)])
    """)
    assert said == {"early": [], "undone": True, "loader": "SourceFileLoader", "finders": []}
    assert len(sink.spans) == 2
