//! Server spans of HTTP and gRPC requests, for axum, tonic and whatever else is made of tower.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service as TowerService;
use tracer::{Kind, Request as SampledRequest};

use crate::body::TracedBody;
use crate::recording;
use crate::scope::{Scope, Service, enter};

/// Makes a server span of each request, from its headers to the last byte of its response.
#[derive(Clone)]
pub struct ServerLayer(Service);

impl ServerLayer {
    /// Traces the requests of this service.
    pub fn new(service: &Service) -> Self {
        Self(service.clone())
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = TracedServer<S>;

    fn layer(&self, inner: S) -> TracedServer<S> {
        TracedServer { inner, service: self.0.clone() }
    }
}

/// A service whose requests are traced.
#[derive(Clone)]
pub struct TracedServer<S> {
    inner: S,
    service: Service,
}

impl<S, B, R> TowerService<Request<B>> for TracedServer<S>
where
    S: TowerService<Request<B>, Response = Response<R>>,
    S::Error: Display,
    R: Body,
    R::Error: Display,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = Serving<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let scope = open(&self.service, &request);
        let future = scope.run(|| self.inner.call(request));
        Serving { future, end: Unfinished(Some(scope)) }
    }
}

fn open<B>(service: &Service, request: &Request<B>) -> Scope {
    let headers = request.headers();
    let incoming = service.tracer.extract(|name| headers.get(name).and_then(|value| value.to_str().ok()));
    let sampled = || SampledRequest {
        method: request.method().as_str().to_owned().into(),
        path: request.uri().path().to_owned(),
    };
    let context = service.tracer.join_or_start_request(incoming.caller, || Some(sampled()));
    let name = request.method().as_str().to_owned();
    let scope = Scope::new(service, context, incoming.carried, Some(Kind::Server), name);
    scope.record(|span| recording::request(span, request.method(), request.uri()));
    scope
}

pin_project! {
    /// The response to a traced request, to come.
    pub struct Serving<F> {
        #[pin]
        future: F,
        end: Unfinished,
    }
}

/// Ends the span of a request that is given up before it has a response.
struct Unfinished(Option<Scope>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(scope) = self.0.take() {
            scope.record(|span| span.set_error("given up before a response"));
            scope.finish();
        }
    }
}

impl<F, R, E> Future for Serving<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Display,
    R: Body,
{
    type Output = Result<Response<TracedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = {
            let _left = this.end.0.clone().map(enter);
            ready!(this.future.poll(context))
        };
        let scope = this.end.0.take();
        Poll::Ready(match outcome {
            Ok(response) => {
                if let Some(scope) = &scope {
                    recording::status(scope, response.status());
                    recording::grpc_status(scope, response.headers());
                }
                Ok(response.map(|body| TracedBody::new(body, scope)))
            }
            Err(error) => {
                if let Some(scope) = &scope {
                    scope.record(|span| span.set_error(error.to_string()));
                    scope.finish();
                }
                Err(error)
            }
        })
    }
}
