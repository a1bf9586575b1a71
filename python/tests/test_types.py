"""What type checkers know of the public names."""
import subprocess
import sys

from spanlet import _keywords, _settings

RIGHT = """
import spanlet
from spanlet.asgi import TracingMiddleware
from spanlet.wsgi import filter_factory

spanlet.init("127.0.0.1", 9410, 0.5, endpoint="https://z", headers={"a": "b"}, sampling_rules=[("/health*", 0.0)],
             sampler=lambda method, path: None)

@spanlet.span("restock", kind="consumer", tags={"shelf": 3})
async def restock(order: int) -> str:
    with spanlet.span() as span:
        span.tag("a", 1)
        ids: tuple[str, str] | None = span.ids
    return f"{order} {ids} {spanlet.current_ids()}"

text: str = spanlet.prometheus()
done: bool = spanlet.flush(2.0)
sent: int = spanlet.stats()["sent"]
spanlet.annotate("x")
spanlet.tag("a", 1)
spanlet.install()
spanlet.shutdown()
filter_factory({}, sampling_rate="0.1")(lambda environ, start_response: [])
TracingMiddleware(restock)
"""
WRONG = [
    'spanlet.init(port="9410")', 'spanlet.init(endpoint=7)', 'spanlet.init(no_such_setting=1)', "spanlet.span(7)",
    'spanlet.flush("soon")', "spanlet.no_such_name()",
]


def test_a_type_checker_knows_right_from_wrong(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text("\n".join(["import spanlet", *WRONG]) + "\n")
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "right.py", "wrong.py"],
                             cwd=tmp_path, capture_output=True, text=True, timeout=300)
    found = {line.split(": error")[0] for line in checked.stdout.splitlines() if ": error" in line}
    assert found == {f"wrong.py:{line}" for line in range(2, 2 + len(WRONG))}, checked.stdout + checked.stderr


def test_every_setting_has_a_type():
    assert list(_keywords.Keywords.__annotations__) == [name for name in _settings.SETTINGS if name not in ("host", "port", "sampling_rate")]
