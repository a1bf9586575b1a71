//! `GET /api/spanlet/v1/trace/{traceId}/columns`: a trace as typed columns. Every byte: `docs/formats/columns.md`.

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::columns::{Clocks, Columns, Operation, kind_text};
use model::own_time::{Share, Stretch};
use model::skew::Skew;
use model::span::Span;
use serde_json::{Map, Value, json};

use super::packed::Packed;
use super::problem::Problem;
use super::{ask, offload};
use crate::Api;
use crate::params::Params;

/// What the answer is; other versions will have other names.
const MEDIA_TYPE: &str = "application/vnd.spanlet.columns.v1";

/// Answers the columns of a trace. `clocks=raw` leaves clocks as they were.
pub async fn columns(
    State(api): State<Api>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    ask::only(&params, &["clocks"])?;
    let clocks = match params.get("clocks") {
        None | Some("mended") => Clocks::Mended,
        Some("raw") => Clocks::Raw,
        Some(other) => return Err(Problem::parameter("clocks", format!("clocks is \"{other}\""))),
    };
    let trace = ask::trace(&api, &id).await?;
    let body = offload(move || pack(&Columns::of(&trace, clocks))).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body).into_response())
}

fn pack(trace: &Columns) -> Vec<u8> {
    let nodes = &trace.tree.nodes;
    let extent = trace.extent();
    let mut packed = Packed::default();
    packed.numbers("parent", nodes.iter().map(|node| node.parent.map_or(0, |row| row as u64)).collect());
    let bounds = || trace.times.bounds.iter().copied();
    let since = |us: i64| us.abs_diff(extent.from_us);
    packed.numbers_or_none("start", bounds().map(|it| it.map(|it| since(it.from_us))).collect());
    packed.numbers_or_none("duration", bounds().map(|it| it.map(Stretch::length_us)).collect());
    packed.numbers("flags", (0..nodes.len()).map(|row| flags(trace, row)).collect());
    let own = || trace.times.own.iter().map(|own| own.as_ref().map_or(&[][..], |own| &own.stretches));
    packed.numbers("stretchCount", own().map(|it| it.len() as u64).collect());
    let ends = |it: &Stretch| [since(it.from_us), since(it.to_us)];
    packed.numbers("stretches", own().flatten().flat_map(ends).collect());
    packed.texts("service", trace.texts(|span| span.local_service().unwrap_or_default()));
    packed.texts("remote", trace.texts(|span| span.remote_service().unwrap_or_default()));
    packed.texts("spanName", trace.texts(|span| span.name.as_deref().unwrap_or_default()));
    packed.texts("kind", trace.texts(|span| kind_text(span.kind)));
    let mut names = trace.texts(|span| Operation::of(span).name);
    names
        .of
        .iter_mut()
        .filter(|name| Operation::is_method(name))
        .for_each(|name| *name = name.to_uppercase());
    packed.texts("name", names);
    packed.texts("path", trace.texts(|span| Operation::of(span).path));
    let id = |span: &Option<Span>| span.as_ref().map_or(0, |span| span.id.get()).to_be_bytes();
    packed.bytes("id", nodes.iter().flat_map(|node| id(&node.span)).collect());
    packed.finish(head(trace))
}

/// 1: has a tag named `error`; 2: was waited for; 4: its own time is network.
fn flags(trace: &Columns, row: usize) -> u64 {
    let own = trace.times.own.get(row).and_then(Option::as_ref);
    let failed = trace.failed.get(row).is_some_and(|failed| *failed);
    u64::from(failed) | u64::from(own.is_some()) << 1 | u64::from(own.is_some_and(|own| own.network)) << 2
}

fn head(trace: &Columns) -> Map<String, Value> {
    let extent = trace.extent();
    let head = json!({
        "traceId": trace.head().map(|span| span.trace_id.to_string()),
        "spans": trace.span_count(),
        "rootless": trace.is_rootless(),
        "orphans": trace.tree.orphans,
        "unreached": trace.tree.unreached,
        "baseUs": extent.from_us,
        "extentUs": extent.length_us(),
        "durationUs": trace.own.duration_us,
        "services": trace.services,
        "own": shares(&trace.own.services),
        "skews": trace.skews.iter().map(skew).collect::<Vec<_>>(),
    });
    if let Value::Object(head) = head { head } else { Map::new() }
}

/// Returns own times as the page reads them.
pub fn shares(shares: &[Share]) -> Vec<Value> {
    let one = |it: &Share| json!({"service": it.service, "ownUs": it.own_us, "networkUs": it.network_us});
    shares.iter().map(one).collect()
}

fn skew(skew: &Skew) -> Value {
    json!({"ip": skew.address.to_string(), "service": skew.service, "skewUs": skew.skew_us})
}
