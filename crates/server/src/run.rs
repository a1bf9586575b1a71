//! Starts the parts in order and stops them in the reverse one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api::Api;
use api::metrics::Transport;
use axum::Router;
use axum::middleware::from_fn_with_state;
use collector::doors::Doors;
use collector::intake::Intake;
use collector::metrics::TransportMetrics;
use collector::scribe;
use storage::memory::{self, Memory};
use storage::port::Storage;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::layer::Gate;
use crate::access::{Access, Scope};
use crate::config::{Config, SelfTracing, Store};
use crate::error::StartError;
use crate::listener::Grants;
use crate::listeners::Opened;
use crate::metrics::Counters;
use crate::self_tracing::Recorder;
use crate::systemd::Sockets;
use crate::tls::Acceptor;
use crate::{access, listener, listeners, metrics, self_tracing};

/// What is under way when the server is told to stop has this long to end: a sender that is slower sends again.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// A server that accepts spans and questions.
pub struct Server {
    /// Where each listener really is, by name; the usual one for HTTP is the first.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    running: Running,
    storage: Arc<dyn Storage>,
}

impl Server {
    /// Opens the listeners, so that a taken port is known at once, then the store, then the doors.
    pub async fn start(config: Config, sockets: Sockets) -> Result<Self, StartError> {
        let mut running = Running::new(&config)?;
        let listeners = listeners::open(&config, sockets).await?;
        let addresses: Vec<_> = listeners.iter().map(|opened| (opened.name, opened.address())).collect();
        let scribe = addresses.iter().find(|(name, _)| *name == "scribe");
        let collectors = scribe.map(|(_, address)| {
            format!("ScribeCollector{{port={}, category={}}}", address.port(), config.scribe.category)
        });
        let storage = open(&config).await?;
        let doors = Arc::new(Doors::new(config.doors, Arc::clone(&storage)));
        let (counters, counted) = (Arc::clone(&running.grants.counters), Arc::clone(&doors));
        let transports: Vec<_> = doors
            .transports()
            .into_iter()
            .map(|metrics| (listeners::of(metrics.transport, &listeners, &config.doors), metrics))
            .collect();
        let api = Api::new(
            config.api.clone(),
            api::Sources {
                storage: Arc::clone(&storage),
                now_ms,
                collectors: collectors.into_iter().collect(),
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
        for opened in listeners {
            match opened.name {
                "scribe" => running.serve_scribe(opened.socket, doors.scribe(), &config),
                "otlp-grpc" | "otlp-http" => running.serve(opened, &api, doors.otlp_routes()),
                _ => running.serve(opened, &api, routes.clone()),
            }
        }
        Ok(Self { addresses, running, storage })
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
    fn serve(&mut self, opened: Opened, api: &Api, routes: Router) {
        let Opened { socket, scopes, .. } = opened;
        let gate =
            Gate { access: Arc::clone(&self.access), scopes, counters: Arc::clone(&self.grants.counters) };
        let routes = routes.layer(from_fn_with_state(gate, access::layer::layer));
        let routes = api::edge::around(api, routes);
        self.tasks.spawn(listener::serve(socket, routes, self.grants.clone(), self.stop.subscribe()));
    }

    /// Takes scribe's calls, encrypted if wanted. Who may send is then said by certificates, if by anything.
    fn serve_scribe(&mut self, listener: TcpListener, intake: Intake, config: &Config) {
        let (scribe, stop) = (config.scribe.clone(), self.stop.subscribe());
        let Some(tls) = self.grants.tls.clone().filter(|_| config.scribe_tls) else {
            self.tasks.spawn(scribe::serve(listener, intake, scribe, stop));
            return;
        };
        let (grants, access) = (self.grants.clone(), Arc::clone(&self.access));
        let secure = move |stream| {
            let (tls, grants, access) = (tls.clone(), grants.clone(), Arc::clone(&access));
            async move {
                let (stream, certified) = tls.shake_hands(stream, &grants).await?;
                match access.certificate {
                    None => Ok(stream),
                    Some(scopes) if certified && scopes.contains(Scope::Ingest) => Ok(stream),
                    Some(_) => Err(io::Error::other("no certificate that grants sending spans")),
                }
            }
        };
        self.tasks.spawn(scribe::serve_secured(listener, intake, scribe, secure, stop));
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

fn read(transports: &[(Option<String>, Arc<TransportMetrics>)]) -> Vec<Transport> {
    let read = |(listening, metrics): &(Option<String>, Arc<TransportMetrics>)| Transport {
        name: metrics.transport,
        listening: listening.clone(),
        readings: metrics.read().to_vec(),
        refused: metrics.refusals(),
        left_out: metrics.spans_left_out(),
    };
    transports.iter().map(read).collect()
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
