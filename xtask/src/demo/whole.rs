//! Whether a request is one whole trace: the call graph is the truth, the stored spans are the claim.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::Result;
use model::id::SpanId;
use model::span::{Kind, Span};

use super::traffic::Visit;
use crate::shop::{FRONT, Route};
use crate::spanlet::Spanlet;

/// The tracer sends within 100 ms; a busy machine gets time, a lost span gets named.
const ARRIVAL_MAX: Duration = Duration::from_secs(20);
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// What was found in the traces of all requests.
#[derive(Default)]
pub struct Checked {
    pub servers: usize,
    pub clients: usize,
    /// One line for each request whose trace is not whole.
    pub wrong: Vec<String>,
}

/// Looks up the trace of every request, giving late spans some time.
pub fn check_all(server: &Spanlet, visits: &[Visit]) -> Result<Checked> {
    let mut checked = Checked::default();
    let end = Instant::now() + ARRIVAL_MAX;
    for visit in visits {
        let mut spans = server.trace(visit.trace_id)?;
        while spans.len() < 1 + 2 * visit.route.calls.len() && Instant::now() < end {
            std::thread::sleep(ASK_AGAIN);
            spans = server.trace(visit.trace_id)?;
        }
        checked.servers += spans.iter().filter(|span| span.kind == Some(Kind::Server)).count();
        checked.clients += spans.iter().filter(|span| span.kind == Some(Kind::Client)).count();
        if let Err(what) = check(visit.route, &spans) {
            checked.wrong.push(format!("GET {} {}: {what}", visit.route.path, visit.trace_id));
        }
    }
    Ok(checked)
}

/// Says what is wrong with the trace of a request.
fn check(route: &Route, spans: &[Span]) -> Result<(), String> {
    let of_kind = |kind| spans.iter().filter(move |span| span.kind == Some(kind));
    let servers: HashMap<SpanId, &Span> = of_kind(Kind::Server).map(|span| (span.id, span)).collect();
    let clients: HashMap<SpanId, &Span> = of_kind(Kind::Client).map(|span| (span.id, span)).collect();
    let counts = (of_kind(Kind::Server).count(), of_kind(Kind::Client).count(), spans.len());
    let calls = route.calls.len();
    if counts != (calls + 1, calls, 2 * calls + 1) {
        let (server, client, all) = counts;
        return Err(format!(
            "{server} SERVER and {client} CLIENT halves of {all} spans, not {} and {calls}",
            calls + 1
        ));
    }
    if servers.len() != calls + 1 || clients.len() != calls {
        return Err("two halves of one kind have the same id".to_owned());
    }
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent_id.is_none()).collect();
    match roots.as_slice() {
        [root] if root.kind == Some(Kind::Server) && root.local_service() == Some(FRONT) => {}
        [_] => return Err(format!("the root is not the SERVER half of {FRONT}")),
        _ => return Err(format!("{} roots, not one", roots.len())),
    }
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for client in clients.values() {
        let caller = client.local_service().unwrap_or("?");
        let Some(server) = servers.get(&client.id) else {
            return Err(format!("a CLIENT half of {caller} has no SERVER half under its id {}", client.id));
        };
        let parent =
            client.parent_id.and_then(|id| servers.get(&id)).and_then(|parent| parent.local_service());
        if parent != Some(caller) {
            return Err(format!("a CLIENT half of {caller} does not hang under a SERVER half of {caller}"));
        }
        *seen.entry((caller, server.local_service().unwrap_or("?"))).or_default() += 1;
    }
    let mut graph: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for call in route.calls {
        *graph.entry(*call).or_default() += 1;
    }
    if seen != graph {
        return Err(format!("calls {seen:?}, not {graph:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
