//! Mends clocks: moves spans of a host whose clock runs behind that of its caller.
//!
//! The rules are those of Zipkin's own page (openzipkin/zipkin `zipkin-lens/src/zipkin/clock-skew.js`). A server that
//! seems to start after its client is left alone: so does a request that waited in a queue.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::endpoint::Endpoint;
use crate::span::{Kind, Span};
use crate::tree::Tree;

/// A clock that was mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skew {
    /// Address of the host.
    pub address: IpAddr,
    /// The service there, or `""`.
    pub service: String,
    /// Negative: the clock of this host is behind that of its callers.
    pub skew_us: i64,
}

/// Returns what to take off the timestamp of each row, in microseconds.
pub fn shifts_us(tree: &Tree) -> Vec<i64> {
    mend(tree).0
}

/// Returns the same, and the clocks that were mended: each host once with its largest skew, the largest first.
pub fn mend(tree: &Tree) -> (Vec<i64>, Vec<Skew>) {
    let mut skews: BTreeMap<IpAddr, Skew> = BTreeMap::new();
    let shifts_us = shifts_and(tree, &mut |address, server, skew_us| {
        let service = server.local_service().unwrap_or_default().to_owned();
        let skew = Skew { address, service, skew_us };
        let known = skews.entry(address).or_insert_with(|| skew.clone());
        if known.skew_us.unsigned_abs() < skew_us.unsigned_abs() {
            *known = skew;
        }
    });
    let mut skews: Vec<Skew> = skews.into_values().collect();
    skews.sort_by_key(|skew| Reverse(skew.skew_us.unsigned_abs()));
    (shifts_us, skews)
}

fn shifts_and(tree: &Tree, found: &mut impl FnMut(IpAddr, &Span, i64)) -> Vec<i64> {
    let mut shifts_us = vec![0; tree.nodes.len()];
    // Without exactly one root it is not known which clock to trust.
    if tree.parentless != 1 || tree.nodes.first().is_none_or(|root| root.span.is_none()) {
        return shifts_us;
    }
    let mut hosts: Vec<Option<IpAddr>> = vec![None; tree.nodes.len()];
    for row in 1..tree.nodes.len() {
        let Some(parent) = tree.nodes[row].parent else { continue };
        let (Some(client), Some(server)) = (&tree.nodes[parent].span, &tree.nodes[row].span) else {
            continue;
        };
        let address = address(server);
        // The shift holds for all that the host recorded below, until another host takes over.
        if hosts[parent].is_some() && (address.is_none() || address == hosts[parent]) {
            hosts[row] = hosts[parent];
            shifts_us[row] = shifts_us[parent];
        }
        if let Some(skew_us) = skew_us(client, server, shifts_us[parent], shifts_us[row]) {
            hosts[row] = address;
            address.into_iter().for_each(|address| found(address, server, skew_us));
            shifts_us[row] = shifts_us[row].saturating_add(skew_us);
        }
    }
    shifts_us
}

fn skew_us(client: &Span, server: &Span, client_shift_us: i64, server_shift_us: i64) -> Option<i64> {
    if client.kind != Some(Kind::Client) || server.kind != Some(Kind::Server) {
        return None;
    }
    let hosts = (address(client)?, address(server)?);
    let client_us = instant(client.timestamp_us?).saturating_sub(client_shift_us);
    let server_us = instant(server.timestamp_us?).saturating_sub(server_shift_us);
    if hosts.0 == hosts.1 || server_us > client_us {
        return None;
    }
    let latency_us = match (client.duration_us, server.duration_us) {
        (Some(client), Some(server)) if client >= server => instant((client - server) / 2),
        _ => 1,
    };
    Some(server_us.saturating_sub(client_us).saturating_sub(latency_us)).filter(|skew| *skew != 0)
}

/// Returns microseconds as a signed number; what does not fit is no time of this world.
pub(crate) fn instant(us: u64) -> i64 {
    i64::try_from(us).unwrap_or(i64::MAX)
}

fn address(span: &Span) -> Option<IpAddr> {
    let Endpoint { ipv4, ipv6, .. } = span.local_endpoint.as_ref()?;
    ipv4.map(IpAddr::V4).or(ipv6.map(IpAddr::V6))
}
