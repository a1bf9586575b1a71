//! Bodies of requests and answers: one has to come in time, the other says when it is through.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::connection::Busy;
use crate::metrics::Counters;

/// The body of a request, which ends with an error if it is not there in time.
pub struct InTime {
    body: Incoming,
    time_max: Duration,
    /// Runs from when it is first asked for.
    deadline: Option<Pin<Box<Sleep>>>,
    counters: Arc<Counters>,
}

impl InTime {
    /// Returns the body with this much time.
    pub fn new(body: Incoming, time_max: Duration, counters: Arc<Counters>) -> Self {
        Self { body, time_max, deadline: None, counters }
    }
}

impl Body for InTime {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let time_max = self.time_max;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(time_max)));
        if deadline.as_mut().poll(cx).is_ready() {
            Counters::count(&self.counters.body_timeouts);
            return Poll::Ready(Some(Err("the body took too long".into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. Its request counts as being answered until it is sent.
pub struct Held {
    body: axum::body::Body,
    /// Dropped with the body.
    _busy: Busy,
}

impl Held {
    /// Joins a body to the request it answers.
    pub fn new(body: axum::body::Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
