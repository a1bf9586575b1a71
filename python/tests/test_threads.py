"""Threads, executors and event loops: what is started within a trace belongs to it, and nothing else does."""
import asyncio
import concurrent.futures
import threading

import eventlet
import pytest
from eventlet import tpool
from eventlet.green import threading as green_threading

import spanlet
from conftest import ok


class Subclass(threading.Thread):
    def __init__(self, work):
        super().__init__()
        self.work = work

    def run(self):
        self.work()


def _started(thread):
    thread.start()
    thread.join()


WAYS = {
    "Thread": lambda work: _started(threading.Thread(target=work)),
    "Thread subclass": lambda work: _started(Subclass(work)),
    "Timer": lambda work: _started(threading.Timer(0, work)),
    "ThreadPoolExecutor": lambda work: concurrent.futures.ThreadPoolExecutor(1).submit(work).result(),
    "executor.map": lambda work: list(concurrent.futures.ThreadPoolExecutor(1).map(lambda _: work(), [1])),
    "asyncio.run": lambda work: asyncio.run(_awaited(work)),
    "asyncio task": lambda work: asyncio.run(_task(work)),
    "asyncio.to_thread": lambda work: asyncio.run(asyncio.to_thread(work)),
    "run_in_executor": lambda work: asyncio.run(_executed(work)),
}


async def _awaited(work):
    work()


async def _task(work):
    await asyncio.create_task(_awaited(work))


async def _executed(work):
    await asyncio.get_running_loop().run_in_executor(None, work)


@pytest.mark.parametrize("way", WAYS)
def test_work_elsewhere_belongs_to_the_span(plain, way):
    with spanlet.span("outer"):
        WAYS[way](lambda: spanlet.annotate("child"))
        assert spanlet.current_ids() is not None
    assert plain.spans()[0].annotations == ["child"]


def test_threads_of_a_pool_belong_to_nobody(plain):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    with spanlet.span("outer"):
        assert pool.submit(spanlet.current_ids).result() is not None
    assert pool.submit(spanlet.current_ids).result() is None
    with spanlet.span("other") as other:
        assert pool.submit(spanlet.current_ids).result() == other.ids
    plain.spans()


def test_what_a_thread_raises_is_its_own(plain):
    with spanlet.span("outer"):
        with pytest.raises(ZeroDivisionError):
            concurrent.futures.ThreadPoolExecutor(1).submit(lambda: 1 / 0).result()
        with pytest.raises(TypeError):
            concurrent.futures.ThreadPoolExecutor(1).submit()
    assert "error" not in plain.spans()[0].tags


GREEN = {
    "spawn_n": lambda work: eventlet.spawn_n(work),
    "GreenPool.spawn_n": lambda work: eventlet.GreenPool().spawn_n(work),
    "spawn_after_local": lambda work: eventlet.greenthread.spawn_after_local(0, work),
    "tpool.execute": lambda work: tpool.execute(work),
    "green Thread": lambda work: green_threading.Thread(target=work).start(),
}


@pytest.mark.parametrize("way", GREEN)
def test_green_work_belongs_to_the_request(serve, traced, way):
    def application(environ, start_response):
        done = []
        GREEN[way](lambda: (spanlet.annotate("child"), done.append(1)))
        while not done:
            eventlet.sleep(0)
        return ok(environ, start_response)

    assert b"200 OK" in serve(application).get("/front")
    (span,) = traced.spans()
    assert span.annotations == ["child"]


# Programs that eventlet or gevent has changed throughout are processes of their own.
@pytest.mark.parametrize("hub", ["epolls", "asyncio"])
def test_a_monkey_patched_program_on_both_hubs(sink, script, hub):
    said = script("""
        import eventlet
        eventlet.monkey_patch()
        hub = os.environ["EVENTLET_HUB"]
        import threading, concurrent.futures, urllib.request
        from eventlet import wsgi
        from eventlet.zipkin import patcher
        import spanlet
        patcher.enable_trace_patch(port=sink_port)
        listener = eventlet.listen(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/front":
                threads = [threading.Thread(target=lambda: urllib.request.urlopen(url + "/thread").read()) for _ in range(2)]
                [thread.start() for thread in threads]
                [thread.join() for thread in threads]
                if hub == "epolls":  # on the other one eventlet itself hangs in executors
                    pool = concurrent.futures.ThreadPoolExecutor(1)
                    pool.submit(lambda: urllib.request.urlopen(url + "/pool").read()).result()
                green = eventlet.event.Event()
                eventlet.spawn_n(lambda: green.send(urllib.request.urlopen(url + "/spawn_n").read()))
                green.wait()
            start_response("200 OK", [])
            return [b"fine"]

        eventlet.spawn(wsgi.server, listener, application, log_output=False)
        urllib.request.urlopen(url + "/front").read()
        eventlet.sleep(0.05)
        patcher.disable_trace_patch()
        say(hub=type(eventlet.hubs.get_hub()).__module__, errors=spanlet.stats()["errors"])
        os._exit(0)
    """, EVENTLET_HUB=hub)
    assert said == {"hub": f"eventlet.hubs.{hub}", "errors": 0}
    (front,) = [span for span in sink.spans if span.tags["http.path"] == "/front"]
    paths = ["/pool"] * (hub == "epolls") + ["/spawn_n", "/thread", "/thread"]
    for kind in ("CLIENT", "SERVER"):
        calls = [span for span in sink.spans if span.kind == kind and span is not front]
        assert sorted(span.tags["http.path"] for span in calls) == paths
        assert {span.parent_id for span in calls} == {front.id}


def test_gevent(sink, script):
    said = script("""
        from gevent import monkey
        monkey.patch_all()
        import gevent, gevent.pool, gevent.threadpool, threading
        import spanlet
        spanlet.init(port=sink_port)
        pool = gevent.pool.Pool(2)
        ways = {
            "spawn": lambda work: gevent.spawn(work).get(),
            "spawn_later": lambda work: gevent.spawn_later(0, work).get(),
            "Pool.spawn": lambda work: gevent.pool.Pool(2).spawn(work).get(),
            "Group.spawn": lambda work: gevent.pool.Group().spawn(work).get(),
            "Pool.map": lambda work: pool.map(lambda _: work(), [1])[0],
            "Pool.map_async": lambda work: pool.map_async(lambda _: work(), [1]).get()[0],
            "Pool.imap": lambda work: next(pool.imap(lambda _: work(), [1])),
            "Pool.imap_unordered": lambda work: next(pool.imap_unordered(lambda _: work(), [1])),
            "Pool.apply": lambda work: pool.apply(work),
            "Pool.apply_async": lambda work: pool.apply_async(work).get(),
            "ThreadPool.map": lambda work: gevent.get_hub().threadpool.map(lambda _: work(), [1])[0],
            "thread": lambda work: gevent.get_hub().threadpool.spawn(work).get(),
            "threading": lambda work: thread(work),
        }
        def thread(work):
            results = []
            started = threading.Thread(target=lambda: results.append(work()))
            started.start(), started.join()
            return results[0]
        found = {}
        for name, way in ways.items():
            with spanlet.span(name) as span:
                found[name] = way(spanlet.current_ids) == span.ids
        found["outside"] = gevent.spawn(spanlet.current_ids).get() is None
        spanlet.shutdown()
        say(errors=spanlet.stats()["errors"], **found)
    """)
    assert said.pop("errors") == 0
    assert all(said.values()), said
    assert len(sink.spans) == 13
