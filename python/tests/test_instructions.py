"""What a request costs, in instructions of the processor: unlike time, a busy machine does not change them."""
import os
import re
import shutil
import subprocess
import sys

import pytest

# All threads of the process, a plain WSGI application included (2,700), which the tracer leaves as it is.
REQUESTS = """
import sys
import spanlet
from spanlet.wsgi import TracingMiddleware

count, rate = int(sys.argv[1]), float(sys.argv[2])
spanlet.init(endpoint="file:/dev/null", service_name="shop", sampling_rate=rate, queue_spans_max=10 * count)

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"x"]

traced = TracingMiddleware(application)
answer = lambda status, headers: None
for _ in range(count):
    traced({"REQUEST_METHOD": "GET", "PATH_INFO": "/a"}, answer)
spanlet.shutdown(60)
assert spanlet.stats()["sent"] == count * rate
"""


def instructions(program, count, rate):
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
               sys.executable, "-I", str(program), str(count), str(rate)]
    result = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return int(re.search(r"I\s+refs:\s+([\d,]+)", result.stderr)[1].replace(",", ""))


# Measured with CPython 3.11: 20,300 and 9,600; twice the same within 0.2 %. Other versions of Python need some more or less.
@pytest.mark.parametrize("rate, most", [(1.0, 26_000), (0.0, 12_500)])
def test_instructions_of_a_request(tmp_path, rate, most):
    if shutil.which("valgrind") is None:
        assert "CI" not in os.environ, "it needs valgrind, which .ci/run installs"
        pytest.skip("it needs valgrind")
    program = tmp_path / "requests.py"
    program.write_text(REQUESTS)
    few, many = 500, 3500
    per_request = (instructions(program, many, rate) - instructions(program, few, rate)) / (many - few)
    assert per_request < most, per_request
    assert per_request > most / 4, "nothing was traced"
