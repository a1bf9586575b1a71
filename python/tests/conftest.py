"""A traced eventlet server in this process, a scribe collector beside it, and scripts in processes of their own."""
import json
import os
import subprocess
import sys
import textwrap
import warnings

warnings.simplefilter("ignore", DeprecationWarning)

import eventlet  # noqa: E402
import pytest  # noqa: E402
from eventlet import wsgi  # noqa: E402
from eventlet.green import socket as green_socket  # noqa: E402

import spanlet  # noqa: E402
from eventlet.zipkin import patcher  # noqa: E402
from scribe import Sink  # noqa: E402


class Shop:
    """A server of one application, and a plain client of it."""

    def __init__(self, application, listener=None, **options):
        self.listener = listener or eventlet.listen(("127.0.0.1", 0))
        address = self.listener.getsockname()
        self.port = address[1] if isinstance(address, tuple) else None
        self.address = address
        self.family = self.listener.family
        options.setdefault("log_output", False)
        self.server = eventlet.spawn(wsgi.server, self.listener, application, **options)
        eventlet.sleep(0)

    def connect(self):
        connection = green_socket.socket(self.family)
        connection.settimeout(10)
        connection.connect(self.address)
        return connection

    def send(self, raw):
        """Sends bytes and returns all that comes back."""
        connection = self.connect()
        connection.sendall(raw)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
        connection.close()
        return received

    def get(self, path="/", headers=(), method="GET", version="1.1"):
        """Sends one request and returns the whole response, head and body."""
        lines = [f"{method} {path} HTTP/{version}", "Host: shop", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self):
        self.server.kill()
        self.listener.close()


class Traced:
    """Tracing enabled towards a sink. `spans()` disables it, which flushes, and returns what came."""

    def __init__(self, sink):
        self.sink = sink
        self.enabled = False

    def enable(self, **options):
        patcher.enable_trace_patch(**{"port": self.sink.port, **options})
        self.enabled = True

    def spans(self, kind=None):
        for _ in range(3):  # lets the server's side of the last response finish
            eventlet.sleep(0)
        errors = spanlet.stats()
        self.disable()
        assert (errors["errors"] - self.errors_before, errors["last_error"])[0] == 0, errors
        return [span for span in self.sink.spans if kind in (None, span.kind)]

    def disable(self):
        if self.enabled:
            patcher.disable_trace_patch()
            self.enabled = False


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture
def untraced(sink):
    """Not enabled yet."""
    traced = Traced(sink)
    traced.errors_before = spanlet.stats()["errors"]
    yield traced
    traced.disable()


@pytest.fixture
def traced(untraced):
    untraced.enable()
    return untraced


@pytest.fixture
def serve():
    """Starts servers that stop with the test."""
    shops = []

    def start(application, **options):
        shops.append(Shop(application, **options))
        return shops[-1]

    yield start
    for shop in shops:
        shop.stop()


def ok(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine\n"]


# What scripts begin with: servers and clients in a process of their own, `sink_port` from the command line.
PRELUDE = """
import json, os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
sink_port = int(os.environ["SINK_PORT"])
def say(**facts):
    print(json.dumps(facts), flush=True)
"""


@pytest.fixture
def script(sink):
    """Runs Python code in a process of its own and returns the last line it said."""

    def run(code, timeout_s=60, check=True, python=sys.executable, prelude=PRELUDE, **environment):
        result = subprocess.run(
            [python, "-c", prelude + textwrap.dedent(code)],
            env={**os.environ, "SINK_PORT": str(sink.port), "SPANLET_SERVICE_NAME": "script", **environment},
            capture_output=True, text=True, timeout=timeout_s,
        )
        if check:
            assert result.returncode == 0, result.stderr
        lines = result.stdout.strip().splitlines()
        return json.loads(lines[-1]) if lines else None

    return run


class Plain:
    """Tracing by `spanlet.init`, off eventlet. `spans()` shuts it down, which flushes, and returns what came."""

    def __init__(self, sink):
        self.sink = sink
        self.errors_before = spanlet.stats()["errors"]

    def init(self, **settings):
        spanlet.init(**{"port": self.sink.port, "service_name": "plain", **settings})

    def spans(self, kind=None):
        stats = spanlet.stats()
        spanlet.shutdown()
        assert stats["errors"] == self.errors_before, stats
        return [span for span in self.sink.spans if kind in (None, span.kind)]


@pytest.fixture
def plain(sink):
    """Initialised, with the defaults."""
    plain = Plain(sink)
    plain.init()
    yield plain
    spanlet.shutdown()


class HttpSink:
    """An HTTP collector, or any other server: keeps paths, headers and bodies, and answers 202."""

    def __init__(self):
        import http.server
        import threading
        self.posts = posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                posts.append((self.path, self.headers, self.rfile.read(length)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def http_sink():
    sink = HttpSink()
    yield sink
    sink.server.shutdown()
    sink.server.server_close()
