//! The relays that send to this server: what each said of itself last.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use serde::Deserialize;

use crate::Api;
use crate::extensions::Problem;
use crate::reply::Refusal;

/// Where relays announce themselves.
pub const PATH: &str = "/api/spanlet/v1/relays";
/// Header that tells a relay of [`PATH`].
pub const INVITATION: &str = "spanlet-relays";

/// One that says nothing for so long is forgotten; until then people see since when it is silent.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// Most that are remembered: further ones are turned away, so that nobody pushes out those that are known.
const RELAYS_MAX: usize = 256;
const NAME_CHARS_MAX: usize = 200;
const BODY_BYTES_MAX: usize = 4 << 10;

/// Put into a request by the listener: where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What a relay says of itself. What a newer one says beyond is ignored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// Tells relays of one address apart.
    pub name: String,
    /// Bytes on its disk for this server.
    pub backlog_bytes: u64,
    /// How long the oldest of them have been there.
    pub oldest_ms: u64,
    /// Spans delivered in a second.
    pub rate: f64,
    /// Calls that had to be made again since it started.
    pub errors: u64,
}

/// A relay that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Relay {
    /// Where its announcements come from.
    pub address: Option<IpAddr>,
    /// How long ago the last one came.
    pub last_seen: Duration,
    /// What it said.
    pub said: Announcement,
}

/// What tells relays apart: the address they come from, and their name.
type Key = (Option<IpAddr>, String);

/// All relays that are known.
#[derive(Debug, Default)]
pub struct Relays {
    seen: Mutex<BTreeMap<Key, (Instant, Announcement)>>,
}

impl Relays {
    /// Keeps what a relay says. Says whether there was room.
    pub fn announce(&self, address: Option<IpAddr>, said: Announcement, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (then, _)| now.duration_since(*then) < SILENCE_MAX);
        let key = (address, said.name.clone());
        if seen.len() >= RELAYS_MAX && !seen.contains_key(&key) {
            return false;
        }
        seen.insert(key, (now, said));
        true
    }

    /// Returns those that are known now.
    pub fn known(&self) -> Vec<Relay> {
        self.known_at(Instant::now())
    }

    fn known_at(&self, now: Instant) -> Vec<Relay> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let relays = seen.iter().map(|((address, _), (then, said))| Relay {
            address: *address,
            last_seen: now.duration_since(*then),
            said: said.clone(),
        });
        relays.filter(|relay| relay.last_seen < SILENCE_MAX).collect()
    }
}

/// Returns what answers at [`PATH`].
pub fn route() -> MethodRouter<Api> {
    post(announce).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn announce(State(api): State<Api>, peer: Option<Extension<Peer>>, body: Bytes) -> Response {
    let said = match read(&body) {
        Ok(said) => said,
        Err(text) => return Problem::from(Refusal::bad(text)).into_response(),
    };
    let address = peer.map(|Extension(Peer(address))| address);
    if api.relays.announce(address, said, Instant::now()) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let text = format!("{RELAYS_MAX} relays are known already: announce yourself later");
    Problem::from(Refusal { status: StatusCode::SERVICE_UNAVAILABLE, ..Refusal::bad(text) }).into_response()
}

fn read(body: &[u8]) -> Result<Announcement, String> {
    let said: Announcement = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if !(1..=NAME_CHARS_MAX).contains(&said.name.chars().count()) {
        return Err(format!("name has 1 to {NAME_CHARS_MAX} characters"));
    }
    if said.rate < 0.0 {
        return Err("rate is below 0".to_owned());
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, errors: u64) -> Announcement {
        Announcement { name: name.into(), backlog_bytes: 1, oldest_ms: 2, rate: 0.5, errors }
    }

    fn names(relays: &Relays, now: Instant) -> Vec<String> {
        relays.known_at(now).into_iter().map(|relay| relay.said.name).collect()
    }

    #[test]
    fn the_last_word_of_each_is_kept_until_it_is_silent_for_long() {
        let (relays, start) = (Relays::default(), Instant::now());
        let (here, there) = (Some(IpAddr::from([127, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 1])));
        assert!(relays.announce(here, said("a", 1), start));
        assert!(relays.announce(there, said("a", 2), start));
        assert!(relays.announce(here, said("a", 3), start + Duration::from_secs(5)));
        let known = relays.known_at(start + Duration::from_secs(7));
        let known: Vec<_> =
            known.iter().map(|it| (it.address, it.last_seen.as_secs(), it.said.errors)).collect();
        assert_eq!(known, [(there, 7, 2), (here, 2, 3)]);
        assert_eq!(relays.known_at(start + SILENCE_MAX).len(), 1);
        assert!(relays.known_at(start + SILENCE_MAX * 2).is_empty());
    }

    #[test]
    fn those_that_are_known_are_not_pushed_out() {
        let (relays, start) = (Relays::default(), Instant::now());
        for number in 0..RELAYS_MAX {
            assert!(relays.announce(None, said(&number.to_string(), 0), start));
        }
        assert!(!relays.announce(None, said("one more", 0), start));
        assert!(relays.announce(None, said("7", 1), start));
        assert_eq!(names(&relays, start).len(), RELAYS_MAX);
        assert!(relays.announce(None, said("one more", 0), start + SILENCE_MAX));
        assert_eq!(names(&relays, start + SILENCE_MAX), ["one more"]);
    }

    #[test]
    fn what_is_no_announcement_is_told() {
        let good = r#"{"name":"a","backlogBytes":1,"oldestMs":2,"rate":0.5,"errors":3,"newer":[]}"#;
        assert_eq!(read(good.as_bytes()), Ok(said("a", 3)));
        for (from, to) in [("\"a\"", "\"\""), ("0.5", "-1"), ("1", "-1"), ("\"errors\":3,", ""), ("{", "")] {
            assert!(read(good.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        assert!(read(good.replacen("\"a\"", &format!("{:?}", "a".repeat(201)), 1).as_bytes()).is_err());
    }
}
