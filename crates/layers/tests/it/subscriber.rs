//! Spans of `tracing` as Zipkin's.

use http::{Request, Response};
use model::span::Kind;
use spanlet_layers::{ServerLayer, SpanLayer, current};
use tower::{Layer, ServiceExt, service_fn};
use tracing::{Level, error, info, info_span, span};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use crate::sink::{Sink, named};

#[test]
fn spans_fields_and_events() {
    let sink = Sink::new();
    tracing::subscriber::with_default(registry().with(SpanLayer::new(&sink.service("shop"))), || {
        let outer = info_span!("outer", shelf = 3, name = "x", later = tracing::field::Empty);
        outer.in_scope(|| {
            info!(count = 2, "found {}", "it");
            let inner = span!(Level::DEBUG, "inner", otel.name = "renamed", otel.kind = "client");
            inner.in_scope(|| error!(code = 7, "broken"));
            assert!(current().is_some());
        });
        outer.record("later", 5);
        info!("outside of any span");
    });
    assert!(current().is_none());
    let spans = sink.spans();
    let (outer, inner) = (named(&spans, "outer"), named(&spans, "renamed"));
    assert_eq!(
        (inner.parent_id, inner.trace_id, inner.kind),
        (Some(outer.id), outer.trace_id, Some(Kind::Client))
    );
    assert_eq!(
        (outer.tag("shelf"), outer.tag("name"), outer.tag("later")),
        (Some("3"), Some("x"), Some("5"))
    );
    assert_eq!(outer.annotations[0].value, "found it count=2");
    assert_eq!(
        (inner.tag("error"), inner.annotations[0].value.as_str()),
        (Some("broken code=7"), "broken code=7")
    );
    assert_eq!((outer.parent_id, outer.tag("error"), spans.len()), (None, None, 2));
}

#[tokio::test]
async fn spans_belong_to_the_request_they_are_made_in() {
    let sink = Sink::new();
    let _subscriber =
        tracing::subscriber::set_default(registry().with(SpanLayer::new(&sink.service("shop"))));
    let server = ServerLayer::new(&sink.service("shop")).layer(service_fn(async |_: Request<String>| {
        info_span!("work").in_scope(|| info!("within"));
        info_span!(parent: None, "apart").in_scope(|| ());
        info!("beside");
        Ok::<_, String>(Response::new(String::new()))
    }));
    server.oneshot(Request::new(String::new())).await.unwrap();
    let spans = sink.spans();
    let (request, work, apart) = (named(&spans, "get"), named(&spans, "work"), named(&spans, "apart"));
    assert_eq!((work.parent_id, work.trace_id), (Some(request.id), request.trace_id));
    assert_eq!((apart.parent_id, apart.trace_id == request.trace_id), (None, false));
    assert_eq!(request.annotations[0].value, "beside");
}

#[test]
fn spans_left_in_another_order_than_they_were_entered() {
    let sink = Sink::new();
    tracing::subscriber::with_default(registry().with(SpanLayer::new(&sink.service("shop"))), || {
        let (first, second) = (info_span!("first"), info_span!("second"));
        let entered = (first.entered(), second.entered());
        drop(entered.0);
        info!("in the second");
        drop(entered.1);
        assert!(current().is_none());
    });
    assert_eq!(named(&sink.spans(), "second").annotations[0].value, "in the second");
}

#[test]
fn unsampled_spans_are_places_only() {
    let sink = Sink::at_rate(0.0);
    tracing::subscriber::with_default(registry().with(SpanLayer::new(&sink.service("shop"))), || {
        info_span!("outer", a = 1).in_scope(|| {
            error!("broken");
            assert!(!current().unwrap().context().sampled);
        });
    });
    assert_eq!(sink.finished(), 0);
}
