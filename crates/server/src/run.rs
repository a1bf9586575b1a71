//! Starts the parts in order and stops them in the reverse one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api::Api;
use axum::Router;
use axum::middleware::from_fn_with_state;
use collector::doors::Doors;
use collector::metrics::TransportMetrics;
use collector::scribe;
use storage::memory::{self, Memory};
use storage::port::Storage;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::layer::Gate;
use crate::access::{Access, Scope, Scopes};
use crate::config::{Config, Otlp, SelfTracing, Store};
use crate::error::StartError;
use crate::listener::Grants;
use crate::metrics::Counters;
use crate::self_tracing::Recorder;
use crate::systemd::Sockets;
use crate::tls::Acceptor;
use crate::{access, listener, metrics, self_tracing};

/// What is under way when the server is told to stop has this long to end: a sender that is slower sends again.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// A server that accepts spans and questions.
pub struct Server {
    /// Where the HTTP listeners really are, by name; the usual one is the first.
    pub http_addresses: Vec<(&'static str, SocketAddr)>,
    /// Where the scribe listener really is.
    pub scribe_address: Option<SocketAddr>,
    /// Where the further OTLP listeners really are, by name.
    pub otlp_addresses: Vec<(&'static str, SocketAddr)>,
    running: Running,
    storage: Arc<dyn Storage>,
}

impl Server {
    /// Opens the listeners, so that a taken port is known at once, then the store, then the doors.
    pub async fn start(config: Config, mut sockets: Sockets) -> Result<Self, StartError> {
        let mut running = Running::new(&config)?;
        let (mut listeners, mut http_addresses) = (Vec::new(), Vec::new());
        for http in &config.http {
            let listener = listen(&mut sockets, http.name, http.address).await?;
            http_addresses.push((http.name, address(&listener)));
            listeners.push((listener, http.scopes));
        }
        let scribe_listener = match config.scribe_listen {
            Some(address) => Some(listen(&mut sockets, "scribe", address).await?),
            None => None,
        };
        let otlp_listeners = listen_otlp(&mut sockets, config.otlp_listen).await?;
        if let Some(name) = sockets.left().next() {
            return Err(StartError::Socket { name: name.to_owned() });
        }
        let scribe_address = scribe_listener.as_ref().map(address);
        let ingest = Scopes::of(&[Scope::Ingest]);
        let otlp_addresses: Vec<_> = otlp_listeners.iter().map(|(name, at)| (*name, address(at))).collect();
        let http = listeners.iter().map(|(listener, scopes)| (address(listener), *scopes));
        let otlp = otlp_addresses.iter().map(|(_, address)| (*address, ingest));
        warn_of_the_open(&config, http.chain(otlp), scribe_address);
        let storage = open(&config).await?;
        let doors = Arc::new(Doors::new(config.doors, Arc::clone(&storage)));
        let mut collectors = Vec::new();
        if let Some(listener) = scribe_listener {
            let (port, category) = (address(&listener).port(), &config.scribe.category);
            collectors.push(format!("ScribeCollector{{port={port}, category={category}}}"));
            let stop = running.stop.subscribe();
            running.tasks.spawn(scribe::serve(listener, doors.scribe(), config.scribe, stop));
        }
        let (counters, counted) = (Arc::clone(&running.grants.counters), Arc::clone(&doors));
        let transports = doors.transports();
        let api = Api::new(
            config.api,
            api::Sources {
                storage: Arc::clone(&storage),
                now_ms,
                collectors: collectors.into(),
                transports: Arc::new(move || read(&transports)),
                figures: Arc::new(move || {
                    counters.read().into_iter().map(Into::into).chain(metrics::of_doors(&counted)).collect()
                }),
            },
        );
        let mut routes = api::router(&api).merge(doors.routes());
        if let Some(config) = config.self_tracing {
            let recorder = running.record(config, &storage);
            routes = routes.layer(from_fn_with_state(recorder, self_tracing::layer));
        }
        for (listener, scopes) in listeners {
            running.serve(listener, &api, routes.clone(), scopes);
        }
        for (_, listener) in otlp_listeners {
            running.serve(listener, &api, doors.otlp_routes(), ingest);
        }
        Ok(Self { http_addresses, scribe_address, otlp_addresses, running, storage })
    }

    /// Finishes what was accepted, then closes the store.
    pub async fn stop(self) {
        let Running { stop, mut tasks, .. } = self.running;
        let _ = stop.send(true);
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIME_MAX, ended).await.is_err() {
            tracing::warn!("some senders or readers are too slow to wait for; what was acknowledged is safe");
            tasks.shutdown().await;
        }
        drop(self.storage);
    }
}

/// What runs until it is told to stop, and what all HTTP listeners share.
struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    grants: Grants,
    access: Arc<Access>,
}

