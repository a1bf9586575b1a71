//! Traces that are not whole, each in one way.

use model::endpoint::Endpoint;
use model::id::TraceId;

use super::*;
use crate::shop::ROUTES;

const CHECKOUT: usize = 2;

fn span(id: u64, parent: Option<u64>, kind: Kind, service: &str) -> Span {
    let mut span = Span::new(TraceId::from_halves(0, 1).expect("id"), SpanId::new(id).expect("id"));
    span.parent_id = parent.and_then(SpanId::new);
    span.kind = Some(kind);
    span.local_endpoint = Some(Endpoint { service_name: Some(service.to_owned()), ..Endpoint::default() });
    span
}

/// The trace of one checkout: span 1 is the root, each call's halves share an id.
fn checkout() -> Vec<Span> {
    let mut spans = vec![span(1, None, Kind::Server, FRONT)];
    for (id, parent, caller, callee) in [
        (2, 1, FRONT, "cart"),
        (3, 2, "cart", "prices"),
        (4, 1, FRONT, "payment"),
        (5, 4, "payment", "stock"),
    ] {
        spans.push(span(id, Some(parent), Kind::Client, caller));
        spans.push(span(id, Some(parent), Kind::Server, callee));
    }
    spans
}

fn fails(break_it: impl FnOnce(&mut Vec<Span>)) -> String {
    let mut spans = checkout();
    break_it(&mut spans);
    check(&ROUTES[CHECKOUT], &spans).expect_err("is not whole")
}

#[test]
fn a_whole_trace_passes() {
    assert_eq!(check(&ROUTES[CHECKOUT], &checkout()), Ok(()));
}

#[test]
fn a_lost_or_extra_half_is_named() {
    assert!(fails(|spans| drop(spans.pop())).starts_with("4 SERVER and 4 CLIENT"));
    assert!(
        fails(|spans| spans.push(span(9, Some(1), Kind::Client, FRONT))).starts_with("5 SERVER and 5 CLIENT")
    );
}

#[test]
fn halves_under_different_ids_are_named() {
    let what = fails(|spans| spans[8].id = SpanId::new(77).expect("id"));
    assert!(what.contains("no SERVER half under its id"), "{what}");
}

#[test]
fn a_second_root_and_a_wrong_root_are_named() {
    assert_eq!(fails(|spans| spans[1].parent_id = None), "2 roots, not one");
    assert!(fails(|spans| spans[0] = span(1, None, Kind::Server, "cart")).starts_with("the root is not"));
}

#[test]
fn a_call_from_the_wrong_service_is_named() {
    assert!(
        fails(|spans| spans[7] = span(5, Some(2), Kind::Client, "payment")).contains("does not hang under")
    );
    assert!(fails(|spans| spans[8] = span(5, Some(4), Kind::Server, "catalog")).starts_with("calls "));
}
