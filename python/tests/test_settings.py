"""Settings: by keyword, by environment, and what they do."""
import gzip
import json
import warnings

import pytest

import spanlet
from spanlet import _settings
from spanlet.wsgi import TracingMiddleware, filter_factory

TRACE, SPAN = "80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1"


def request(path="/a", query="", method="GET", **headers):
    """Sends one request through the middleware. Returns its scope's ids within the application."""
    seen = []

    def application(environ, start_response):
        seen.append(spanlet.current_ids())
        start_response("200 OK", [])
        return [b"x"]

    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    environ |= {"HTTP_" + name.upper(): value for name, value in headers.items()}
    TracingMiddleware(application)(environ, lambda status, headers: None)
    return seen[0]


@pytest.mark.parametrize("setting", [
    {"encoding": "xml"}, {"endpoint": ""}, {"endpoint": "ftp://x"}, {"endpoint": "https://x"}, {"gzip": 1}, {"token": ""},
    {"propagation": "b3,jaeger"}, {"sampling_rules": [("/a", 2.0)]}, {"sampling_rules": [("", 1.0)]}, {"sampler": 7},
    {"traces_per_second": 0}, {"traces_per_second": True}, {"query_keys": "limit"}, {"queue_spans_max": 0},
    {"endpoint": "http://x/a b"}, {"sampling_rate": True},
])
def test_settings_that_cannot_be_meant_are_refused(setting):
    with pytest.raises(ValueError):
        spanlet.init(**setting)
    assert "finished" not in spanlet.stats() or spanlet.flush()


def test_an_unknown_setting_is_named():
    with pytest.raises(TypeError, match="no setting is named sampling"):
        spanlet.init(sampling=1.0)


ENVIRONMENT = [
    ("sampling_rate", {"SPANLET_SAMPLING_RATE": "0.25", "OTEL_TRACES_SAMPLER": "always_on"}, 0.25),
    ("sampling_rate", {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}, 0.5),
    ("sampling_rate", {"OTEL_TRACES_SAMPLER": "always_off"}, 0.0),
    ("service_name", {"OTEL_SERVICE_NAME": "cart"}, "cart"),
    ("service_name", {"OTEL_SERVICE_NAME": "cart", "SPANLET_SERVICE_NAME": "shop"}, "shop"),
    ("propagation", {"OTEL_PROPAGATORS": "tracecontext,jaeger,b3"}, "tracecontext,b3"),
    ("sampling_rules", {"SPANLET_SAMPLING_RULES": "/health*=0, POST /orders=1"}, [("/health*", 0.0), ("POST /orders", 1.0)]),
    ("query_keys", {"SPANLET_QUERY_KEYS": "limit, marker"}, ["limit", "marker"]),
    ("gzip", {"SPANLET_GZIP": "true"}, True),
    ("traces_per_second", {"SPANLET_TRACES_PER_SECOND": "2.5"}, 2.5),
    ("port", {"SPANLET_SCRIBE_PORT": "1234"}, 1234),
]


@pytest.mark.parametrize("name, environment, value", ENVIRONMENT)
def test_the_environment_says_what_the_program_does_not(monkeypatch, name, environment, value):
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    assert _settings.resolve({})[name] == value