impl Running {
    fn new(config: &Config) -> Result<Self, StartError> {
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        let counters = Arc::new(Counters::default());
        let mut tls = None;
        if let Some(files) = &config.tls {
            let acceptor = Acceptor::new(files)?;
            tasks.spawn(acceptor.clone().watch(files.clone(), Arc::clone(&counters), stop.subscribe()));
            tls = Some(acceptor);
        }
        let grants = Grants { tls, limits: config.connections, counters };
        Ok(Self { stop, tasks, grants, access: Arc::new(config.access.clone()) })
    }

    /// Begins to store own spans.
    fn record(&mut self, config: SelfTracing, storage: &Arc<dyn Storage>) -> Recorder {
        let (recorder, spans) = Recorder::new(config, Arc::clone(&self.grants.counters));
        self.tasks.spawn(spans.store(Arc::clone(storage), self.stop.subscribe()));
        recorder
    }

    /// Answers what comes to a listener, as far as its scopes go.
    fn serve(&mut self, listener: TcpListener, api: &Api, routes: Router, scopes: Scopes) {
        let gate =
            Gate { access: Arc::clone(&self.access), scopes, counters: Arc::clone(&self.grants.counters) };
        let routes = routes.layer(from_fn_with_state(gate, access::layer::layer));
        let routes = api::edge::around(api, routes);
        self.tasks.spawn(listener::serve(listener, routes, self.grants.clone(), self.stop.subscribe()));
    }
}

/// Takes the socket that was opened for us, or opens one.
async fn listen(sockets: &mut Sockets, door: &str, address: SocketAddr) -> Result<TcpListener, StartError> {
    if let Some(socket) = sockets.take(door) {
        return TcpListener::from_std(socket).map_err(StartError::Sockets);
    }
    TcpListener::bind(address).await.map_err(|source| StartError::Listen {
        address,
        door: door.to_owned(),
        source,
    })
}

/// Opens OTLP's own ports. One that nobody chose may be taken: then another program of this machine, such as an
/// OpenTelemetry Collector, has it, and the usual HTTP port takes OTLP too.
async fn listen_otlp(
    sockets: &mut Sockets,
    otlp: Otlp,
) -> Result<Vec<(&'static str, TcpListener)>, StartError> {
    let mut listeners = Vec::new();
    for (name, wanted) in [("otlp-grpc", otlp.grpc), ("otlp-http", otlp.http)] {
        let Some(wanted) = wanted else { continue };
        match listen(sockets, name, wanted.address).await {
            Ok(listener) => listeners.push((name, listener)),
            Err(StartError::Listen { address, source, .. }) if !wanted.chosen => {
                tracing::warn!(
                    "not listening on {address} for {name}: {source}; the HTTP port takes OTLP too"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

fn address(listener: &TcpListener) -> SocketAddr {
    // Known of every socket that listens.
    listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}

/// Whoever opens a door to the network should know who can come in.
fn warn_of_the_open(
    config: &Config,
    http: impl Iterator<Item = (SocketAddr, Scopes)>,
    scribe: Option<SocketAddr>,
) {
    for (address, scopes) in http {
        if !address.ip().is_loopback() && config.access.is_open() {
            let scopes = scopes.names().collect::<Vec<_>>().join(", ");
            tracing::warn!(
                "{address} is open to the network without access control ({scopes}): set tokens or passwords, or \
                 listen on 127.0.0.1"
            );
        }
    }
    if let Some(address) = scribe.filter(|address| !address.ip().is_loopback()) {
        tracing::warn!(
            "{address} is open to the network and scribe knows no credentials: whoever reaches it can send spans"
        );
    }
}

async fn open(config: &Config) -> Result<Arc<dyn Storage>, StartError> {
    let (strict_trace_id, answer_bytes_max) = (config.strict_trace_id, config.answer_bytes_max);
    let autocomplete_keys = config.api.autocomplete_keys.clone();
    match &config.store {
        Store::Memory { spans_max } => Ok(Arc::new(Memory::new(memory::Config {
            spans_max: *spans_max,
            answer_bytes_max,
            strict_trace_id,
            autocomplete_keys,
        }))),
        Store::Embedded(embedded) => {
            let embedded = embedded.clone();
            let config =
                columnar::Config { answer_bytes_max, strict_trace_id, autocomplete_keys, ..embedded };
            let disk = Arc::new(disk::Real);
            let opened = tokio::task::spawn_blocking(move || columnar::Columnar::open(disk, config)).await;
            match opened {
                Ok(store) => Ok(Arc::new(store?)),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
    }
}

fn read(transports: &[Arc<TransportMetrics>]) -> Vec<(&'static str, Vec<(&'static str, u64)>)> {
    transports.iter().map(|metrics| (metrics.transport, metrics.read().to_vec())).collect()
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
