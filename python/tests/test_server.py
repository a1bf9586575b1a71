"""Server spans of eventlet.wsgi: what they say, and that responses do not change by a byte."""
import logging
import re

import eventlet
import pytest
from eventlet import wsgi
from eventlet.zipkin import api, patcher

import spanlet
from conftest import ok


def test_a_request_is_one_span(serve, traced):
    shop = serve(ok)
    shop.get("/a/b%20c?token=secret", method="PUT")
    (span,) = traced.spans()
    assert (span.kind, span.name.upper()) == ("SERVER", "PUT")
    assert span.tags == {"http.method": "PUT", "http.path": "/a/b%20c", "http.status_code": "200"}
    assert span.trace_id == span.id and span.parent_id is None
    assert (span.local.ipv4, span.local.port) == ("127.0.0.1", shop.port)
    assert span.remote.ipv4 == "127.0.0.1" and span.remote.port not in (None, shop.port)
    assert span.times["ss"] >= span.times["sr"]


def test_the_service_is_named_after_the_program(serve, untraced, monkeypatch):
    monkeypatch.delenv("SPANLET_SERVICE_NAME", raising=False)
    monkeypatch.setattr("sys.argv", ["/usr/bin/swift-proxy-server", "conf"])
    untraced.enable()
    serve(ok).get()
    assert [span.local.service for span in untraced.spans()] == ["swift-proxy-server"]


def test_the_service_name_can_be_set(serve, untraced, monkeypatch):
    monkeypatch.setenv("SPANLET_SERVICE_NAME", "front")
    untraced.enable()
    serve(ok).get()
    assert [span.local.service for span in untraced.spans()] == ["front"]


def test_enabled_after_wsgi_was_imported_and_the_server_started(serve, untraced):
    shop = serve(ok)
    shop.get()
    untraced.enable()
    shop.get()
    assert len(untraced.spans()) == 1


def test_protocol_subclasses_are_traced(serve, traced):
    class Protocol(wsgi.HttpProtocol):
        """Overrides what SwiftHttpProtocol overrides."""

        def parse_request(self):
            return super().parse_request()

        def get_environ(self):
            return {**super().get_environ(), "swift": True}

        def handle_one_request(self):
            return super().handle_one_request()

    serve(ok, protocol=Protocol).get()
    assert len(traced.spans()) == 1


def test_keep_alive_makes_one_span_per_request(serve, traced):
    seen = []

    def application(environ, start_response):
        seen.append(api.get_trace_data().trace_id)
        return ok(environ, start_response)

    shop = serve(application)
    first = "GET /1 HTTP/1.1\r\nHost: shop\r\n\r\n"
    shop.send((first + "GET /2 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").encode())
    spans = traced.spans()
    assert sorted(span.tags["http.path"] for span in spans) == ["/1", "/2"]
    assert sorted(span.trace_id for span in spans) == sorted(seen) and seen[0] != seen[1]


def test_between_requests_a_connection_belongs_to_no_trace(serve, traced):
    between = []

    class Protocol(wsgi.HttpProtocol):
        def handle_one_request(self):
            super().handle_one_request()
            between.append(api.is_tracing())

    serve(ok, protocol=Protocol).get()
    assert between == [False]


def test_refused_requests_make_no_span_and_are_still_refused(serve, traced):
    shop = serve(ok, url_length_limit=100)
    assert shop.get("/" + "x" * 200).startswith(b"HTTP/1.0 414")
    assert shop.get(headers={"Content-Length": "-1"}).startswith(b"HTTP/1.0 400")
    assert traced.spans() == []


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_streamed_body_is_timed_to_its_end(serve, traced, version):
    closed = []

    class Body:
        def __iter__(self):
            for _ in range(3):
                yield b"x" * 5000
                eventlet.sleep(0.02)

        def close(self):
            closed.append(True)

    def application(environ, start_response):
        start_response("200 OK", [])
        return Body()

    assert serve(application).get(version=version).count(b"x") == 15000
    (span,) = traced.spans()
    assert closed == [True]
    assert span.duration_us >= 60_000


