//! The tracer itself: makes contexts, starts spans, and hands finished ones to the reporter of this process.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::{Duration, Instant};
use std::{mem, process, ptr};

use model::endpoint::Endpoint;
use model::span::Kind;

use crate::config::Config;
use crate::context::TraceContext;
use crate::propagation::{Caller, Carried, Incoming};
use crate::queue::Queue;
use crate::sampler::{Request, Sampler};
use crate::span::ActiveSpan;
use crate::stats::Stats;
use crate::{fork, ids, reporter};

/// Records spans and reports them to one collector. Clones are the same tracer.
///
/// ```
/// use std::sync::Arc;
/// use tracer::{Config, Endpoint, Kind, Tracer, b3};
///
/// let tracer = Tracer::new(Config { service_name: "shop".into(), sampling_rate: 0.0, ..Config::default() });
/// let local = Arc::new(Endpoint { service_name: Some("shop".into()), ..Endpoint::default() });
/// let context = tracer.join_or_start(b3::extract(|_| None::<&str>));
/// if let Some(mut span) = tracer.start(context, Some(Kind::Server), "get", &local) {
///     span.tag("http.path", "/cart");
///     tracer.finish(span);
/// }
/// assert_eq!(tracer.stats().finished, 0, "the sampler said no");
/// ```
#[derive(Clone)]
pub struct Tracer {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    sampler: Sampler,
    /// The queue of the process that made the tracer.
    first: Arc<Local>,
    /// The queue of this process when it is a fork of that one, otherwise null. What it points to is never freed.
    forked: AtomicPtr<Local>,
}

/// What belongs to one process alone. A fork inherits a copy whose locks may be held by threads that it
/// does not have, so it makes its own and never touches that one again, not even to free it.
struct Local {
    generation: u64,
    pid: u32,
    queue: Arc<Queue>,
}

impl Local {
    fn new(config: &Config, generation: u64) -> Self {
        Self { generation, pid: process::id(), queue: Arc::new(Queue::new(config)) }
    }
}

impl Tracer {
    /// Makes a tracer. The configuration must have passed [`Config::check`]. Starts no thread and opens no socket.
    pub fn new(config: Config) -> Self {
        fork::watch();
        let first = Arc::new(Local::new(&config, fork::generation()));
        let sampler = Sampler::new(&config);
        let forked = AtomicPtr::new(ptr::null_mut());
        Self { inner: Arc::new(Inner { config, sampler, first, forked }) }
    }

    /// Reads the headers of a request; `get` returns the value of a header.
    pub fn extract<V: AsRef<str>>(&self, get: impl Fn(&'static str) -> Option<V>) -> Incoming {
        self.inner.config.propagation.extract(get)
    }

    /// Writes the headers of a call made by the span at this place, with what its request carried.
    pub fn inject(
        &self,
        context: &TraceContext,
        carried: Option<&Carried>,
        put: impl FnMut(&'static str, &str),
    ) {
        self.inner.config.propagation.inject(context, carried, put);
    }

    /// Says whether a header must not be passed on by the application, since [`inject`](Self::inject) writes it.
    pub fn replaces(&self, name: &[u8]) -> bool {
        self.inner.config.propagation.replaces(name)
    }

    /// Returns the context of a request: joins the caller's trace, or starts one.
    ///
    /// A decision of the caller holds; without one the sampler decides.
    pub fn join_or_start(&self, caller: impl Into<Caller>) -> TraceContext {
        self.join_or_start_request(caller, || None)
    }

    /// The same, of a request that the sampler may look at.
    pub fn join_or_start_request(
        &self,
        caller: impl Into<Caller>,
        request: impl FnOnce() -> Option<Request>,
    ) -> TraceContext {
        let sample = || self.inner.sampler.decide(request);
        let (sampled, debug) = match caller.into() {
            Caller::Call(caller) => {
                let context = TraceContext {
                    trace_id: caller.trace_id,
                    span_id: caller.span_id,
                    parent_id: caller.parent_id,
                    sampled: caller.sampled.unwrap_or_else(sample),
                    debug: caller.debug,
                    shared: true,
                };
                let shares = self.inner.config.destination.takes_shared_ids();
                return if shares { context } else { self.child(&context) };
            }
            Caller::Parent(parent) => {
                return TraceContext {
                    trace_id: parent.trace_id,
                    span_id: ids::span_id(),
                    parent_id: Some(parent.span_id),
                    sampled: parent.sampled,
                    debug: false,
                    shared: false,
                };
            }
            Caller::Decision { sampled, debug } => (sampled, debug),
            Caller::Absent => (sample(), false),
        };
        let (trace_id, span_id) = ids::root(self.inner.config.trace_id_128);
        TraceContext { trace_id, span_id, parent_id: None, sampled, debug, shared: false }
    }

    /// Returns the context of something that a span causes.
    pub fn child(&self, parent: &TraceContext) -> TraceContext {
        TraceContext { span_id: ids::span_id(), parent_id: Some(parent.span_id), shared: false, ..*parent }
    }

    /// Starts a span, or nothing when it is not sampled.
    pub fn start(
        &self,
        context: TraceContext,
        kind: Option<Kind>,
        name: impl Into<Cow<'static, str>>,
        local: &Arc<Endpoint>,
    ) -> Option<ActiveSpan> {
        context.sampled.then(|| ActiveSpan::new(context, kind, name, local))
    }

    /// Ends a span and hands it over. Never waits; when too much is waiting the span is dropped and counted.
    pub fn finish(&self, mut span: ActiveSpan) {
        span.end();
        let queue = self.queue();
        if queue.push(span)
            && let Err(error) = reporter::start(&self.inner.config, queue)
        {
            queue.not_started(format!("the reporter thread could not be started: {error}"));
        }
    }

    /// Waits until all that was finished before is acknowledged, or the time is over. Says whether all of it was.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.checked_queue().flush(timeout)
    }

    /// Flushes, then ends the reporter thread. Spans finished later are dropped and counted.
    pub fn shutdown(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let queue = self.checked_queue();
        queue.flush(timeout);
        queue.stop(deadline.saturating_duration_since(Instant::now()));
    }

    /// Returns the counters of this process, all of the same instant.
    pub fn stats(&self) -> Stats {
        self.checked_queue().stats()
    }

    /// Returns this process's queue, after a look at the process id: a bare `clone` calls no fork handlers.
    fn checked_queue(&self) -> &Arc<Queue> {
        if self.local().pid != process::id() {
            fork::forked_child();
        }
        self.queue()
    }

    fn queue(&self) -> &Arc<Queue> {
        &self.local().queue
    }

    fn local(&self) -> &Local {
        let generation = fork::generation();
        let first = &self.inner.first;
        if first.generation == generation { first } else { self.inner.local_of_fork(generation) }
    }
}

impl Inner {
    #[cold]
    #[expect(unsafe_code, reason = "a lock here could be one that is held in the parent")]
    fn local_of_fork(&self, generation: u64) -> &Local {
        let known = self.forked.load(Ordering::Acquire);
        // SAFETY: null, or from `Box::leak` below.
        if let Some(local) = unsafe { known.as_ref() }
            && local.generation == generation
        {
            return local;
        }
        let fresh = Box::leak(Box::new(Local::new(&self.config, generation)));
        match self.forked.compare_exchange(known, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                mem::forget(Arc::clone(&self.first));
                fresh
            }
            // SAFETY: as above; another thread was first, with a local of this generation or a newer one.
            Err(winner) => unsafe { &*winner },
        }
    }
}
