//! A job that says what it does with `tracing`: `cargo run -p spanlet-layers --example batch`.
//!
//! Its spans are Zipkin's, its events annotations, and what goes wrong an error. They go to a scribe collector on
//! 127.0.0.1:9410, or to SPANLET_ENDPOINT.

use std::error::Error;
use std::time::Duration;

use spanlet_layers::tracer::{Config, Destination, Encoding, Tracer};
use spanlet_layers::{Service, SpanLayer, current};
use tracing::{error, info, instrument};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::var("SPANLET_ENDPOINT").unwrap_or_else(|_| "scribe://127.0.0.1:9410".to_owned());
    let config =
        Config { destination: Destination::parse(&endpoint, Encoding::JsonV2)?, ..Config::default() };
    config.check()?;
    let tracer = Tracer::new(config);
    tracing_subscriber::registry().with(SpanLayer::new(&Service::new(tracer.clone(), "batch"))).init();

    nightly(3);
    let sent = tracer.flush(Duration::from_secs(5));
    println!("{}", if sent { "the collector has it" } else { "no collector has answered" });
    Ok(())
}

#[instrument]
fn nightly(orders: u32) {
    if let Some(scope) = current() {
        println!("trace {}", scope.context().trace_id);
    }
    (1..=orders).for_each(settle);
    info!(orders, "settled");
}

#[instrument]
fn settle(order: u32) {
    info!("charging");
    if order == 2 {
        error!(order, "card refused");
    }
}