def test_posthooks_run_within_the_span(serve, traced):
    def application(environ, start_response):
        environ["eventlet.posthooks"].append((lambda env: api.put_annotation("posthook"), (), {}))
        return ok(environ, start_response)

    serve(application).get()
    assert [span.annotations for span in traced.spans()] == [["posthook"]]


@pytest.mark.parametrize("status, error", [("204 No Content", None), ("404 Not Found", "404"), ("503 Busy", "503")])
def test_statuses_from_400_are_errors(serve, traced, status, error):
    def application(environ, start_response):
        start_response(status, [])
        return []

    serve(application).get()
    (span,) = traced.spans()
    assert (span.tags["http.status_code"], span.tags.get("error")) == (status[:3], error)


def raises(environ, start_response):
    raise ValueError("before")


def raises_after_start_response(environ, start_response):
    start_response("200 OK", [])
    raise ValueError("after")


def raises_while_streaming(environ, start_response):
    start_response("200 OK", [])

    def body():
        yield b"little"
        raise ValueError("midway")

    return body()


def raises_after_bytes_went_out(environ, start_response):
    start_response("200 OK", [])

    def body():
        yield b"x" * 5000
        raise ValueError("late")

    return body()


def raises_a_timeout(environ, start_response):
    timeout = eventlet.Timeout(1)
    timeout.cancel()
    raise timeout


@pytest.mark.parametrize("application, status, error", [
    (raises, "500", "ValueError: before"),
    (raises_after_start_response, "500", "ValueError: after"),
    (raises_while_streaming, "500", "ValueError: midway"),
    (raises_after_bytes_went_out, "200", "ValueError: late"),
    (raises_a_timeout, "500", "Timeout: 1 second"),
])
def test_exceptions_are_recorded_with_the_status_that_was_sent(serve, traced, application, status, error):
    reply = serve(application).get()
    (span,) = traced.spans()
    assert reply.split()[1].decode() == status
    assert (span.tags["http.status_code"], span.tags["error"]) == (status, error)


def test_a_killed_request_still_ends_its_span(serve, traced):
    def application(environ, start_response):
        raise eventlet.greenlet.GreenletExit()

    serve(application).get()
    (span,) = traced.spans()
    assert span.tags["error"] == "GreenletExit" and "http.status_code" not in span.tags


def writes(environ, start_response):
    write = start_response("200 OK", [("X-Way", "write")])
    write(b"one ")
    write(b"two")
    return []


def answers_with_exc_info(environ, start_response):
    import sys
    try:
        raise KeyError("gone")
    except KeyError:
        start_response("502 Bad", [("X-Way", "exc_info")], sys.exc_info())
    return [b"bad"]


def raises_again_with_exc_info(environ, start_response):
    import sys
    write = start_response("200 OK", [])
    write(b"started")
    try:
        raise KeyError("gone")
    except KeyError:
        start_response("500 Bad", [], sys.exc_info())
    return []


def generates(environ, start_response):
    start_response("200 OK", [])
    yield b"a"
    yield b"b" * 6000


class Sized:
    """A body that says its length without being a list."""

    def __len__(self):
        return 2

    def __iter__(self):
        return iter([b"a", b"bc"])


def sized(environ, start_response):
    start_response("200 OK", [])
    return Sized()


def no_content_length(environ, start_response):
    start_response("200 OK", [])
    return (b"tup", b"le")


def is_no_iterable(environ, start_response):
    start_response("200 OK", [])
    return 3


APPLICATIONS = [ok, writes, answers_with_exc_info, raises_again_with_exc_info, generates, sized, no_content_length,
                is_no_iterable, raises, raises_after_start_response, raises_while_streaming,
                raises_after_bytes_went_out, raises_a_timeout]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda application: application.__name__)
