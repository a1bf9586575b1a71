"""python -m spanlet: run, doctor, send-test-span; and what `run` does for real servers."""
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

APPLICATION = '''
import threading

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})
'''


def spanlet(*arguments, folder=None, **environment):
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", **environment}
    return subprocess.run([sys.executable, "-m", "spanlet", *arguments], env=environment, cwd=folder,
                          capture_output=True, text=True, timeout=60)


def test_run_traces_a_program_unchanged(sink, tmp_path):
    (tmp_path / "other.py").write_text("name = 'other'")
    (tmp_path / "program.py").write_text("""
import sys, urllib.request, wsgiref.simple_server, threading, other
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]
assert __name__ == "__main__" and sys.argv[1:] == ["--port", "0"], sys.argv
server = wsgiref.simple_server.make_server("127.0.0.1", 0, application)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/path").read().decode(), other.name)
server.shutdown()
""")
    result = spanlet("run", "program.py", "--port", "0", folder=tmp_path, SPANLET_SCRIBE_PORT=str(sink.port))
    assert (result.returncode, result.stdout) == (0, "fine other\n"), result.stderr
    (span,) = sink.wait(1)
    assert (span.kind, span.local.service, span.tags["http.path"]) == ("SERVER", "program.py", "/path")


def test_run_of_a_module_and_of_nothing(sink, tmp_path):
    (tmp_path / "module.py").write_text("import spanlet, sys\nwith spanlet.span('work'): print(__name__, sys.argv[1:])")
    result = spanlet("run", "-m", "module", "x", folder=tmp_path, SPANLET_SCRIBE_PORT=str(sink.port))
    assert result.stdout == "__main__ ['x']\n", result.stderr
    assert sink.wait(1)[0].name == "work"
    missing = spanlet("run", "no-such-program")
    assert missing.returncode == 1 and "neither a Python file nor" in missing.stderr


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


SERVERS = {
    "gunicorn sync": ["gunicorn", "-b", "127.0.0.1:PORT", "-w", "2", "app:application"],
    "gunicorn gthread": ["gunicorn", "-b", "127.0.0.1:PORT", "-k", "gthread", "--threads", "2", "app:application"],
    "gunicorn gevent": ["gunicorn", "-b", "127.0.0.1:PORT", "-k", "gevent", "app:application"],
    "gunicorn eventlet": ["gunicorn", "-b", "127.0.0.1:PORT", "-k", "eventlet", "app:application"],
    "uvicorn": ["uvicorn", "--port", "PORT", "app:asgi"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_run_of_real_servers(sink, tmp_path, name):
    (tmp_path / "app.py").write_text(APPLICATION)
    port = free_port()
    command = [part.replace("PORT", str(port)) for part in SERVERS[name]]
    environment = {
        **os.environ, "SPANLET_SCRIBE_PORT": str(sink.port), "PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "ignore",
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"], "SPANLET_SERVICE_NAME": "shop",
    }
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen([sys.executable, "-m", "spanlet", "run", *command], env=environment, cwd=tmp_path,
                                  stdout=log, stderr=log)
    try:
        for number in range(5):
            assert fetched(f"http://127.0.0.1:{port}/{number}", server, tmp_path / "log") == b"fine"
        spans = sink.wait(5)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    assert sorted(span.tags["http.path"] for span in spans) == [f"/{number}" for number in range(5)]
    assert {(span.kind, span.local.service, span.tags["http.status_code"]) for span in spans} == {("SERVER", "shop", "200")}
    assert {span.local.port for span in spans} <= {port, None}


def fetched(url, server, log):
    """Asks until the server is up."""
    end = time.monotonic() + 30
    while True:
        try:
            return urllib.request.urlopen(url, timeout=10).read()
        except OSError:
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)


def test_send_test_span(sink, http_sink):
    result = spanlet("send-test-span", SPANLET_SCRIBE_PORT=str(sink.port), SPANLET_SERVICE_NAME="shop")
    (span,) = sink.wait(1)
    assert result.stdout == f"the collector has it: trace {span.trace_id:016x}, service shop\n"
    assert spanlet("send-test-span", "--endpoint", http_sink.url()).returncode == 0
    assert b"spanlet-test" in http_sink.posts[0][2]
    away = spanlet("send-test-span", SPANLET_SCRIBE_PORT="1")
    assert away.returncode == 1 and "127.0.0.1:1" in away.stdout and "refused" in away.stdout


def test_doctor(sink):
    well = spanlet("doctor", SPANLET_SCRIBE_PORT=str(sink.port), SPANLET_SAMPLING_RATE="0.5")
    assert well.returncode == 0, well.stdout + well.stderr
    for words in ["eventlet.zipkin is ours", "sampling_rate = 0.5", "functions can be hooked", "takes connections"]:
        assert words in well.stdout
    assert sink.spans == []
    ill = spanlet("doctor", SPANLET_SCRIBE_PORT="1", SPANLET_REDIRECT="0", SPANLET_GZIP="perhaps", SPANLET_TOKEN="s3cret")
    bad = [line for line in ill.stdout.splitlines() if line.startswith("BAD")]
    assert ill.returncode == 1 and len(bad) == 3, ill.stdout
    assert "s3cret" not in ill.stdout


def test_findings_of_a_running_program(plain):
    from spanlet import doctor
    import spanlet as running
    with running.span("work"):
        pass
    assert running.flush()
    found = doctor.findings()
    assert any("1 finished, 1 sent" in line for _, line in found)
    assert any(line == "hooked: http.client.HTTPConnection.putrequest" for _, line in found)