@pytest.mark.parametrize("variable, text", [
    ("SPANLET_SAMPLING_RATE", "2"), ("SPANLET_SAMPLING_RATE", "much"), ("SPANLET_GZIP", "maybe"),
    ("SPANLET_SAMPLING_RULES", "/health"), ("SPANLET_SCRIBE_PORT", "0"), ("SPANLET_ENCODING", "xml"),
    ("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_PROPAGATORS", "jaeger"),
])
def test_slips_in_the_environment_only_warn(monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    with pytest.warns(UserWarning, match=variable):
        settings = _settings.resolve({})
    assert settings["sampling_rate"] == 1.0 and settings["port"] == 9410 and settings["sampling_rules"] == []


@pytest.mark.parametrize("environment, given, expected", [
    ({}, {}, ("scribe://127.0.0.1:9410", "json")),
    ({}, {"host": "::1", "port": 7}, ("scribe://[::1]:7", "json")),
    ({"SPANLET_ENDPOINT": "http://a"}, {}, ("http://a", "json")),
    ({"SPANLET_ENDPOINT": "http://a", "SPANLET_ENCODING": "proto3"}, {}, ("http://a", "proto3")),
    ({"SPANLET_ENDPOINT": "http://a"}, {"host": "b"}, ("scribe://b:9410", "json")),
    ({"SPANLET_ENDPOINT": "http://a"}, {"endpoint": "file:/b"}, ("file:/b", "json")),
    ({"OTEL_EXPORTER_ZIPKIN_ENDPOINT": "http://z:9411/api/v2/spans"}, {}, ("http://z:9411/api/v2/spans", "json")),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o:4318/"}, {}, ("http://o:4318/v1/traces", "otlp")),
    ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://o:4318/x"}, {}, ("http://o:4318/x", "otlp")),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {}, ("scribe://127.0.0.1:9410", "json")),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o", "SPANLET_SCRIBE_HOST": "s"}, {}, ("scribe://s:9410", "json")),
])
def test_where_spans_go(monkeypatch, environment, given, expected):
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    assert _settings.destination(given, _settings.resolve(given)) == expected


def test_an_endpoint_of_the_environment_that_cannot_be_used_ends_nothing(monkeypatch, sink):
    monkeypatch.setenv("SPANLET_ENDPOINT", "https://far.away")
    monkeypatch.setenv("SPANLET_SCRIBE_PORT", str(sink.port))
    with pytest.warns(UserWarning, match="TLS"):
        spanlet.init()
    request()
    spanlet.shutdown()
    assert len(sink.spans) == 1


def test_json_over_http_with_gzip_and_token(http_sink):
    spanlet.init(endpoint=http_sink.url(), gzip=True, token="s3cret", service_name="shop")
    request("/a", "token=secret")
    spanlet.shutdown()
    (path, headers, body), = http_sink.posts
    assert (path, headers["Authorization"], headers["Content-Type"]) == ("/api/v2/spans", "Bearer s3cret", "application/json")
    (span,) = json.loads(gzip.decompress(body))
    assert (span["kind"], span["localEndpoint"]["serviceName"]) == ("SERVER", "shop")
    assert span["tags"] == {"http.method": "GET", "http.path": "/a", "http.status_code": "200"}


@pytest.mark.parametrize("encoding, path", [("proto3", "/api/v2/spans"), ("otlp", "/v1/traces")])
def test_protocol_buffers_over_http(http_sink, encoding, path):
    spanlet.init(endpoint=http_sink.url(), encoding=encoding)
    request("/some/path")
    spanlet.shutdown()
    (sent_to, headers, body), = http_sink.posts
    assert (sent_to, headers["Content-Type"]) == (path, "application/x-protobuf")
    assert b"/some/path" in body


def test_a_file(tmp_path):
    spanlet.init(endpoint=f"file:{tmp_path}/spans")
    request()
    spanlet.shutdown()
    (line,) = (tmp_path / "spans").read_text().splitlines()
    assert json.loads(line)[0]["tags"]["http.path"] == "/a"


@pytest.mark.parametrize("keys, expected", [
    (None, None),
    ([], "/a?limit=REDACTED&token=REDACTED"),
    (["limit"], "/a?limit=3&token=REDACTED"),
    (["*"], "/a?limit=3&token=secret"),
])
def test_query_strings_are_left_out_or_redacted(plain, keys, expected):
    plain.init(query_keys=keys)
    request("/a", "limit=3&token=secret")
    (span,) = plain.spans()
    assert (span.tags.get("http.uri"), span.tags["http.path"]) == (expected, "/a")


def test_rules_limits_and_an_own_sampler(plain):
    plain.init(sampling_rules=[("/health*", 0.0), ("GET /debug", 1.0)], sampling_rate=0.0)
    request("/health"), request("/debug"), request("/debug", method="POST"), request("/other")
    asked = []

    def sampler(method, path):
        asked.append((method, path))
        return {"/yes": True, "/no": False}.get(path)

    plain.init(sampler=sampler)
    request("/yes"), request("/no"), request("/rate")
    request("/parent", x_b3_traceid=TRACE, x_b3_spanid=SPAN, x_b3_sampled="0")
    plain.init(traces_per_second=1)
    for _ in range(20):
        request("/limited")
    paths = [span.tags["http.path"] for span in plain.spans()]
    assert paths[:3] == ["/debug", "/yes", "/rate"]
    assert 1 <= len(paths[3:]) <= 3
    assert asked == [("GET", "/yes"), ("GET", "/no"), ("GET", "/rate")]


def test_a_sampler_that_raises_is_counted_and_the_rate_decides(plain):
    plain.init(sampler=lambda method, path: 1 / 0)
    request("/a")
    stats = spanlet.stats()
    assert stats["errors"] == plain.errors_before + 1 and "ZeroDivisionError" in stats["last_error"]
    spanlet.shutdown()
    assert len(plain.sink.spans) == 1


@pytest.mark.parametrize("headers", [
    {"b3": f"{TRACE}-{SPAN}-1"},
    {"x_b3_traceid": TRACE, "x_b3_spanid": SPAN, "x_b3_sampled": "1"},
    {"traceparent": f"00-{TRACE}-{SPAN}-01"},
    {"traceparent": "00-bad", "b3": f"{TRACE}-{SPAN}"},
])
def test_every_format_is_read(plain, headers):
    plain.init(sampling_rate=1.0)
    assert request(**headers)[0] == TRACE
    (span,) = plain.spans()
    assert f"{span.trace_id:032x}" == TRACE
    shares = "bad" in headers.get("traceparent", "bad")
    assert (f"{span.id:016x}" if shares else f"{span.parent_id:016x}") == SPAN


def test_the_decision_of_every_format_holds(plain):
    for headers in [{"b3": "0"}, {"b3": f"{TRACE}-{SPAN}-0"}, {"traceparent": f"00-{TRACE}-{SPAN}-00"}, {"x_b3_sampled": "0"}]:
        assert request(**headers) is not None
    plain.init(sampling_rate=0.0)
    request(b3=f"{TRACE}-{SPAN}-d")
    (span,) = plain.spans()
    assert span.debug


def test_a_paste_filter(plain):
    from eventlet.zipkin import api
    traced = filter_factory({}, port=str(plain.sink.port), service_name="proxy", sampling_rate="1.0", gzip="no")

    def application(environ, start_response):
        api.put_annotation("within")
        start_response("200 OK", [])
        return []

    traced(application)({"PATH_INFO": "/v1"}, lambda status, headers: None)
    (span,) = plain.spans()
    assert (span.local.service, span.annotations) == ("proxy", ["within"])
    with pytest.raises(ValueError, match="no option sampling"):
        filter_factory({}, sampling="1")


def test_two_layers_of_ours_are_one_server(plain):
    seen = []

    def application(environ, start_response):
        seen.append(dict(environ))
        start_response("200 OK", [])
        return []

    twice, environ = TracingMiddleware(TracingMiddleware(application)), {"PATH_INFO": "/v1"}
    for _ in range(2):  # a server may use it again
        twice(environ, lambda status, headers: None)
    assert seen == [{"PATH_INFO": "/v1"}] * 2, "the application sees what the server gave"
    assert len(plain.spans()) == 2


def test_eventlet_s_hook_and_the_middleware_are_one_server(serve, traced):
    from conftest import ok
    serve(TracingMiddleware(ok)).get("/once")
    assert len(traced.spans()) == 1


def test_no_warning_by_default():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _settings.resolve({})
