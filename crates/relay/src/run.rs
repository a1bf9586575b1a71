//! Starts the parts of a relay in order and stops them in the reverse one.

use std::net::SocketAddr;
use std::sync::Arc;

use collector::doors::{Config as DoorsConfig, Doors};
use collector::intake::Intake;
use collector::metrics::TransportMetrics;
use collector::sampler::Sampler;
use collector::scribe;
use collector::sink::Sink;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::announce::{self, Announcer, Invitation};
use crate::config::{Config, Delivery};
use crate::far::Destination;
use crate::forward;
use crate::queue::{Looks, Queue, Writer};
use crate::sender::Sender;
use crate::spool::{OpenError, Spool};
use crate::status;
use crate::tail::Tail;

/// A relay that takes spans and passes them on.
pub struct Relay {
    /// Where the HTTP listener really is.
    pub http_address: SocketAddr,
    /// Where the scribe listener really is.
    pub scribe_address: Option<SocketAddr>,
    /// Where the forward listener really is.
    pub forward_address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    writer: Writer,
    spool: Arc<Spool>,
}

/// Why a relay could not start, in a sentence for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be had.
    #[error(
        "can't listen on {address} for {door}: {source}; stop what uses it or choose another with {flag}"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What would have listened there.
        door: &'static str,
        /// The flag that sets it.
        flag: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The buffer can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no thread to be had.
    #[error("can't start threads: {0}")]
    Thread(std::io::Error),
}

impl Relay {
    /// Opens the buffer, then the doors; what the last relay left is sent on.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let http = listen(config.http_listen, "HTTP", "--http-listen").await?;
        let scribe = match config.scribe_listen {
            Some(address) => Some(listen(address, "scribe", "--scribe-listen").await?),
            None => None,
        };
        let forward = match config.forward_listen {
            Some(address) => Some(listen(address, "fluentd's forward protocol", "--forward-listen").await?),
            None => None,
        };
        let routes = routes(&config);
        let names: Vec<String> = routes.iter().map(|route| name(route)).collect();
        let spool = Arc::new(Spool::open(Arc::new(disk::Real), config.spool.clone(), &names)?);
        let tail = config.tail.clone().map(|rules| Arc::new(Tail::new(rules)));
        let takes_messages = config.to.iter().all(Destination::takes_messages)
            && config.sampler == Sampler::ALL
            && config.redaction.is_empty()
            && tail.is_none();
        let looks = Looks { redaction: config.redaction.clone(), tail: tail.clone(), takes_messages };
        let (queue, writer) = Queue::start(Arc::clone(&spool), looks).map_err(StartError::Thread)?;
        let http_address = http.local_addr().unwrap_or(config.http_listen);
        start_senders(&config, &routes, &spool, tail.as_ref(), http_address).map_err(StartError::Thread)?;

        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let doors = Doors::over(
            DoorsConfig {
                sampler: config.sampler,
                in_flight_bytes_max: config.in_flight_bytes_max,
                scribe_enabled: scribe.is_some(),
                ..DoorsConfig::default()
            },
            Arc::clone(&queue) as Arc<dyn Sink>,
        );
        let scribe_address = scribe.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(listener) = scribe {
            tasks.spawn(scribe::serve(listener, doors.scribe(), scribe::Config::default(), stopped.clone()));
        }
        let mut transports = doors.transports();
        let forward_address = forward.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(listener) = forward {
            let metrics = Arc::new(TransportMetrics::new("forward"));
            transports.push(Arc::clone(&metrics));
            let intake = Intake::over(queue, metrics, doors.budget().clone(), config.sampler);
            tasks.spawn(forward::serve(listener, intake, stopped.clone()));
        }
        let routes =
            doors.routes().merge(status::router(Arc::clone(&spool), transports, doors.budget().clone()));
        tasks.spawn(async move {
            let mut stopped = stopped;
            let served = axum::serve(http, routes).with_graceful_shutdown(async move {
                let _ = stopped.changed().await;
            });
            if let Err(error) = served.await {
                tracing::error!(%error, "HTTP listener ended");
            }
        });
        Ok(Self { http_address, scribe_address, forward_address, stop, tasks, writer, spool })
    }

    /// Returns the buffer.
    pub fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Finishes what was accepted. Spans stay on disk: the next start sends them.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        // Senders may be in a call for as long as it may take: nobody waits for them.
        self.spool.stop();
        let ended = tokio::task::spawn_blocking(move || self.writer.end()).await;
        if let Err(error) = ended {
            tracing::error!(%error, "the relay did not end well");
        }
    }
}

/// Groups destinations that share one place in the buffer.
fn routes(config: &Config) -> Vec<Vec<Destination>> {
    match config.delivery {
        Delivery::Copy => config.to.iter().map(|to| vec![to.clone()]).collect(),
        Delivery::Failover => vec![config.to.clone()],
    }
}

fn name(route: &[Destination]) -> String {
    route.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn start_senders(
    config: &Config,
    routes: &[Vec<Destination>],
    spool: &Arc<Spool>,
    tail: Option<&Arc<Tail>>,
    http_address: SocketAddr,
) -> std::io::Result<()> {
    let mut invitations = Vec::new();
    for (number, route) in routes.iter().enumerate() {
        let invited: Vec<Invitation> = route.iter().map(|_| Invitation::default()).collect();
        let fars = route.iter().zip(&invited);
        let fars = fars
            .map(|(to, invited)| to.client(config.retry.timeout, &config.outgoing, invited.clone()))
            .collect();
        invitations.push(invited);
        let sender = Sender::new(Arc::clone(spool), number, fars, config.retry).with_tail(tail.cloned());
        std::thread::Builder::new().name(format!("sender-{number}")).spawn(move || sender.run())?;
    }
    let announcer = Announcer {
        name: config.name.clone().unwrap_or_else(|| announce::usual_name(http_address)),
        urls: config.announce_to.iter().map(|server| format!("{server}{}", announce::USUAL_PATH)).collect(),
        invitations,
        outgoing: config.outgoing.clone(),
        spool: Arc::clone(spool),
    };
    std::thread::Builder::new().name("announcer".into()).spawn(move || announcer.run())?;
    Ok(())
}

async fn listen(
    address: SocketAddr,
    door: &'static str,
    flag: &'static str,
) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, door, flag, source })
}
