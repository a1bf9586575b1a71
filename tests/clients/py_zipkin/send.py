"""Records the trace of ../README.md with py_zipkin: send.py V1_JSON|V2_JSON|V2_PROTO3 HOST:PORT START_US"""

import json
import sys
import time

from py_zipkin import Encoding
from py_zipkin.request_helpers import create_http_headers, extract_zipkin_attrs_from_headers
from py_zipkin.transport import SimpleHTTPTransport
from py_zipkin.zipkin import zipkin_client_span, zipkin_server_span

how, address, start_us = sys.argv[1:]
host, port = address.split(':')
clock = start = int(start_us) / 1e6
# The root spans of py_zipkin take their times from here, whatever they are given.
time.time = lambda: clock

shared = {
    'span_name': 'get /orders',
    'transport_handler': SimpleHTTPTransport(host, int(port)),
    'encoding': Encoding[how],
}
with zipkin_client_span(service_name='front', host='10.0.0.1', port=8001, sample_rate=100.0, use_128bit_trace_id=True, **shared) as client:
    client.add_sa_binary_annotation(service_name='orders', host='10.0.0.2', port=8002)
    client.update_binary_annotations({'http.path': '/orders'})
    client.add_annotation('retry', timestamp=start + 0.125)
    headers = create_http_headers()
    clock = start + 0.5

clock = start + 0.0625
attrs = extract_zipkin_attrs_from_headers(headers)
try:
    with zipkin_server_span(service_name='orders', host='10.0.0.2', port=8002, zipkin_attrs=attrs, **shared) as server:
        clock = start + 0.3125
        raise LookupError('out of stock')
except LookupError:
    pass

print(json.dumps({'trace': attrs.trace_id, 'client': headers['X-B3-SpanId'], 'server': attrs.span_id}))
