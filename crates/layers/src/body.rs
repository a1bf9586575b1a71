//! A response body that ends its span with its last frame, or when it is dropped before.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::recording;
use crate::scope::{Scope, enter};

pin_project! {
    /// A response body, watched.
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        end: End,
    }
}

/// Ends the span at the latest when the body is dropped: a client that goes away ends the request.
struct End(Option<Scope>);

impl Drop for End {
    fn drop(&mut self) {
        if let Some(scope) = &self.0 {
            scope.finish();
        }
    }
}

impl<B: Body> TracedBody<B> {
    pub(crate) fn new(inner: B, scope: Option<Scope>) -> Self {
        // A body that is over is polled no more.
        if let Some(scope) = scope.as_ref().filter(|_| inner.is_end_stream()) {
            scope.finish();
        }
        Self { inner, end: End(scope) }
    }
}

impl<B> Body for TracedBody<B>
where
    B: Body,
    B::Error: Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(scope) = &this.end.0 else { return this.inner.poll_frame(context) };
        let frame = {
            let _left = enter(scope.clone());
            ready!(this.inner.as_mut().poll_frame(context))
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    recording::grpc_status(scope, trailers);
                }
                if this.inner.is_end_stream() {
                    scope.finish();
                }
            }
            Some(Err(error)) => {
                scope.record(|span| span.set_error(error.to_string()));
                scope.finish();
            }
            None => scope.finish(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
