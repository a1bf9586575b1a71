"""Settings: by keyword, by environment, and what they do."""
import gzip
import http.server
import json
import socketserver
import ssl
import threading
import warnings

import pytest
import trustme

import spanlet
from spanlet import _settings, doctor
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
    {"encoding": "xml"}, {"endpoint": ""}, {"endpoint": "ftp://x"}, {"endpoint": "https://"}, {"gzip": 1}, {"token": ""},
    {"endpoint": "http://x", "headers": {"a b": "c"}}, {"headers": {"a": 1}}, {"headers": "a=b"}, {"endpoint": "scribe://u:p@x"}, {"endpoint": "unix:x"},
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
    ("service_name", {"OTEL_RESOURCE_ATTRIBUTES": "deployment=x,service.name=my%20cart"}, "my cart"),
    ("headers", {"SPANLET_HEADERS": "a=b=c, d=e%2Cf"}, [("a", "b=c"), ("d", "e,f")]),
    ("ca_file", {"SPANLET_CA_FILE": "/ca.pem"}, "/ca.pem"),
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


def of(endpoint, encoding="json"):
    return {"endpoint": endpoint, "encoding": encoding}


def of_opentelemetry(endpoint, **said):
    return {**of(endpoint, "otlp"), "headers": [], "gzip": False, "ca_file": None, **said}


@pytest.mark.parametrize("environment, given, expected", [
    ({}, {}, of("scribe://127.0.0.1:9410")),
    ({}, {"host": "::1", "port": 7}, of("scribe://[::1]:7")),
    ({"SPANLET_ENDPOINT": "http://a"}, {}, of("http://a")),
    ({"SPANLET_ENDPOINT": "http://a", "SPANLET_ENCODING": "proto3"}, {}, of("http://a", "proto3")),
    ({"SPANLET_ENDPOINT": "http://a"}, {"host": "b"}, of("scribe://b:9410")),
    ({"SPANLET_ENDPOINT": "http://a"}, {"endpoint": "file:/b"}, of("file:/b")),
    ({"OTEL_EXPORTER_ZIPKIN_ENDPOINT": "https://z/api/v2/spans"}, {}, of("https://z/api/v2/spans")),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o:4318/"}, {}, of_opentelemetry("http://o:4318/v1/traces")),
    ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://o:4318/x"}, {}, of_opentelemetry("http://o:4318/x")),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o", "SPANLET_SCRIBE_HOST": "s"}, {}, of("scribe://s:9410")),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://o", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b,x=", "SPANLET_GZIP": "1",
      "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "api-key=c%3D,y=z", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca"}, {},
     of_opentelemetry("https://o/v1/traces", headers=[("api-key", "c="), ("y", "z")], gzip=True, ca_file="/ca")),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "SPANLET_HEADERS": "a=b"}, {},
     of_opentelemetry("http://o/v1/traces", headers=[("a", "b")], gzip=True)),
    # What is meant for that destination goes to no other.
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=k"}, {"endpoint": "http://a"}, of("http://a")),
])
def test_where_spans_go(monkeypatch, environment, given, expected):
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    assert _settings.destination(given, _settings.resolve(given)) == expected


@pytest.mark.parametrize("environment, words", [
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc"),
    ({"OTEL_EXPORTER_ZIPKIN_ENDPOINT": "zipkin:9411"}, "neither http nor https"),
])
def test_destinations_of_opentelemetry_that_we_cannot_speak_to(monkeypatch, environment, words):
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    with pytest.warns(UserWarning, match=words):
        assert _settings.destination({}, _settings.resolve({})) == of("scribe://127.0.0.1:9410")


def test_an_endpoint_of_the_environment_that_cannot_be_used_ends_nothing(monkeypatch, sink):
    monkeypatch.setenv("SPANLET_ENDPOINT", "gopher://far.away")
    monkeypatch.setenv("SPANLET_SCRIBE_PORT", str(sink.port))
    with pytest.warns(UserWarning, match="none of http, https, unix, scribe and file"):
        spanlet.init()
    request()
    spanlet.shutdown()
    assert len(sink.spans) == 1


def test_tls_with_a_password_and_an_own_header(http_sink, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    http_sink.server.socket = context.wrap_socket(http_sink.server.socket, server_side=True)
    endpoint = f"https://ann:p%40ss@127.0.0.1:{http_sink.port}"
    spanlet.init(endpoint=endpoint, ca_file=str(tmp_path / "ca.pem"), headers={"X-Team": "blue"})
    request("/a")
    assert spanlet.flush(20), spanlet.stats()
    (_, headers, body), = http_sink.posts
    assert (headers["Authorization"], headers["X-Team"]) == ("Basic YW5uOnBAc3M=", "blue")
    assert json.loads(body)[0]["tags"]["http.path"] == "/a"
    found = [line for _, line in doctor.findings() if "spans go to" in line]
    assert found == [f"spans go to https://***@127.0.0.1:{http_sink.port} as json, which takes connections (send-test-span tries the rest)"]


def test_thrift_through_a_unix_socket(tmp_path):
    posts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posts.append((self.path, self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def address_string(self):
            return "unix"

        def log_message(self, *args):
            pass

    path = str(tmp_path / "spans.sock")
    with socketserver.UnixStreamServer(path, Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        spanlet.init(endpoint=f"unix://{path}", encoding="thrift")
        request("/some/path")
        assert spanlet.flush(20), spanlet.stats()
        assert any("takes connections" in line for good, line in doctor.findings() if good)
        server.shutdown()
    (sent_to, content_type, body), = posts
    assert (sent_to, content_type) == ("/api/v1/spans", "application/x-thrift")
    assert b"/some/path" in body


def test_json_over_http_with_gzip_and_token(http_sink):
    spanlet.init(endpoint=http_sink.url(), gzip=True, token="s3cret", service_name="shop")
    request("/a", "token=secret")
    spanlet.shutdown()
    (path, headers, body), = http_sink.posts
    assert (path, headers["Authorization"], headers["Content-Type"]) == ("/api/v2/spans", "Bearer s3cret", "application/json")
    (span,) = json.loads(gzip.decompress(body))
    assert (span["kind"], span["localEndpoint"]["serviceName"]) == ("SERVER", "shop")
    assert span["tags"] == {"http.method": "GET", "http.path": "/a", "http.status_code": "200"}


def test_secrets_are_not_repeated(monkeypatch):
    monkeypatch.setenv("SPANLET_HEADERS", "s3cret")
    with pytest.warns(UserWarning) as slips:
        _settings.resolve({})
    with pytest.raises(ValueError) as error:
        spanlet.init(headers={"a": b"s3cret"})
    assert all("s3cret" not in str(said) for said in [*(slip.message for slip in slips), error.value])


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
