"""What belongs to a request: its green threads, its annotations, its logs."""
import logging

import eventlet
import pytest
from eventlet import tpool
from eventlet.green.http import client as green_client
from eventlet.zipkin import api
from eventlet.zipkin._thrift.zipkinCore import ttypes

import spanlet
from conftest import ok


def run(serve, work, **headers):
    """Runs work within a request and returns what it returned."""
    results = []

    def application(environ, start_response):
        results.append(work())
        return ok(environ, start_response)

    reply = serve(application).get(headers=headers)
    assert results, reply.decode()
    return results[0]


def fetch(port):
    connection = green_client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/called")
    return connection.getresponse().read()


SPAWNS = {
    "spawn": lambda work: eventlet.spawn(work).wait(),
    "spawn_after": lambda work: eventlet.spawn_after(0.01, work).wait(),
    "GreenPool.spawn": lambda work: eventlet.GreenPool().spawn(work).wait(),
    "GreenPile": lambda work: list(_piled(work))[0],
    "nested": lambda work: eventlet.spawn(lambda: eventlet.spawn(work).wait()).wait(),
    "full pool, inline": lambda work: _inline(work),
}


def _piled(work):
    pile = eventlet.GreenPile(2)
    pile.spawn(work)
    return pile


def _inline(work):
    pool = eventlet.GreenPool(1)
    return pool.spawn(lambda: pool.spawn(work).wait()).wait()


@pytest.mark.parametrize("way", SPAWNS)
def test_green_threads_inherit_the_trace(serve, traced, way):
    backend = serve(ok)
    run(serve, lambda: SPAWNS[way](lambda: (api.put_annotation("child"), fetch(backend.port))))
    front, client, server = sorted(traced.spans(), key=lambda span: (span.parent_id or 0, span.kind != "CLIENT"))
    if front.parent_id is not None:
        front, client, server = server, front, client
    assert front.annotations == ["child"]
    assert client.parent_id == front.id and server.id == client.id


def test_concurrent_requests_do_not_mix(serve, traced):
    def application(environ, start_response):
        name = environ["PATH_INFO"]
        for _ in range(5):
            eventlet.sleep(0.001)
            api.put_annotation(name)
        return ok(environ, start_response)

    shop = serve(application)
    pile = eventlet.GreenPile(10)
    for number in range(10):
        pile.spawn(shop.get, f"/{number}")
    list(pile)
    spans = traced.spans()
    assert len(spans) == 10
    assert all(span.annotations == [span.tags["http.path"]] * 5 for span in spans)


def test_only_our_variable_is_inherited(serve, traced):
    import contextvars
    theirs = contextvars.ContextVar("theirs", default="unset")

    def work():
        theirs.set("set")
        return eventlet.spawn(theirs.get).wait()

    assert run(serve, work) == "unset"


def test_no_trace_outside_a_request(serve, traced):
    run(serve, lambda: None)
    assert (api.is_tracing(), api.is_sample(), api.get_trace_data()) == (False, False, None)
    api.put_annotation("lost")
    api.put_key_value("lost", 1)
    (span,) = traced.spans()
    assert span.annotations == [] and "lost" not in span.tags


def test_a_child_that_outlives_its_request_still_makes_client_spans(serve, traced):
    backend = serve(ok)
    children = []
    late_before = spanlet.stats()["late"]

    def late():
        eventlet.sleep(0.05)
        api.put_annotation("late")
        return fetch(backend.port)

    run(serve, lambda: children.append(eventlet.spawn(late)))
    children[0].wait()
    assert spanlet.stats()["late"] == late_before + 1
    spans = traced.spans()
    front = next(span for span in spans if span.parent_id is None)
    assert front.annotations == [] and front.duration_us < 50_000
    assert {span.parent_id for span in spans if span is not front} == {front.id}


