//! Values of tags to complete: learned from openzipkin/zipkin `ITAutocompleteTags`.

use storage::port::Names;

use crate::spans::{Make, bare, span};
use crate::subject::Subject;

fn values_of(key: &str) -> Names {
    Names::Values(key.to_owned())
}

/// Only tags that the store was told of.
pub async fn of_configured_keys_only(it: Subject) {
    it.write([span(1, 1, "web").tag_with("environment", "dev").tag_with("http.method", "GET")]).await;
    assert_eq!(it.names(values_of("environment")).await, ["dev"]);
    assert_eq!(it.names(values_of("region")).await, [""; 0]);
    for key in ["http.method", "", "Environment", "environ", "web"] {
        assert_eq!(it.names(values_of(key)).await, [""; 0], "{key}");
    }
}

/// However often and in whatever order they were written.
pub async fn are_sorted_and_each_once(it: Subject) {
    for round in 1..=3 {
        for value in ["b", "c", "a", "", "ü"] {
            it.write([span(round, 1, "web").tag_with("environment", value).tag_with("region", "eu")]).await;
        }
    }
    assert_eq!(it.names(values_of("environment")).await, ["", "a", "b", "c", "ü"]);
    assert_eq!(it.names(values_of("region")).await, ["eu"]);
}

/// No service, no name and no time is needed.
pub async fn come_from_any_span(it: Subject) {
    it.write([bare(1, 1).tag_with("environment", "dev"), bare(1, 2).tag_with("environment", "prod")]).await;
    assert_eq!(it.names(values_of("environment")).await, ["dev", "prod"]);
}

/// There is no hidden cap.
pub async fn all_of_many(it: Subject) {
    let values: Vec<String> = (0..2000).map(|i| format!("v{i:04}")).collect();
    for chunk in values.chunks(500) {
        it.write(chunk.iter().map(|value| span(1, 1, "web").tag_with("environment", value))).await;
    }
    assert_eq!(it.names(values_of("environment")).await, values);
}
