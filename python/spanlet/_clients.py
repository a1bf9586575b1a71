"""Client spans of httpx and aiohttp, made by `_native.call`, which swallows its own faults."""
import functools

from . import _native


def httpx_sync(original):
    """Wraps `HTTPTransport.handle_request`: below redirects and authentication, so that each request is a span."""

    @functools.wraps(original)
    def handle_request(self, request):
        call = _started(request)
        if call is None:
            return original(self, request)
        try:
            response = original(self, request)
        except BaseException as error:
            call.failed(error)
            raise
        call.answered(response.status_code, *_peer(response))
        return response

    return handle_request


def httpx_async(original):
    """Wraps `AsyncHTTPTransport.handle_async_request`."""

    @functools.wraps(original)
    async def handle_async_request(self, request):
        call = _started(request)
        if call is None:
            return await original(self, request)
        try:
            response = await original(self, request)
        except BaseException as error:
            call.failed(error)
            raise
        call.answered(response.status_code, *_peer(response))
        return response

    return handle_async_request


def aiohttp_session(original):
    """Wraps `ClientSession.__init__`: every session gets the hooks that aiohttp has for this."""

    @functools.wraps(original)
    def __init__(self, *args, trace_configs=None, **options):
        original(self, *args, trace_configs=[*(trace_configs or ()), _aiohttp_hooks()], **options)

    return __init__


def _started(request):
    call = _native.call(request.method, request.url.raw_path.decode("latin-1"))
    if call is not None:
        _put(call, request.headers)
    return call


def _put(call, headers):
    """Starts the span, and replaces what the application passes on of its own caller's."""
    for name in [name for name in headers if call.replaces(name)]:
        del headers[name]
    for name, value in call.start():
        headers[name] = value


def _peer(response):
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream is not None else None
    return _ip_and_port(address)


def _ip_and_port(address):
    return address[:2] if isinstance(address, tuple) and isinstance(address[0], str) else (None, None)


def _aiohttp_hooks():
    import aiohttp
    hooks = aiohttp.TraceConfig()
    hooks.on_request_start.append(_aiohttp_start)
    hooks.on_request_end.append(_aiohttp_end)
    hooks.on_request_exception.append(_aiohttp_failed)
    return hooks


async def _aiohttp_start(session, context, params):
    context.spanlet = _native.call(params.method, params.url.raw_path)
    if context.spanlet is not None:
        _put(context.spanlet, params.headers)


async def _aiohttp_end(session, context, params):
    if context.spanlet is not None:
        connection = params.response.connection  # none when the whole response is in already
        transport = connection.transport if connection is not None else None
        address = transport.get_extra_info("peername") if transport is not None else None
        context.spanlet.answered(params.response.status, *_ip_and_port(address))


async def _aiohttp_failed(session, context, params):
    if context.spanlet is not None:
        context.spanlet.failed(params.exception)
