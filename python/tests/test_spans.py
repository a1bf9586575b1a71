"""Spans of the application's own; logs with ids; counters for Prometheus."""
import asyncio
import logging
import re

import pytest

import spanlet


def test_spans_within_spans(plain):
    with spanlet.span("outer", tags={"n": 1}) as outer:
        outer.annotate("before")
        with spanlet.span("inner", kind="client") as inner:
            spanlet.tag("k", "v")
        outer.tag("after", True)
    first, second = plain.spans()
    assert (first.name, first.kind, first.tags, first.parent_id) == ("inner", "CLIENT", {"k": "v"}, second.id)
    assert (second.name, second.kind, second.tags, second.annotations) == ("outer", None, {"n": "1", "after": "True"}, ["before"])
    assert inner.ids == (f"{first.trace_id:016x}", f"{first.id:016x}")
    assert first.trace_id == second.trace_id and first.local.service == "plain"
    assert spanlet.current_ids() is None


def test_what_is_raised_marks_them(plain):
    with pytest.raises(KeyError):
        with spanlet.span("work"):
            raise KeyError("x")
    assert plain.spans()[0].tags == {"error": "KeyError: 'x'"}


def test_decorated_functions(plain):
    @spanlet.span()
    def plain_one(a, b=2):
        return a + b

    @spanlet.span("named", kind="consumer", tags={"k": "v"})
    async def later(n):
        await asyncio.sleep(0)
        return plain_one(n)

    assert (plain_one.__name__, plain_one(1, b=3)) == ("plain_one", 4)

    async def both():
        return await asyncio.gather(later(1), later(2))

    assert asyncio.run(both()) == [3, 4]
    spans = plain.spans()
    # Zipkin's consumers end with their last annotation, so that only the first is a kind here.
    named = [span for span in spans if span.name == "named"]
    inner = [span for span in spans if "plain_one" in span.name and span.parent_id]
    assert {span.parent_id for span in inner} == {span.id for span in named}
    assert len({span.trace_id for span in spans}) == 3

    with pytest.raises(TypeError, match="generator"):
        @spanlet.span()
        def numbers():
            yield 1
    with pytest.raises(ValueError, match="kind"):
        spanlet.span("x", kind="x")


def test_unsampled_spans_cost_a_place_only(plain):
    plain.init(sampling_rate=0.0)
    with spanlet.span("outer") as outer:
        with spanlet.span("inner") as inner:
            inner.tag("k", "v")
            assert inner.ids[0] == outer.ids[0] and inner.ids[1] != outer.ids[1]
    assert plain.spans() == []


def test_without_a_tracer_they_do_nothing():
    with spanlet.span("work") as span:
        span.tag("k", "v")
        span.annotate("x")
        assert (span.ids, spanlet.current_ids()) == (None, None)


class Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def logger():
    logger, handler = logging.getLogger("shop.ids"), Records()
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.records = handler.records
    yield logger
    logger.removeHandler(handler)


def test_log_records_have_ids(plain, logger):
    plain.init(log_ids=True)
    logger.info("outside")
    with spanlet.span("work") as span:
        logger.info("inside")
        # The application's own fields of these names stay, and are allowed.
        logger.info("own", extra={"trace_id": "mine"})
        ids = span.ids
    outside, inside, own = logger.records
    assert (outside.trace_id, outside.span_id) == ("", "")
    assert (inside.trace_id, inside.span_id) == ids
    assert (own.trace_id, own.span_id) == ("mine", ids[1])
    assert logging.Formatter("%(trace_id)s/%(span_id)s").format(inside) == "/".join(ids)
    plain.spans()
    logger.info("after")
    assert not hasattr(logger.records[-1], "trace_id")


def test_logs_as_annotations(plain, logger):
    plain.init(log_annotations=True)
    with spanlet.span("work"):
        logger.info("said %s", "so")
    assert plain.spans()[0].annotations == ["said so"]


def test_prometheus(plain):
    with spanlet.span("work"):
        pass
    assert spanlet.flush()
    text = spanlet.prometheus()
    values = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\d+)$", text, re.MULTILINE))
    assert values["spanlet_spans_finished_total"] == values["spanlet_spans_sent_total"] == "1"
    assert values["spanlet_reporter_alive"] == "1" and values["spanlet_spans_queued"] == "0"
    assert values['spanlet_spans_dropped_total{reason="full_spans"}'] == "0"
    names = re.findall(r"^# TYPE (\w+) (counter|gauge)$", text, re.MULTILINE)
    assert len(names) == len(set(names)) == text.count("# HELP")
    spanlet.shutdown()
    assert "spanlet_spans_sent_total 1" in spanlet.prometheus(), "the counters outlive the tracer"
