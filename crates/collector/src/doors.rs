//! All doors over one store: which are open, what they grant, what they share and count.

use std::sync::Arc;

use axum::Router;
use storage::port::Storage;

use crate::body::Limits;
use crate::intake::{Budget, Intake};
use crate::metrics::TransportMetrics;
use crate::sampler::Sampler;
use crate::sink::{Sink, Store};
use crate::{grpc, http, otlp};

/// Which doors are open, and what they grant.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Which spans are stored.
    pub sampler: Sampler,
    /// Whether spans are taken under `/api/v1` and `/api/v2`.
    pub http_enabled: bool,
    /// Whether Zipkin's gRPC service is there.
    pub grpc_enabled: bool,
    /// Whether OTLP is taken.
    pub otlp_enabled: bool,
    /// Whether scribe will be asked for.
    pub scribe_enabled: bool,
    /// Sizes that one message may have.
    pub limits: Limits,
    /// Most bytes of messages that all doors together hold in memory.
    pub in_flight_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sampler: Sampler::ALL,
            http_enabled: true,
            grpc_enabled: true,
            otlp_enabled: true,
            scribe_enabled: true,
            limits: Limits::default(),
            in_flight_bytes_max: 64 << 20,
        }
    }
}

/// The doors of one server.
pub struct Doors {
    config: Config,
    budget: Budget,
    sink: Arc<dyn Sink>,
    http: Arc<TransportMetrics>,
    grpc: Arc<TransportMetrics>,
    scribe: Arc<TransportMetrics>,
    otlp_http: Arc<TransportMetrics>,
    otlp_grpc: Arc<TransportMetrics>,
}

impl Doors {
    /// Joins the doors to a store.
    pub fn new(config: Config, storage: Arc<dyn Storage>) -> Self {
        Self::over(config, Arc::new(Store(storage)))
    }

    /// Joins the doors to something else that takes spans.
    pub fn over(config: Config, sink: Arc<dyn Sink>) -> Self {
        let metrics = |transport| Arc::new(TransportMetrics::new(transport));
        Self {
            config,
            budget: Budget::new(config.in_flight_bytes_max),
            sink,
            http: metrics("http"),
            grpc: metrics("grpc"),
            scribe: metrics("scribe"),
            otlp_http: metrics("otlp_http"),
            otlp_grpc: metrics("otlp_grpc"),
        }
    }

    /// Returns the routes of all open doors that speak HTTP, for the usual listener.
    pub fn routes(&self) -> Router {
        let limits = self.config.limits;
        let mut routes = self.otlp_routes();
        if self.config.http_enabled {
            routes = routes.merge(http::router(self.intake(&self.http), limits));
        }
        if self.config.grpc_enabled {
            routes = routes.merge(grpc::router(&grpc::REPORT, self.intake(&self.grpc), limits));
        }
        routes
    }

    /// Returns the routes of OTLP alone, for its own listeners; none when it is not taken.
    pub fn otlp_routes(&self) -> Router {
        if !self.config.otlp_enabled {
            return Router::new();
        }
        let intakes =
            otlp::Intakes { http: self.intake(&self.otlp_http), grpc: self.intake(&self.otlp_grpc) };
        otlp::router(intakes, self.config.limits)
    }

    /// Returns the scribe door's way to the store.
    pub fn scribe(&self) -> Intake {
        self.intake(&self.scribe)
    }

    /// Returns the counters of each transport that is there from the start, Zipkin's in its order.
    pub fn transports(&self) -> Vec<Arc<TransportMetrics>> {
        let Config { scribe_enabled, otlp_enabled, .. } = self.config;
        [
            (true, &self.http),
            (true, &self.grpc),
            (scribe_enabled, &self.scribe),
            (otlp_enabled, &self.otlp_http),
            (otlp_enabled, &self.otlp_grpc),
        ]
        .into_iter()
        .filter(|(open, _)| *open)
        .map(|(_, metrics)| Arc::clone(metrics))
        .collect()
    }

    /// Returns how many scribe connections are open, and how many came when there were as many as may be.
    pub fn scribe_connections(&self) -> (u64, u64) {
        self.scribe.read_connections()
    }

    /// Returns the limit that all doors share.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    fn intake(&self, metrics: &Arc<TransportMetrics>) -> Intake {
        let sink = Arc::clone(&self.sink);
        Intake::over(sink, Arc::clone(metrics), self.budget.clone(), self.config.sampler)
    }
}
