//! Accepts HTTP connections, plain or by TLS, HTTP/1.1 or HTTP/2 on the same port, and watches over each.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use api::relays::Peer;
use axum::BoxError;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Version;
use axum::response::Response;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};

use crate::access::layer::ClientCertificate;
use crate::bodies::{Held, InTime};
use crate::config::Connections;
use crate::connection::{Activity, TooLong, Watched};
use crate::metrics::Counters;
use crate::places::{Place, Places};
use crate::tls::Acceptor;
use crate::upgrade;

/// What every connection of a listener is served with.
#[derive(Clone)]
pub struct Grants {
    /// How it is encrypted, if it is.
    pub tls: Option<Acceptor>,
    /// Its limits.
    pub limits: Connections,
    /// What is counted.
    pub counters: Arc<Counters>,
}

/// Answers one request; never fails.
pub trait Answer:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Answer for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Serves connections until `stop` changes; then each finishes the requests it is in.
pub async fn serve(listener: TcpListener, service: impl Answer, grants: Grants, stop: watch::Receiver<bool>) {
    let evicted = Arc::clone(&grants.counters.connections_evicted);
    let places = Places::new(grants.limits.connections_max, evicted);
    let mut connections = JoinSet::new();
    let mut stopping = stop.clone();
    loop {
        let (stream, place) = tokio::select! {
            _ = stopping.changed() => break,
            accepted = accept(&listener, &places, &grants.counters) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let activity = Activity::new(place);
        let peer = stream.peer_addr().ok().map(|address| Peer(address.ip().to_canonical()));
        let connection = Connection { activity, grants: grants.clone(), stop: stop.clone(), peer };
        connections.spawn(connection.run(stream, service.clone()));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, places: &Places, counters: &Counters) -> (TcpStream, Arc<Place>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                Counters::count(&counters.connections_total);
                return (stream, places.take().await);
            }
            Err(error) => {
                // Out of file descriptors, mostly: an idle connection goes, instead of spinning.
                let failures = counters.accept_failures.fetch_add(1, Ordering::Relaxed) + 1;
                if failures.is_power_of_two() {
                    tracing::warn!(%error, failures, "can't accept a connection");
                }
                places.evict();
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// What is known of a connection before it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Encrypted,
    /// Encrypted, and the client showed a certificate.
    Certified,
}

/// The upgrade that a request asked for, and that request as HTTP/2 writes it.
type Wanted = Arc<Mutex<Option<(OnUpgrade, Bytes)>>>;

struct Connection {
    activity: Arc<Activity>,
    grants: Grants,
    stop: watch::Receiver<bool>,
    peer: Option<Peer>,
}

impl Connection {
    async fn run(self, stream: TcpStream, service: impl Answer) {
        let counters = Arc::clone(&self.grants.counters);
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_nodelay(true);
        match self.grants.tls.clone() {
            None => self.converse(stream, service, Kind::Plain).await,
            Some(tls) => match tls.shake_hands(stream, &self.grants).await {
                Ok((stream, true)) => self.converse(stream, service, Kind::Certified).await,
                Ok((stream, false)) => self.converse(stream, service, Kind::Encrypted).await,
                Err(error) => tracing::debug!(%error, "TLS handshake failed"),
            },
        }
        counters.connections.fetch_sub(1, Ordering::Relaxed);
    }

    async fn converse<S>(mut self, stream: S, service: impl Answer, kind: Kind)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(Watched::new(stream, Arc::clone(&self.activity)));
        let wanted = Wanted::default();
        let answers = self.answers(service, kind, Arc::clone(&wanted));
        let builder = builder(&self.grants.limits);
        self.watch_over(builder.serve_connection_with_upgrades(stream, answers.clone())).await;
        let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((upgrade, request)) = wanted else { return };
        let begin =
            async { upgrade::splice(TokioIo::new(upgrade.await.map_err(io::Error::other)?), request).await };
        match timeout(self.grants.limits.header_time_max, begin).await {
            Ok(Ok(stream)) => {
                let builder = builder.http2_only();
                self.watch_over(builder.serve_connection(TokioIo::new(stream), answers)).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "upgrade failed"),
            Err(_) => Counters::count(&self.grants.counters.header_timeouts),
        }
    }

    /// Drives a connection to its end, or ends it when it takes too long, its place is needed, or all stops.
    async fn watch_over(&mut self, connection: impl GracefulConnection<Error: Into<BoxError>>) {
        let (limits, counters) = (self.grants.limits, &self.grants.counters);
        let mut connection = std::pin::pin!(connection);
        let mut stopping = false;
        let mut alarm = std::pin::pin!(sleep(limits.header_time_max));
        loop {
            tokio::select! {
                // The deadline is the one after what the connection has just done.
                biased;
                ended = connection.as_mut() => {
                    return ended.map_err(Into::into).unwrap_or_else(|error| note(&error, counters));
                }
                () = stopped(&mut self.stop), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.activity.place.wanted() => return say_goodbye(connection).await,
                reason = self.activity.too_long(&limits, alarm.as_mut()) => {
                    Counters::count(match reason {
                        TooLong::Header => &counters.header_timeouts,
                        TooLong::Idle => &counters.idle_timeouts,
                    });
                    if self.activity.place.idle_since().is_some() {
                        say_goodbye(connection).await;
                    }
                    return;
                }
            }
        }
    }

    /// Returns what hyper asks for every request of this connection.
    fn answers<A: Answer>(
        &self,
        service: A,
        kind: Kind,
        wanted: Wanted,
    ) -> impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = Response<Held>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + use<A> {
        let (activity, counters) = (Arc::clone(&self.activity), Arc::clone(&self.grants.counters));
        let (body_time_max, peer) = (self.grants.limits.body_time_max, self.peer);
        service_fn(move |mut request: hyper::Request<Incoming>| {
            let busy = Arc::new(activity.begin(request.version() == Version::HTTP_2));
            let (counters, service, wanted) = (Arc::clone(&counters), service.clone(), Arc::clone(&wanted));
            async move {
                let upgrade = (kind == Kind::Plain).then(|| upgrade::wanted(&request)).flatten();
                if let Some(frame) = upgrade {
                    let upgrade = hyper::upgrade::on(&mut request);
                    *wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, frame));
                    return Ok(upgrade::switching().map(|body| Held::new(body, busy)));
                }
                let in_time = |body| InTime::new(body, body_time_max, Arc::clone(&busy), counters);
                let mut request = request.map(|body| Body::new(in_time(body)));
                if let Some(peer) = peer {
                    request.extensions_mut().insert(peer);
                }
                if kind == Kind::Certified {
                    request.extensions_mut().insert(ClientCertificate);
                }
                let response = service.oneshot(request).await?;
                Ok(response.map(|body| Held::new(body, busy)))
            }
        })
    }
}

/// Most connections that end with an error were ended by their clients.
fn note(error: &BoxError, counters: &Counters) {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
        Counters::count(&counters.headers_too_large);
    }
    tracing::debug!(%error, "HTTP connection ended");
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Ends a connection that is idle. HTTP/2 tells its client, so that it sends no request into the void; no answer is
/// waited for, since the place may be needed.
async fn say_goodbye(mut connection: Pin<&mut impl GracefulConnection>) {
    connection.as_mut().graceful_shutdown();
    poll_fn(|cx| {
        let _ = connection.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

fn builder(limits: &Connections) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The connection's own deadlines tell a slow head from an idle client, which hyper's do not.
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX));
    builder
}
