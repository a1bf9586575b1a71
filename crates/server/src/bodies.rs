//! Bodies of requests and answers: one has to come in time, the other says when it is through.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout};

use crate::connection::Busy;
use crate::metrics::Counters;

/// What is read of a body that nobody wanted, so that its sender, still sending, gets the answer: many an HTTP/2 client
/// takes an answer that comes before the end of its request for an error.
const UNWANTED_BYTES_MAX: usize = 64 << 10;
const UNWANTED_TIME_MAX: Duration = Duration::from_secs(1);

/// The body of a request, which ends with an error if it is not there in time.
pub struct InTime {
    /// Nothing once it has ended.
    body: Option<Incoming>,
    time_max: Duration,
    /// Runs from when it is first asked for.
    deadline: Option<Pin<Box<Sleep>>>,
    busy: Arc<Busy>,
    counters: Arc<Counters>,
}

impl InTime {
    /// Returns the body of a request with this much time.
    pub fn new(body: Incoming, time_max: Duration, busy: Arc<Busy>, counters: Arc<Counters>) -> Self {
        Self { body: Some(body), time_max, deadline: None, busy, counters }
    }
}

impl Body for InTime {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            if !matches!(frame, Some(Ok(_))) {
                self.body = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let time_max = self.time_max;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(time_max)));
        if deadline.as_mut().poll(cx).is_ready() {
            Counters::count(&self.counters.body_timeouts);
            self.body = None;
            return Poll::Ready(Some(Err("the body took too long".into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for InTime {
    fn drop(&mut self) {
        let unwanted = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Ok(runtime)) = (unwanted, Handle::try_current()) {
            let busy = Arc::clone(&self.busy);
            runtime.spawn(async move {
                let _ = timeout(UNWANTED_TIME_MAX, read_unwanted(body)).await;
                drop(busy);
            });
        }
    }
}

async fn read_unwanted(mut body: Incoming) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > UNWANTED_BYTES_MAX {
            return;
        }
    }
}

/// The body of an answer. Its request counts as being answered until it is sent.
pub struct Held {
    body: axum::body::Body,
    /// Dropped with the body.
    _busy: Arc<Busy>,
}

impl Held {
    /// Joins a body to the request it answers.
    pub fn new(body: axum::body::Body, busy: Arc<Busy>) -> Self {
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
