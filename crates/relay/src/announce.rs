//! Tells the servers that a relay sends to how it is, so that their status shows it.
//!
//! A server says with an answer to spans that it wants to hear ([`INVITATION`]); one that does not, such as Zipkin's, is
//! told nothing unless its URL was given.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use ureq::Agent;

use crate::figures::RouteFigures;
use crate::outgoing::Outgoing;
use crate::spool::Spool;

/// Header of an answer to spans: the path where relays announce themselves.
pub const INVITATION: &str = "spanlet-relays";
/// That path, for servers that are named by the person who started the relay.
pub const USUAL_PATH: &str = "/api/spanlet/v1/relays";

const EVERY: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a far side wants to hear of the relay, if it does. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Invitation(Arc<Mutex<Option<String>>>);

impl Invitation {
    /// Takes note of what a far side wants.
    pub fn set(&self, url: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Returns where it wants to hear.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A thread that announces.
pub struct Announcer {
    /// Name of the relay.
    pub name: String,
    /// Servers to be told of all routes.
    pub urls: Vec<String>,
    /// What each route's far sides want.
    pub invitations: Vec<Vec<Invitation>>,
    /// How they are called.
    pub outgoing: Outgoing,
    /// Whose figures are told.
    pub spool: Arc<Spool>,
}

impl Announcer {
    /// Announces until the relay stops.
    pub fn run(self) {
        let mut agents = BTreeMap::new();
        let (mut then, mut before) = (Instant::now(), self.spool.figures().routes);
        loop {
            let (now, routes) = (Instant::now(), self.spool.figures().routes);
            let seconds = now.duration_since(then).as_secs_f64();
            let said = |range: std::ops::Range<usize>| {
                announcement(
                    &self.name,
                    routes.get(range.clone()).unwrap_or_default(),
                    before.get(range).unwrap_or_default(),
                    seconds,
                )
            };
            for (route, invitations) in self.invitations.iter().enumerate() {
                for invitation in invitations {
                    let Some(url) = invitation.get() else { continue };
                    // Another program may be there now, which wants to be left alone.
                    if self.post(&mut agents, &url, said(route..route + 1)) == Some(404) {
                        invitation.set(None);
                    }
                }
            }
            for url in &self.urls {
                self.post(&mut agents, url, said(0..routes.len()));
            }
            (then, before) = (now, routes);
            if !self.spool.pause(EVERY) {
                return;
            }
        }
    }

    /// Returns the status, if there was an answer.
    fn post(&self, agents: &mut BTreeMap<String, Agent>, url: &str, body: String) -> Option<u16> {
        let agent = agents.entry(url.to_owned()).or_insert_with(|| self.outgoing.agent(url, TIMEOUT));
        let mut request = agent.post(url).content_type("application/json");
        if let Some(authorization) = self.outgoing.authorization() {
            request = request.header("Authorization", authorization);
        }
        match request.send(body) {
            Ok(response) => {
                let status = response.status();
                if !status.is_success() {
                    tracing::debug!(url, %status, "the announcement was not taken");
                }
                Some(status.as_u16())
            }
            Err(error) => {
                tracing::debug!(url, %error, "nobody to announce to");
                None
            }
        }
    }
}

/// Returns a name that tells relays of one machine apart.
pub fn usual_name(http_address: SocketAddr) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "relay" } else { host.trim() };
    format!("{host}:{}", http_address.port())
}

fn announcement(name: &str, routes: &[RouteFigures], before: &[RouteFigures], seconds: f64) -> String {
    let sum = |value: fn(&RouteFigures) -> u64| routes.iter().map(value).sum::<u64>();
    let delivered = sum(|route| route.delivered) - before.iter().map(|route| route.delivered).sum::<u64>();
    let rate = if seconds > 0.0 { delivered as f64 / seconds } else { 0.0 };
    json!({
        "name": name,
        "backlogBytes": sum(|route| route.backlog_bytes),
        "oldestMs": routes.iter().map(|route| route.oldest_age_ms).max(),
        "rate": rate,
        "errors": sum(|route| route.retries),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(delivered: u64, oldest_age_ms: u64) -> RouteFigures {
        RouteFigures {
            name: String::new(),
            backlog_spans: 3,
            backlog_bytes: 70,
            oldest_age_ms,
            delivered,
            dead: 0,
            dropped: 0,
            damaged: 0,
            sampled: 0,
            calls: 9,
            retries: 2,
            failing: None,
        }
    }

    #[test]
    fn what_is_said_of_several_routes() {
        let said =
            announcement("a", &[figures(30, 5), figures(50, 9)], &[figures(10, 1), figures(40, 1)], 5.0);
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let expected = json!({"name": "a", "backlogBytes": 140, "oldestMs": 9, "rate": 6.0, "errors": 4});
        assert_eq!(said, expected);
    }
}
