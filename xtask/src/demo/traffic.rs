//! Customers: requests with trace ids of their own, so that each trace can be found again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Result, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use model::id::TraceId;

use crate::http::Client;
use crate::shop::{ROUTES, Route, Shop};

/// Customers at a time.
const CUSTOMERS: usize = 4;

/// One request.
#[derive(Clone, Copy)]
pub struct Visit {
    pub trace_id: TraceId,
    pub route: &'static Route,
}

impl Visit {
    /// Draws a trace id of 128 bits for the request of this number. Its low half is the span's id, so it is not zero.
    pub fn draw(number: usize) -> Self {
        let (high, low) = (fastrand::u64(..), fastrand::u64(1..));
        // A low half of at least 1 always makes an id.
        let trace_id = TraceId::from_halves(high, low).unwrap_or_else(|| unreachable!("low half of 0"));
        Self { trace_id, route: &ROUTES[number % ROUTES.len()] }
    }

    /// Makes the request.
    pub fn make(&self, shop: &Shop) -> Result<()> {
        shop.visit(&Client::new(), self.route, self.trace_id)
    }
}

/// Makes the requests, several at a time, with a progress line; ends early when asked to.
pub fn drive(shop: &Shop, requests: usize, stop: &AtomicBool) -> Result<Vec<Visit>> {
    let progress = ProgressBar::new(requests as u64).with_style(
        ProgressStyle::with_template("  {bar:40} {pos}/{len} requests, {per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let visits: Vec<Visit> = (0..requests).map(Visit::draw).collect();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..CUSTOMERS {
            scope.spawn(|| {
                let client = Client::new();
                while let Some(visit) = visits.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Err(error) = shop.visit(&client, visit.route, visit.trace_id) {
                        next.store(requests, Ordering::Relaxed);
                        if let Ok(mut failed) = failed.lock() {
                            *failed = Some(error);
                        }
                        return;
                    }
                    progress.inc(1);
                }
            });
        }
    });
    progress.finish_and_clear();
    match failed.into_inner() {
        Ok(None) => Ok(visits),
        Ok(Some(error)) => Err(error),
        Err(_) => Err(anyhow!("a customer panicked")),
    }
}
