//! Client spans of HTTP and gRPC calls, for tower stacks over hyper, tonic and reqwest.
//!
//! A call outside of any trace is left alone, headers included: background loops would otherwise fill the store with
//! traces of one span.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service as TowerService;
use tracer::{Kind, traceparent};

use crate::recording;
use crate::scope::{Scope, current};

/// Makes a client span of each call made within a trace, until the response's headers are in, and passes the trace on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientLayer;

impl<S> Layer<S> for ClientLayer {
    type Service = TracedClient<S>;

    fn layer(&self, inner: S) -> TracedClient<S> {
        TracedClient { inner }
    }
}

/// A client whose calls are traced.
#[derive(Clone)]
pub struct TracedClient<S> {
    inner: S,
}

impl<S, B, R> TowerService<Request<B>> for TracedClient<S>
where
    S: TowerService<Request<B>, Response = Response<R>>,
    S::Error: Display,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Calling<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let scope =
            current().map(|outer| outer.child(Some(Kind::Client), request.method().as_str().to_owned()));
        if let Some(scope) = &scope {
            scope.record(|span| recording::request(span, request.method(), request.uri()));
            pass_on(scope, request.headers_mut());
        }
        Calling { future: self.inner.call(request), end: Unanswered(scope) }
    }
}

/// Writes our headers, in the place of those that the application forwards from its own caller.
fn pass_on(scope: &Scope, headers: &mut HeaderMap) {
    let replaced: Vec<HeaderName> =
        headers.keys().filter(|name| scope.replaces(name.as_str().as_bytes())).cloned().collect();
    for name in replaced {
        headers.remove(name);
    }
    scope.inject(|name, value| {
        let own_baggage = name == traceparent::BAGGAGE && headers.contains_key(name);
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value))
            && !own_baggage
        {
            headers.insert(name, value);
        }
    });
}

pin_project! {
    /// The response to a traced call, to come.
    pub struct Calling<F> {
        #[pin]
        future: F,
        end: Unanswered,
    }
}

/// Ends the span of a call that nobody waits for any more.
struct Unanswered(Option<Scope>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(scope) = self.0.take() {
            scope.record(|span| span.set_error("given up before a response"));
            scope.finish();
        }
    }
}

impl<F, R, E> Future for Calling<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Display,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = ready!(this.future.poll(context));
        if let Some(scope) = this.end.0.take() {
            match &outcome {
                Ok(response) => {
                    recording::status(&scope, response.status());
                    recording::grpc_status(&scope, response.headers());
                }
                Err(error) => scope.record(|span| span.set_error(error.to_string())),
            }
            scope.finish();
        }
        Poll::Ready(outcome)
    }
}