def test_responses_are_the_same_bytes_traced_and_untraced(serve, untraced, application, version):
    shop = serve(application, debug=True)

    def reply():
        return re.sub(rb"Date: [^\r]*", b"Date: -", shop.get(version=version))

    before = reply()
    untraced.enable()
    during = reply()
    assert len(untraced.spans()) == 1
    assert during == before == reply()


def test_the_servers_log_names_no_frame_of_ours(serve, traced, caplog):
    logger = logging.getLogger("served")
    caplog.set_level(logging.INFO, "served")
    serve(raises, log=logger, log_output=True).get()
    traced.spans()
    assert "ValueError: before" in caplog.text and "spanlet" not in caplog.text


def test_disable_restores_everything(untraced):
    import http.client
    from eventlet import greenthread
    from eventlet.green.http import client as green_client

    owners = [wsgi.HttpProtocol, greenthread.GreenThread, logging.Logger]
    owners += [module_class for module in (http.client, green_client)
               for module_class in (module.HTTPConnection, module.HTTPResponse)]
    before = [dict(vars(owner)) for owner in owners]
    untraced.enable(trace_app_log=True)
    changed = [{name for name in old if vars(owner)[name] is not old[name]} for owner, old in zip(owners, before)]
    assert all(changed)
    untraced.disable()
    assert all(vars(owner)[name] is value for owner, old in zip(owners, before) for name, value in old.items())


def test_disable_below_another_patch_leaves_that_patch_and_stops_tracing(serve, untraced, monkeypatch):
    # The first patch only makes pytest put eventlet's own function back.
    monkeypatch.setattr(wsgi.HttpProtocol, "handle_one_response", wsgi.HttpProtocol.handle_one_response)
    untraced.enable()
    ours = wsgi.HttpProtocol.handle_one_response
    monkeypatch.setattr(wsgi.HttpProtocol, "handle_one_response", lambda self: ours(self))
    shop = serve(ok)
    shop.get()
    assert len(untraced.spans()) == 1
    assert shop.get().startswith(b"HTTP/1.1 200")
    assert len(untraced.sink.spans) == 1
    untraced.enable()  # lies over that patch, which still calls the first hook
    shop.get()
    assert len(untraced.spans()) == 2


def test_a_second_enable_reconfigures(serve, traced):
    shop = serve(ok)
    shop.get("/first")
    traced.enable(sampling_rate=0.0)
    shop.get("/second")
    traced.enable(sampling_rate=1.0)
    shop.get("/third")
    assert sorted(span.tags["http.path"] for span in traced.spans()) == ["/first", "/third"]


def test_a_request_under_way_while_tracing_is_reconfigured(serve, traced):
    def application(environ, start_response):
        traced.enable(sampling_rate=0.5)
        return ok(environ, start_response)

    serve(application).get("/under-way")
    assert [span.tags["http.path"] for span in traced.spans()] == ["/under-way"]


def test_a_request_under_way_while_tracing_is_disabled_is_a_counted_drop(serve, traced):
    def application(environ, start_response):
        traced.disable()
        return ok(environ, start_response)

    assert serve(application).get().endswith(b"fine\n")
    assert traced.spans() == []
    assert spanlet.stats()["dropped_stopped"] == 1


@pytest.mark.parametrize("setting", [
    {"sampling_rate": 1.5}, {"sampling_rate": -0.1}, {"sampling_rate": float("nan")}, {"sampling_rate": "1"},
    {"port": 0}, {"port": 70000}, {"port": "9410"}, {"host": ""}, {"host": 7},
])
def test_settings_that_cannot_be_meant_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        patcher.enable_trace_patch(**setting)
    assert not hasattr(wsgi.HttpProtocol.handle_one_response, "retire")


def test_a_client_that_goes_away_still_ends_the_span(serve, traced):
    started = eventlet.event.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        for _ in range(200):
            yield b"x" * 65536
            if not started.ready():
                started.send()
            eventlet.sleep(0)

    connection = serve(application).connect()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    started.wait()
    connection.close()
    eventlet.sleep(0.1)
    assert len(traced.spans()) == 1
