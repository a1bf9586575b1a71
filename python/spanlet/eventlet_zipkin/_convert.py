"""Between eventlet.zipkin's thrift structs and what the tracer takes."""
import ipaddress

from ._thrift.zipkinCore import ttypes

U64 = (1 << 64) - 1
U128 = (1 << 128) - 1


def unsigned(value, mask=U64):
    """Returns an id without its sign, None for what is no number."""
    return value & mask if isinstance(value, int) else None


def address(endpoint):
    """Returns a ttypes.Endpoint as (service name, ip, port): addresses and ports are signed there."""
    if endpoint is None:
        return None, None, None
    ip = None if endpoint.ipv4 is None else str(ipaddress.IPv4Address(endpoint.ipv4 & 0xFFFFFFFF))
    port = None if endpoint.port is None else endpoint.port & 0xFFFF
    return endpoint.service_name, ip, port


def endpoint(address):
    """Returns (service name, ip, port) as a ttypes.Endpoint, which has no room for IPv6."""
    if address is None:
        return None
    service_name, ip, port = address
    parsed = ipaddress.ip_address(ip) if ip else None
    ipv4 = int(parsed) if parsed is not None and parsed.version == 4 else None
    return ttypes.Endpoint(
        ipv4=None if ipv4 is None else signed(ipv4, 32),
        port=None if port is None else signed(port, 16),
        service_name=service_name,
    )


def signed(value, bits):
    """Returns a number as thrift's signed type of this width holds it."""
    return value - (1 << bits) if value >> (bits - 1) else value


def text(value):
    """Returns anything as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def report(tracer, span):
    """Queues a ttypes.Span."""
    annotations = [(int(a.timestamp), text(a.value)) for a in span.annotations or []]
    tags = [(text(b.key), text(b.value)) for b in span.binary_annotations or []]
    hosts = [a.host for a in [*(span.annotations or []), *(span.binary_annotations or [])] if a.host is not None]
    tracer.report(
        text(span.name), unsigned(span.trace_id, U128), unsigned(span.id), unsigned(span.parent_id),
        annotations, tags, address(hosts[0] if hosts else None),
    )
