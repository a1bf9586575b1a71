//! Far sides: where spans go, and what they say.

pub mod http;
pub mod scribe;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use model::batch::Batch;
use wire::messages::Messages;

use crate::announce::Invitation;
use crate::body::Body;
use crate::outgoing::Outgoing;

/// Something that takes spans.
pub trait Far: Send {
    /// Returns its address as it was given.
    fn name(&self) -> &str;

    /// Offers spans once. Returns within the time limit it was made with.
    fn send(&mut self, body: &Body) -> Answer;
}

/// What a far side says of spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has them.
    Taken,
    /// Not now, or it can't be reached; says why, and when to come again if it said so.
    Later {
        /// What happened.
        why: String,
        /// When to come again.
        after: Option<Duration>,
    },
    /// It can't read them, and never will.
    Refused(String),
}

/// An address that spans are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    address: String,
    protocol: Protocol,
}

/// How a destination is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `scribe://HOST:PORT`.
    Scribe,
    /// `http://HOST:PORT/api/v2/spans`, as zipkin.proto; `https`.
    Proto3,
    /// `http+json://HOST:PORT/api/v2/spans`, as JSON v2; `https+json`.
    Json,
    /// `otlp://HOST:PORT/v1/traces`, over HTTP; `https+otlp`.
    Otlp,
}

/// The address is none that spans can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no destination: use scribe://HOST:PORT, http://HOST:PORT (proto3), http+json://HOST:PORT, or otlp://HOST:PORT; \
     https, https+json and https+otlp are encrypted"
)]
pub struct BadDestination(String);

impl FromStr for Destination {
    type Err = BadDestination;

    fn from_str(address: &str) -> Result<Self, BadDestination> {
        let bad = || BadDestination(address.to_owned());
        let (scheme, rest) = address.split_once("://").ok_or_else(bad)?;
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (protocol, port, path_default) = match scheme {
            "scribe" => (Protocol::Scribe, "9410", ""),
            "http" => (Protocol::Proto3, "9411", "api/v2/spans"),
            "http+json" => (Protocol::Json, "9411", "api/v2/spans"),
            "otlp" => (Protocol::Otlp, "4318", "v1/traces"),
            "https" => (Protocol::Proto3, "443", "api/v2/spans"),
            "https+json" => (Protocol::Json, "443", "api/v2/spans"),
            "https+otlp" => (Protocol::Otlp, "443", "v1/traces"),
            _ => return Err(bad()),
        };
        // An IPv6 address has its own colons, in brackets.
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        // Credentials in an address would be shown wherever it is.
        if place.is_empty()
            || place.contains('@')
            || place.contains(char::is_whitespace)
            || protocol == Protocol::Scribe && !path.is_empty()
        {
            return Err(bad());
        }
        let place = if has_port { place.to_owned() } else { format!("{place}:{port}") };
        let path = if path.is_empty() { path_default } else { path };
        let slash = if path.is_empty() { "" } else { "/" };
        Ok(Self { address: format!("{scheme}://{place}{slash}{path}"), protocol })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl Destination {
    /// Says whether scribe messages can be passed on as they came.
    pub fn takes_messages(&self) -> bool {
        self.protocol == Protocol::Scribe
    }

    /// Returns a client, not yet connected. It takes note of an invitation.
    pub fn client(&self, timeout: Duration, outgoing: &Outgoing, invitation: Invitation) -> Box<dyn Far> {
        let rest = self.address.split_once("://").map_or("", |(_, rest)| rest);
        let form = match self.protocol {
            Protocol::Scribe => return Box::new(scribe::Client::new(rest, &self.address, timeout)),
            Protocol::Proto3 => http::Form::Proto3,
            Protocol::Json => http::Form::Json,
            Protocol::Otlp => http::Form::Otlp,
        };
        let scheme = if self.address.starts_with("https") { "https" } else { "http" };
        let url = format!("{scheme}://{rest}");
        let agent = outgoing.agent(&url, timeout);
        Box::new(http::Client::new(agent, url, &self.address, form, outgoing.clone(), invitation))
    }
}

/// Decodes messages as the server's scribe door does. A single bad one fails them all.
fn decode(messages: &Messages) -> Result<Batch, String> {
    let mut batch = Batch::new();
    for message in messages.iter() {
        let span = wire::scribe::decode_message(message).map_err(|error| error.to_string())?;
        wire::thrift_v1::decode_span(&span, &mut batch).map_err(|error| error.to_string())?;
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_completed() {
        for (given, shown) in [
            ("scribe://collector", "scribe://collector:9410"),
            ("scribe://[::1]:99", "scribe://[::1]:99"),
            ("http://z", "http://z:9411/api/v2/spans"),
            ("http://z:80/", "http://z:80/api/v2/spans"),
            ("http+json://z:80/x/y", "http+json://z:80/x/y"),
            ("otlp://z", "otlp://z:4318/v1/traces"),
            ("https://z", "https://z:443/api/v2/spans"),
            ("https+json://z:9411", "https+json://z:9411/api/v2/spans"),
            ("https+otlp://z", "https+otlp://z:443/v1/traces"),
        ] {
            assert_eq!(given.parse::<Destination>().unwrap().to_string(), shown);
        }
        for bad in ["collector:9410", "scribe://", "kafka://a", "scribe://a/b", "http://a b", "http://a:b@c"]
        {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }
}
