//! Names of services and spans: learned from openzipkin/zipkin `ITServiceAndSpanNames`.

use model::span::Kind;
use storage::port::Names;

use crate::spans::{Make, bare, span};
use crate::subject::Subject;

const NONE: [&str; 0] = [];

fn spans_of(service: &str) -> Names {
    Names::Spans(service.to_owned())
}

fn remotes_of(service: &str) -> Names {
    Names::RemoteServices(service.to_owned())
}

/// Local services only.
pub async fn of_services(it: Subject) {
    it.write([span(1, 1, "web").remote("db")]).await;
    assert_eq!(it.names(Names::Services).await, ["web"]);
    it.write([bare(2, 1).named("get").remote("cache"), span(3, 1, "app")]).await;
    assert_eq!(it.names(Names::Services).await, ["app", "web"]);
}

/// Those of the service's own spans.
pub async fn of_spans(it: Subject) {
    it.write([span(1, 1, "web").named("get"), span(1, 2, "app").under(1).named("query")]).await;
    it.write([span(2, 1, "web").named("put"), span(3, 1, "web"), bare(4, 1).named("lost")]).await;
    assert_eq!(it.names(spans_of("web")).await, ["get", "put"]);
    assert_eq!(it.names(spans_of("app")).await, ["query"]);
}

/// Those that the service's own spans name.
pub async fn of_remote_services(it: Subject) {
    it.write([span(1, 1, "web").remote("app"), span(1, 2, "app").under(1).remote("db")]).await;
    it.write([span(2, 1, "web").remote("cache"), span(3, 1, "web"), bare(4, 1).remote("lost")]).await;
    assert_eq!(it.names(remotes_of("web")).await, ["app", "cache"]);
    assert_eq!(it.names(remotes_of("app")).await, ["db"]);
}

/// A service that was only called is none.
pub async fn a_remote_service_has_no_names_of_its_own(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Client).named("query").remote("db")]).await;
    assert_eq!(it.names(spans_of("db")).await, NONE);
    assert_eq!(it.names(remotes_of("db")).await, NONE);
}

/// No error, no names.
pub async fn of_a_service_nobody_knows(it: Subject) {
    it.write([span(1, 1, "web").named("get").remote("db")]).await;
    for service in ["", "nobody", "we", "WEB"] {
        assert_eq!(it.names(spans_of(service)).await, NONE, "{service}");
        assert_eq!(it.names(remotes_of(service)).await, NONE, "{service}");
    }
}

/// However often and in whatever order they were written.
pub async fn are_sorted_and_each_once(it: Subject) {
    for round in 1..=3 {
        let spans = ["b", "c", "a"].map(|x| span(round, 1, x).named(&format!("{x}2")).remote("r"));
        it.write(spans.clone()).await;
        it.write(spans.map(|span| span.named("x1").remote("q"))).await;
    }
    assert_eq!(it.names(Names::Services).await, ["a", "b", "c"]);
    assert_eq!(it.names(spans_of("b")).await, ["b2", "x1"]);
    assert_eq!(it.names(remotes_of("b")).await, ["q", "r"]);
}

/// Nothing but a service name is needed.
pub async fn come_from_spans_without_timestamps_too(it: Subject) {
    it.write([bare(1, 1).service("web"), bare(2, 1).service("app").named("get").remote("db")]).await;
    assert_eq!(it.names(Names::Services).await, ["app", "web"]);
    assert_eq!(it.names(spans_of("app")).await, ["get"]);
    assert_eq!(it.names(remotes_of("app")).await, ["db"]);
}

/// There is no hidden cap.
pub async fn all_of_many(it: Subject) {
    let names = |prefix: &str| (0..1000).map(|i| format!("{prefix}{i:04}")).collect::<Vec<_>>();
    let (services, operations, remotes) = (names("s"), names("o"), names("r"));
    for chunk in [0..400, 400..999, 999..1000] {
        let services = chunk.clone().map(|i| span(1 + i as u128, 1, &services[i]));
        let spans =
            chunk.clone().map(|i| span(9, 1 + i as u64, "web").named(&operations[i]).remote(&remotes[i]));
        it.write(services.chain(spans)).await;
    }
    assert_eq!(it.names(spans_of("web")).await, operations);
    assert_eq!(it.names(remotes_of("web")).await, remotes);
    let found = it.names(Names::Services).await;
    assert_eq!((found.len(), &found[..1000]), (1001, &services[..]));
}
