//! Starts the parts in order and stops them in the reverse one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use api::Api;
use collector::doors::Doors;
use collector::metrics::TransportMetrics;
use collector::scribe;
use storage::memory::Memory;
use storage::port::Storage;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Config, Store};
use crate::error::StartError;
use crate::http;

/// A server that accepts spans and questions.
pub struct Server {
    /// Where the HTTP listener really is.
    pub http_address: SocketAddr,
    /// Where the scribe listener really is.
    pub scribe_address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    storage: Arc<dyn Storage>,
}

impl Server {
    /// Opens the store, then the doors.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listener = listen(config.http_listen, "HTTP", "--http-listen").await?;
        let scribe_listener = match config.scribe_listen {
            Some(address) => Some(listen(address, "scribe", "--scribe-listen").await?),
            None => None,
        };
        let storage = open(config.store).await?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let doors = Doors::new(config.doors, Arc::clone(&storage));
        let transports = doors.transports();
        let mut collectors = Vec::new();
        let scribe_address = scribe_listener.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(listener) = scribe_listener {
            let config = scribe::Config::default();
            let port = scribe_address.map_or(0, |address| address.port());
            collectors.push(format!("ScribeCollector{{port={port}, category={}}}", config.category));
            tasks.spawn(scribe::serve(listener, doors.scribe(), config, stopped.clone()));
        }
        let sources = api::Sources {
            storage: Arc::clone(&storage),
            now_ms,
            collectors: collectors.into(),
            transports: Arc::new(move || read(&transports)),
        };
        let api = Api::new(config.api, sources);
        let routes = api::router(&api).merge(doors.routes());
        let routes = api::edge::around(&api, routes);
        let http_address = listener.local_addr().unwrap_or(config.http_listen);
        tasks.spawn(async move {
            if let Err(error) = http::serve(listener, routes, stopped).await {
                tracing::error!(%error, "HTTP listener ended");
            }
        });
        Ok(Self { http_address, scribe_address, stop, tasks, storage })
    }

    /// Finishes what was accepted, then closes the store.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        drop(self.storage);
    }
}

async fn listen(
    address: SocketAddr,
    door: &'static str,
    flag: &'static str,
) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, door, flag, source })
}

async fn open(store: Store) -> Result<Arc<dyn Storage>, StartError> {
    match store {
        Store::Memory { spans_max } => Ok(Arc::new(Memory::new(spans_max))),
        Store::Embedded(config) => {
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
