//! One HTTP connection: what it is doing, and when it has done nothing for too long.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::config::Connections;
use crate::places::Place;

/// What a connection is doing. Shared between its bytes, its requests and whoever watches it.
#[derive(Debug)]
pub struct Activity {
    state: Mutex<State>,
    /// Its place among others.
    pub place: Arc<Place>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Requests that are being answered.
    requests: usize,
    /// Since when there is none.
    quiet_since: Instant,
    /// Since when the head of a request comes in.
    head_since: Option<Instant>,
    /// When a byte last came or went.
    moved: Instant,
    /// HTTP/2 sends other things than requests, so that a byte is no sign of one.
    http2: bool,
}

/// Why a connection should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// The head of a request is not complete.
    Header,
    /// Nothing came or went.
    Idle,
}

impl Activity {
    /// Returns that of a connection that was just accepted.
    pub fn new(place: Arc<Place>) -> Arc<Self> {
        let now = Instant::now();
        let state = State { requests: 0, quiet_since: now, head_since: None, moved: now, http2: false };
        Arc::new(Self { state: Mutex::new(state), place })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain values: nothing is left half-done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins; it ends when what is returned is dropped.
    pub fn begin(self: &Arc<Self>, http2: bool) -> Busy {
        let mut state = self.state();
        state.requests += 1;
        state.head_since = None;
        state.http2 = http2;
        self.place.busy();
        Busy(Arc::clone(self))
    }

    /// Waits until it takes too long, and says with what. The alarm is kept between calls, since setting it is dear: it
    /// is set only for what comes sooner, and looks again when it goes off.
    pub async fn too_long(&self, limits: &Connections, mut alarm: Pin<&mut Sleep>) -> TooLong {
        std::future::poll_fn(|cx| {
            loop {
                let (deadline, reason) = self.deadline(limits.header_time_max, limits.idle_time_max);
                if deadline < alarm.deadline() {
                    alarm.as_mut().reset(deadline);
                }
                match alarm.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) if deadline <= Instant::now() => return Poll::Ready(reason),
                    Poll::Ready(()) => alarm.as_mut().reset(deadline),
                }
            }
        })
        .await
    }

    /// Returns when it will have taken too long, should nothing change until then, and with what.
    fn deadline(&self, header_time_max: Duration, idle_time_max: Duration) -> (Instant, TooLong) {
        let state = self.state();
        match state.head_since {
            // A request that is answered, but whose sender neither sends nor reads on.
            _ if state.requests > 0 => (state.moved + idle_time_max, TooLong::Idle),
            Some(since) if !state.http2 => (since + header_time_max, TooLong::Header),
            _ => (state.quiet_since + idle_time_max, TooLong::Idle),
        }
    }

    fn moved(&self, came_in: bool) {
        let mut state = self.state();
        state.moved = Instant::now();
        if came_in && state.requests == 0 && state.head_since.is_none() {
            state.head_since = Some(state.moved);
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        state.quiet_since = Instant::now();
        if state.requests == 0 {
            self.0.place.idle();
        }
    }
}

/// A stream whose bytes are noticed.
pub struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Watched<S> {
    /// Notices the bytes of a stream.
    pub fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.moved(true);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S> Watched<S> {
    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.activity.moved(false);
        }
        polled
    }
}
