"""A real program on real servers with OpenTelemetry on the other side of its calls: one trace."""
import json
import os
import signal
import subprocess
import sys

import pytest

from test_main import fetched, free_port

# The front is traced by `python -m spanlet run`; the back is OpenTelemetry's own middleware, and prints its spans.
FRONT = """
import os, flask, requests
application = flask.Flask("front")

@application.get("/order/<item>")
def order(item):
    left = requests.get(f"http://127.0.0.1:{os.environ['BACK_PORT']}/stock/{item}").text
    return f"{left} {item}"

async def asgi(scope, receive, send):
    import httpx
    assert scope["type"] == "http"  # uvicorn asks for a lifespan, too, and takes no for an answer
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{os.environ['BACK_PORT']}/stock/apples")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer.content + b" apples"})
"""
BACK = """
import json, os, sys, threading, wsgiref.simple_server
from opentelemetry import trace
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

class Said(SpanExporter):
    def export(self, spans):
        for span in spans:
            parent = span.parent.span_id if span.parent else 0
            print(json.dumps([f"{span.context.trace_id:x}", f"{parent:x}"]), flush=True)
        return SpanExportResult.SUCCESS

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Said()))
trace.set_tracer_provider(provider)
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "1")])
    return [b"3"]
server = wsgiref.simple_server.make_server("127.0.0.1", 0, OpenTelemetryMiddleware(application))
print(server.server_port, flush=True)
server.serve_forever()
"""
SERVERS = {
    "gunicorn sync": ["gunicorn", "-b", "127.0.0.1:PORT", "-w", "2", "front:application"],
    "gunicorn gthread": ["gunicorn", "-b", "127.0.0.1:PORT", "-k", "gthread", "--threads", "2", "front:application"],
    "gunicorn gevent": ["gunicorn", "-b", "127.0.0.1:PORT", "-k", "gevent", "front:application"],
    "gunicorn eventlet": ["gunicorn", "-b", "127.0.0.1:PORT", "-k", "eventlet", "front:application"],
    "uvicorn": ["uvicorn", "--port", "PORT", "front:asgi"],
}


@pytest.fixture
def back(tmp_path):
    """OpenTelemetry's program: its port, and the lines it says."""
    environment = {**os.environ, "OTEL_PROPAGATORS": "tracecontext,baggage"}
    with open(tmp_path / "back.log", "w") as log:
        program = subprocess.Popen([sys.executable, "-W", "ignore", "-c", BACK], env=environment,
                                   stdout=subprocess.PIPE, stderr=log, text=True)
    yield int(program.stdout.readline()), program.stdout
    program.kill()
    program.wait()


@pytest.mark.parametrize("name", SERVERS)
def test_flask_and_asgi_in_front_of_opentelemetry(sink, back, tmp_path, name):
    back_port, said = back
    (tmp_path / "front.py").write_text(FRONT)
    port = free_port()
    command = [part.replace("PORT", str(port)) for part in SERVERS[name]]
    environment = {
        **os.environ, "SPANLET_SCRIBE_PORT": str(sink.port), "PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "ignore",
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"], "BACK_PORT": str(back_port),
        "SPANLET_SERVICE_NAME": "front", "SPANLET_TRACE_ID_128": "1",
    }
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen([sys.executable, "-m", "spanlet", "run", *command], env=environment, cwd=tmp_path,
                                  stdout=log, stderr=log)
    try:
        assert fetched(f"http://127.0.0.1:{port}/order/apples", server, tmp_path / "log") == b"3 apples"
        spans = {span.kind: span for span in sink.wait(2)}
        trace_id, parent_id = json.loads(said.readline())
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    front, call = spans["SERVER"], spans["CLIENT"]
    assert (front.tags["http.path"], call.tags["http.path"]) == ("/order/apples", "/stock/apples")
    assert (call.trace_id, call.parent_id) == (front.trace_id, front.id)
    assert (trace_id, parent_id) == (f"{call.trace_id:x}", f"{call.id:x}")
