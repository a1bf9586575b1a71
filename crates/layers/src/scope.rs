//! The place in a trace that code runs in. Futures carry theirs: it is current while they are polled, in whatever thread.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracer::{ActiveSpan, Carried, Endpoint, Kind, TraceContext, Tracer};

thread_local! {
    /// The innermost last.
    static CURRENT: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
}

/// A tracer, and the service that its spans are of. Clones are the same.
#[derive(Clone)]
pub struct Service {
    pub(crate) tracer: Tracer,
    pub(crate) local: Arc<Endpoint>,
}

impl Service {
    /// Names the service whose spans go to this tracer.
    pub fn new(tracer: Tracer, name: &str) -> Self {
        Self::at(tracer, Endpoint { service_name: Some(name.to_owned()), ..Endpoint::default() })
    }

    /// Names the service, with its address.
    pub fn at(tracer: Tracer, local: Endpoint) -> Self {
        Self { tracer, local: Arc::new(local) }
    }

    /// Returns the tracer.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

/// A place in a trace, with the span that is being recorded there, if it is sampled. Clones are the same place.
#[derive(Clone)]
pub struct Scope(Arc<Place>);

struct Place {
    service: Service,
    context: TraceContext,
    carried: Option<Arc<Carried>>,
    span: Mutex<Option<ActiveSpan>>,
}

impl Scope {
    pub(crate) fn new(
        service: &Service,
        context: TraceContext,
        carried: Option<Arc<Carried>>,
        kind: Option<Kind>,
        name: String,
    ) -> Self {
        let span = Mutex::new(service.tracer.start(context, kind, name, &service.local));
        Self(Arc::new(Place { service: service.clone(), context, carried, span }))
    }

    /// Starts something that this causes.
    pub(crate) fn child(&self, kind: Option<Kind>, name: String) -> Self {
        let context = self.0.service.tracer.child(&self.0.context);
        Self::new(&self.0.service, context, self.0.carried.clone(), kind, name)
    }

    /// Returns its place in the trace.
    pub fn context(&self) -> TraceContext {
        self.0.context
    }

    /// Writes the headers of a call made by this span.
    pub fn inject(&self, put: impl FnMut(&'static str, &str)) {
        self.0.service.tracer.inject(&self.0.context, self.0.carried.as_deref(), put);
    }

    pub(crate) fn replaces(&self, header: &[u8]) -> bool {
        self.0.service.tracer.replaces(header)
    }

    /// Changes the span, if one is recorded and not finished.
    pub fn record(&self, change: impl FnOnce(&mut ActiveSpan)) {
        if let Some(span) = self.0.span.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            change(span);
        }
    }

    /// Adds something that happened, now.
    pub fn annotate(&self, text: impl Into<String>) {
        self.record(|span| span.annotate(span.now_us(), text));
    }

    /// Sets a tag.
    pub fn tag(&self, key: &'static str, value: impl Into<String>) {
        self.record(|span| span.tag(key, value));
    }

    /// Hands the span over; later calls do nothing.
    pub fn finish(&self) {
        let span = self.0.span.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(span) = span {
            self.0.service.tracer.finish(span);
        }
    }

    /// Runs something in this scope.
    pub fn run<T>(&self, run: impl FnOnce() -> T) -> T {
        let _left = enter(self.clone());
        run()
    }
}

/// Returns the scope of the running code.
pub fn current() -> Option<Scope> {
    CURRENT.with_borrow(|scopes| scopes.last().cloned())
}

/// Makes a scope current until what is returned is dropped.
pub(crate) fn enter(scope: Scope) -> Entered {
    CURRENT.with_borrow_mut(|scopes| scopes.push(scope));
    Entered(())
}

/// Leaves the innermost scope when dropped.
pub(crate) struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        // The scope is dropped outside of the borrow: its span may end with it.
        drop(CURRENT.with_borrow_mut(Vec::pop));
    }
}

/// Makes a scope current in a way that has no block: as `tracing` enters and exits.
pub(crate) fn push(scope: Scope) {
    CURRENT.with_borrow_mut(|scopes| scopes.push(scope));
}

/// Takes back what was pushed last for this span: spans may be left in another order than they were entered.
pub(crate) fn pop(context: TraceContext) {
    let popped = CURRENT.with_borrow_mut(|scopes| {
        let at = scopes.iter().rposition(|scope| scope.0.context == context)?;
        Some(scopes.remove(at))
    });
    drop(popped);
}

/// Takes scopes along into tasks.
pub trait ScopeExt: Sized {
    /// Returns the future, in the scope of the code that calls this: `tokio::spawn(work().in_current_scope())`.
    fn in_current_scope(self) -> InScope<Self> {
        InScope { inner: self, scope: current() }
    }

    /// Returns the future, in this scope.
    fn in_scope(self, scope: Scope) -> InScope<Self> {
        InScope { inner: self, scope: Some(scope) }
    }
}

impl<F: Future> ScopeExt for F {}

pin_project! {
    /// A future that runs in a scope.
    pub struct InScope<F> {
        #[pin]
        inner: F,
        scope: Option<Scope>,
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _left = this.scope.clone().map(enter);
        this.inner.poll(context)
    }
}