class Hostile:
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize("value, text", [
    ("plain", "plain"), ("späße", "späße"), (b"bytes \xff", "bytes \ufffd"), (3, "3"), (None, "None"), (True, "True"),
    (1.5, "1.5"), ([1], "[1]"), ("\ud800", "\ufffd\ufffd\ufffd"), ("", ""),
])
def test_annotations_and_tags_take_anything(serve, traced, value, text):
    run(serve, lambda: (api.put_annotation(value), api.put_key_value("key", value), api.put_key_value(value, "value")))
    (span,) = traced.spans()
    assert span.annotations == [text]
    assert span.tags["key"] == text and span.tags[text] == "value"


def test_a_value_without_text_is_a_counted_fault_and_no_more(serve, traced):
    run(serve, lambda: (api.put_annotation(Hostile()), api.put_key_value("key", Hostile())))
    stats = spanlet.stats()
    assert stats["errors"] == traced.errors_before + 2 and "no text" in stats["last_error"]
    traced.errors_before += 2
    assert traced.spans()[0].tags["http.status_code"] == "200"


def test_interrupts_meant_for_the_program_pass(serve, traced):
    class Interrupting:
        def __str__(self):
            timeout = eventlet.Timeout(5)
            timeout.cancel()
            raise timeout

    def work():
        with pytest.raises(eventlet.Timeout):
            api.put_annotation(Interrupting())

    run(serve, work)
    assert len(traced.spans()) == 1


def test_a_value_whose_text_annotates(serve, traced):
    class Talking:
        def __str__(self):
            api.put_annotation("inner")
            return "outer"

    run(serve, lambda: api.put_annotation(Talking()))
    assert traced.spans()[0].annotations == ["inner", "outer"]


def test_trace_data_of_a_request(serve, traced):
    def work():
        data = api.get_trace_data()
        assert api.get_trace_data() is data
        assert api.is_tracing() and api.is_sample()
        data.add_annotation(api.ZipkinDataBuilder.build_annotation("by hand"))
        data.add_binary_annotation(api.ZipkinDataBuilder.build_binary_annotation("hand", "made"))
        assert [a.value for a in data.annotations] == ["by hand"]
        assert {b.key: b.value for b in data.bannotations}["hand"] == "made"
        assert not data._done
        return data

    data = run(serve, work)
    (span,) = traced.spans()
    assert (data.name, data.trace_id, data.span_id, data.parent_id, data.sampled) == ("GET", span.trace_id, span.id, None, True)
    assert data._done
    assert (span.annotations, span.tags["hand"]) == (["by hand"], "made")


def test_trace_data_of_ones_own(traced):
    endpoint = api.ZipkinDataBuilder.build_endpoint("10.1.2.3", 40000, "batch")
    data = api.TraceData("job", 2 ** 63 + 5, 7, None, True, endpoint)
    api.set_trace_data(data)
    assert api.get_trace_data() is data
    api.put_annotation("sr")
    api.put_key_value("step", 1)
    data.add_annotation(api.ZipkinDataBuilder.build_annotation(data.END_ANNOTATION))
    assert data._done
    api.put_annotation("too late")
    api.init_trace_data()
    assert not api.is_tracing()
    (span,) = traced.spans()
    assert (span.name, span.trace_id, span.id, span.kind) == ("job", 2 ** 63 + 5, 7, "SERVER")
    assert (span.tags, span.annotations, sorted(span.times)) == ({"step": "1"}, [], ["sr", "ss"])
    assert (span.local.service, span.local.ipv4, span.local.port) == ("batch", "10.1.2.3", 40000)


@pytest.mark.parametrize("ids", [(0, 1), (None, 1), (1, None), ("x", 1)])
def test_trace_data_without_proper_ids_does_nothing(traced, ids):
    data = api.TraceData("job", *ids, None, True, None)
    data.add_annotation(ttypes.Annotation(1, "x"))
    api.set_trace_data(data)
    assert not api.is_sample()
    assert traced.spans() == []


