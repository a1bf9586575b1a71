"""Records the trace of ../README.md with OpenTelemetry: send.py zipkin-json|... HOST:PORT START_US"""

import importlib
import json
import sys

from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, format_span_id, format_trace_id, set_span_in_context

EXPORTERS = {
    'zipkin-json': ('zipkin.json', 'ZipkinExporter', '/api/v2/spans'),
    'zipkin-proto': ('zipkin.proto.http', 'ZipkinExporter', '/api/v2/spans'),
    'otlp-http': ('otlp.proto.http.trace_exporter', 'OTLPSpanExporter', '/v1/traces'),
    'otlp-grpc': ('otlp.proto.grpc.trace_exporter', 'OTLPSpanExporter', ''),
}

how, address, start_us = sys.argv[1:]
module, name, path = EXPORTERS[how]
Exporter = getattr(importlib.import_module(f'opentelemetry.exporter.{module}'), name)


def at(us):
    return (int(start_us) + us) * 1000


def service(name, ip, port):
    own = {'local_node_ipv4': ip, 'local_node_port': port} if how.startswith('zipkin') else {}
    provider = TracerProvider(resource=Resource({'service.name': name, 'service.version': '1.2'}))
    provider.add_span_processor(SimpleSpanProcessor(Exporter(endpoint=f'http://{address}{path}', **own)))
    return provider.get_tracer('shop', '0.1'), provider


front, front_provider = service('front', '10.0.0.1', 8001)
orders, orders_provider = service('orders', '10.0.0.2', 8002)
client = front.start_span('get /orders', kind=SpanKind.CLIENT, start_time=at(0), attributes={
    'http.path': '/orders', 'peer.service': 'orders', 'retries': 1, 'cached': False, 'sizes': [1, 2],
})
client.add_event('retry', {'attempt': 2}, timestamp=at(125_000))
headers = {}
inject(headers, set_span_in_context(client))
server = orders.start_span('get /orders', context=extract(headers), kind=SpanKind.SERVER, start_time=at(62_500))
server.set_status(Status(StatusCode.ERROR, 'out of stock'))
server.end(end_time=at(312_500))
client.end(end_time=at(500_000))
front_provider.shutdown()
orders_provider.shutdown()

ids = {'client': client, 'server': server}
print(json.dumps({'trace': format_trace_id(client.context.trace_id)}
                 | {key: format_span_id(span.context.span_id) for key, span in ids.items()}))
