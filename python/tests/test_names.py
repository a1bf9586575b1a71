"""Every import path and name of eventlet.zipkin, with its signature."""
import importlib
import inspect

import pytest

NAMES = {
    "patcher": ["enable_trace_patch", "disable_trace_patch"],
    "api": ["put_annotation", "put_key_value", "is_tracing", "is_sample", "get_trace_data", "set_trace_data",
            "init_trace_data", "generate_trace_id", "generate_span_id", "TraceData", "ZipkinDataBuilder", "client"],
    "client": ["CATEGORY", "ZipkinClient"],
    "http": ["HDR_TRACE_ID", "HDR_SPAN_ID", "HDR_PARENT_SPAN_ID", "HDR_SAMPLED", "patch", "unpatch", "hex_str"],
    "wsgi": ["Sampler", "int_or_none", "bool_or_none", "patch", "unpatch"],
    "greenthread": ["patch", "unpatch"],
    "log": ["patch", "unpatch"],
    "_thrift.zipkinCore.constants": ["CLIENT_SEND", "CLIENT_RECV", "SERVER_SEND", "SERVER_RECV"],
    "_thrift.zipkinCore.ttypes": ["Endpoint", "Annotation", "BinaryAnnotation", "Span", "AnnotationType"],
}


@pytest.mark.parametrize("module", NAMES)
def test_names(module):
    found = importlib.import_module(f"eventlet.zipkin.{module}")
    assert "spanlet" in found.__file__
    assert [name for name in NAMES[module] if not hasattr(found, name)] == []


def test_signatures():
    from eventlet.zipkin import api, client, patcher
    assert str(inspect.signature(patcher.enable_trace_patch)) == "(host='127.0.0.1', port=9410, trace_app_log=False, sampling_rate=1.0, **settings)"
    assert str(inspect.signature(api.put_annotation)) == "(msg, endpoint=None)"
    assert str(inspect.signature(api.put_key_value)) == "(key, value, endpoint=None)"
    assert str(inspect.signature(api.TraceData)) == "(name, trace_id, span_id, parent_id, sampled, endpoint)"
    assert list(inspect.signature(client.ZipkinClient).parameters) == ["host", "port"]


def test_values():
    from eventlet.zipkin import api, client, http, wsgi
    from eventlet.zipkin._thrift.zipkinCore import constants, ttypes
    assert client.CATEGORY == "zipkin" and api.client is None and api.TraceData.END_ANNOTATION == "ss"
    assert (http.HDR_TRACE_ID, http.HDR_PARENT_SPAN_ID) == ("X-B3-TraceId", "X-B3-ParentSpanId")
    assert (http.hex_str(255), wsgi.int_or_none("ff"), wsgi.int_or_none(None)) == ("00000000000000ff", 255, None)
    assert (wsgi.bool_or_none("1"), wsgi.bool_or_none("0"), wsgi.bool_or_none(None)) == (True, False, None)
    assert wsgi.Sampler(1.0).sampling() is True and wsgi.Sampler(0.0).sampling() is False
    assert (constants.CLIENT_SEND, constants.CLIENT_RECV, constants.SERVER_SEND, constants.SERVER_RECV) == ("cs", "cr", "ss", "sr")
    assert [kind.value for kind in ttypes.AnnotationType] == [0, 1, 2, 3, 4, 5, 6]
    assert api.generate_trace_id() != api.generate_trace_id() and 0 < api.generate_span_id() < 2 ** 64


def test_builders():
    from eventlet.zipkin.api import ZipkinDataBuilder as build
    endpoint = build.build_endpoint("127.0.0.1", 40000, "shop")
    assert (endpoint.ipv4, endpoint.port, endpoint.service_name) == (0x7F000001, 40000 - 65536, "shop")
    annotation = build.build_annotation(b"bytes", endpoint)
    assert annotation.value == "bytes" and isinstance(annotation.timestamp, int) and annotation.host is endpoint
    assert build.build_binary_annotation("k", "v").annotation_type == 6
    assert "shop" in repr(build.build_span("n", 1, 2, None, [annotation], []))


def test_a_client_of_ones_own(sink):
    from eventlet.zipkin.api import ZipkinDataBuilder as build
    from eventlet.zipkin.client import ZipkinClient
    client = ZipkinClient("127.0.0.1", sink.port)
    assert (client.host, client.port, sink.connections) == ("127.0.0.1", sink.port, 0)
    client.send_to_collector(build.build_span("n", 1, 2, None, [build.build_annotation("x", build.build_endpoint())], []))
    client.close()
    assert [(span.name, span.annotations) for span in sink.spans] == [("n", ["x"])]


def test_patching_by_parts(serve, sink):
    """Each module's own patch() and unpatch() work without the patcher."""
    import spanlet
    from conftest import ok
    from eventlet.zipkin import greenthread, http, log, wsgi
    spanlet.init(port=sink.port)
    wsgi.patch(0.0)
    shop = serve(ok)
    shop.get("/unsampled")
    wsgi.patch(1.0)
    shop.get("/sampled")
    for module in (wsgi, http, greenthread, log):
        module.unpatch()
    shop.get("/unpatched")
    spanlet.shutdown()
    assert [span.tags["http.path"] for span in sink.spans] == ["/sampled"]