def test_trace_data_carried_into_a_thread_by_hand(serve, traced):
    def work():
        data = api.get_trace_data()

        def in_thread():
            api.init_trace_data()
            assert not api.is_tracing()
            api.set_trace_data(data)
            api.put_annotation("from a thread")

        tpool.execute(in_thread)

    run(serve, work)
    assert traced.spans()[0].annotations == ["from a thread"]


def test_a_span_sent_by_hand(traced):
    build = api.ZipkinDataBuilder
    endpoint = build.build_endpoint("10.0.0.1", 80, "hand")
    annotations = [ttypes.Annotation(1_700_000_000_000_000, "cs", endpoint), ttypes.Annotation(1_700_000_000_000_250, "cr", endpoint)]
    api.client.send_to_collector(build.build_span("call", 1, 2, 1, annotations, [build.build_binary_annotation("k", "v", endpoint)]))
    (span,) = traced.spans()
    assert (span.name, span.trace_id, span.id, span.parent_id, span.kind) == ("call", 1, 2, 1, "CLIENT")
    assert (span.duration_us, span.tags, span.local.service) == (250, {"k": "v"}, "hand")


class TestLogs:
    @pytest.fixture(autouse=True)
    def quiet(self, monkeypatch):
        self.logger = logging.getLogger("shop.stock")
        self.logger.setLevel(logging.DEBUG)
        monkeypatch.setattr(self.logger, "propagate", False)

    def annotations(self, serve, untraced, work, **options):
        untraced.enable(**{"trace_app_log": True, **options})
        run(serve, work)
        return [span.annotations for span in untraced.spans()]

    def test_records_become_annotations(self, serve, untraced):
        def work():
            self.logger.debug("looking for %s", "tea")
            logging.LoggerAdapter(self.logger, {}).warning("none left")

        assert self.annotations(serve, untraced, work) == [["looking for tea", "none left"]]

    def test_only_when_asked(self, serve, untraced):
        assert self.annotations(serve, untraced, lambda: self.logger.info("x"), trace_app_log=False) == [[]]

    def test_not_records_below_the_level_or_that_a_filter_rejects(self, serve, untraced, monkeypatch):
        self.logger.setLevel(logging.INFO)
        monkeypatch.setattr(self.logger, "filters", [lambda record: "secret" not in record.getMessage()])

        def work():
            self.logger.debug("too low")
            self.logger.info("a secret")
            self.logger.info("public")

        assert self.annotations(serve, untraced, work) == [["public"]]

    def test_a_bad_format_does_not_break_the_call(self, serve, untraced, monkeypatch):
        # pytest's own handler raises on bad formats, which logging's do not.
        monkeypatch.setattr(self.logger, "handlers", [logging.NullHandler()])
        before = spanlet.stats()["errors"]

        def work():
            self.logger.info("%d items", "three")
            self.logger.info("next")

        untraced.errors_before += 1
        assert self.annotations(serve, untraced, work) == [["next"]]
        assert spanlet.stats()["errors"] == before + 1

    def test_our_own_loggers_are_left_out(self, serve, untraced):
        def work():
            for name in ("spanlet", "spanlet.reporter", "spanlets"):
                logger = logging.getLogger(name)
                logger.setLevel(logging.INFO)
                logger.info("by %s", name)

        assert self.annotations(serve, untraced, work) == [["by spanlets"]]

    def test_a_second_enable_without_logs_takes_the_hook_out(self, serve, untraced):
        untraced.enable(trace_app_log=True)
        assert self.annotations(serve, untraced, lambda: self.logger.info("x"), trace_app_log=False) == [[]]

    def test_a_handler_that_raises_is_the_applications_matter(self, serve, untraced, monkeypatch):
        class Broken(logging.Handler):
            def emit(self, record):
                raise KeyError("handler")

        monkeypatch.setattr(self.logger, "handlers", [Broken()])

        def work():
            with pytest.raises(KeyError):
                self.logger.info("x")

        assert self.annotations(serve, untraced, work) == [[]]
