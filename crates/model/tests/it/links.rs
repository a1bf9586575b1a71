//! Dependency links: cases learned from openzipkin/zipkin `zipkin2.internal.DependencyLinkerTest`, and recorded ones.

use model::links::{Link, between, merge};
use model::merge::merge as merge_spans;

use crate::spans::{from_json, spans, testdata, testdata_lines};

/// Links as `parent>child calls[/errors]`, sorted, parted by commas.
fn shown(links: &[Link]) -> String {
    let one = |link: &Link| {
        let errors = if link.error_count > 0 { format!("/{}", link.error_count) } else { String::new() };
        format!("{}>{} {}{errors}", link.parent, link.child, link.call_count)
    };
    links.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(trace: &str, expected: &str) {
    let mut trace = spans(trace);
    assert_eq!(shown(&between(&trace)), expected);
    trace.reverse();
    assert_eq!(shown(&between(&trace)), expected, "in reverse order of arrival");
}

fn links_from_json(list: &serde_json::Value) -> Vec<Link> {
    let text = |link: &serde_json::Value, key: &str| link[key].as_str().unwrap().to_owned();
    let one = |link: &serde_json::Value| Link {
        parent: text(link, "parent"),
        child: text(link, "child"),
        call_count: link["callCount"].as_u64().unwrap(),
        error_count: link["errorCount"].as_u64().unwrap_or(0),
    };
    let mut links: Vec<Link> = list.as_array().unwrap().iter().map(one).collect();
    links.sort();
    links
}

#[test]
fn recorded_from_zipkin() {
    for case in testdata("links/recorded.json").as_array().unwrap() {
        let spans = from_json(&case["spans"]);
        let traces = spans.chunk_by(|a, b| a.trace_id == b.trace_id);
        assert_eq!(merge(traces.flat_map(between)), links_from_json(&case["links"]), "{}", case["name"]);
    }
}

/// Random traces: what Zipkin's classes merged and linked.
#[test]
fn random_traces_as_in_zipkin() {
    let cases = testdata_lines("links/random.jsonl");
    assert!(cases.len() > 100, "{} traces", cases.len());
    for case in cases {
        let spans = from_json(&case["spans"]);
        assert_eq!(merge_spans(&spans), from_json(&case["merged"]), "{}", case["name"]);
        assert_eq!(between(&spans), links_from_json(&case["links"]), "{}", case["name"]);
    }
}

#[test]
fn nothing_gives_nothing() {
    check("", "");
    check("1 web", "");
}

#[test]
fn both_halves_of_a_call_give_one_link() {
    check("1 SERVER web; 2/1 CLIENT web; 2/1 SERVER app +shared", "web>app 1");
    check("1 CLIENT web>app; 2/1 SERVER app", "web>app 1");
    check("1 CLIENT web>wrong; 2/1 SERVER app", "web>app 1");
    check("1 CLIENT web; 2/1 SERVER app>wrong", "web>app 1");
}

#[test]
fn both_services_and_a_database() {
    check(
        "1 SERVER web; 2/1 CLIENT web; 2/1 SERVER app +shared; 3/2 CLIENT app>db #error=true",
        "app>db 1/1, web>app 1",
    );
    check("1 CLIENT web; 2/1 SERVER app; 3/2 CLIENT app>db", "app>db 1, web>app 1");
}

#[test]
fn a_server_half_learns_its_parent_from_its_client_half() {
    let links = "app>db 1, web>app 1";
    check("1 SERVER web; 2/1 CLIENT web; 2 SERVER app +shared; 3/2 CLIENT app>db", links);
    check("1 SERVER web; 2/1 CLIENT web; 2 SERVER app; 3/2 CLIENT app>db", links);
}

#[test]
fn a_server_half_without_its_client_half_hangs_under_the_root() {
    check("1 SERVER web; 2 SERVER app +shared", "web>app 1");
    check("1 SERVER web; 2/1 CLIENT web>app; 3/9 SERVER db +shared", "web>app 1, web>db 1");
    check("2 SERVER web; 1 SERVER app +shared", "web>app 1");
    check("1 SERVER app +shared; 2/9 CLIENT web", "");
    check("1 SERVER app +shared; 2 CLIENT web>db", "web>app 1");
}

#[test]
fn brokers_are_linked_and_without_them_nobody_is() {
    check("1 PRODUCER a>kafka; 2/1 CONSUMER b>kafka", "a>kafka 1, kafka>b 1");
    check("1 PRODUCER a>kafka1; 2/1 CONSUMER b>kafka2", "a>kafka1 1, kafka2>b 1");
    check("1 PRODUCER a>kafka #error=; 2/1 CONSUMER b>kafka", "a>kafka 1/1, kafka>b 1");
    check("1 PRODUCER a; 2/1 CONSUMER b", "");
    check("1 PRODUCER a; 2/1 CONSUMER b>kafka", "kafka>b 1");
    check("1 PRODUCER a>kafka; 2/1 CONSUMER b", "a>kafka 1");
}

#[test]
fn mixed_kinds() {
    check("1 PRODUCER a; 2/1 SERVER b", "a>b 1");
    check("1 PRODUCER a; 1 SERVER b +shared", "a>b 1");
    check("1 CLIENT a; 2/1 CONSUMER b", "");
    check("1 CLIENT a; 1 CONSUMER b +shared", "");
}

#[test]
fn a_single_span_is_directed_by_its_kind() {
    check("1 SERVER app>web", "web>app 1");
    check("1 CONSUMER app>web", "web>app 1");
    check("1 CLIENT web>app", "web>app 1");
    check("1 PRODUCER web>app", "web>app 1");
    check("1 web>app", "web>app 1");
    check("1 web>app #error=", "web>app 1/1");
}

#[test]
fn one_name_is_not_enough() {
    for kind in ["SERVER", "CONSUMER", "CLIENT", "PRODUCER", ""] {
        check(&format!("1 {kind} app"), "");
        check(&format!("1 {kind} >app"), "");
    }
}

#[test]
fn calls_add_up() {
    check("1 SERVER web; 2/1 CLIENT web>app; 3/1 CLIENT web>app", "web>app 2");
    let trace = spans("1 CLIENT web>app #error=no");
    assert_eq!(shown(&merge([between(&trace), between(&trace)].concat())), "web>app 2/2");
}

#[test]
fn an_error_on_both_sides_counts_once() {
    check("1 CLIENT web #error=x; 2/1 SERVER app #error=x", "web>app 1/1");
    check("1 CLIENT web #error=x; 1 SERVER app #error=x +shared", "web>app 1/1");
    check("1 CLIENT web #error=x; 2/1 SERVER app", "web>app 1/1");
    check("1 CLIENT web; 2/1 SERVER app #error=", "web>app 1/1");
    check("1 CLIENT web #error=x; 2/1 app; 3/2 SERVER db", "web>db 1");
    check("1 CLIENT web>app !5=error", "web>app 1");
    check("1 PRODUCER web #error=x; 2/1 SERVER app", "web>app 1");
    check("1 SERVER web #error=x; 2/1 CLIENT web>db", "web>db 1");
}

#[test]
fn one_client_and_two_servers() {
    check("1 CLIENT web; 2/1 SERVER app; 3/1 SERVER app #error=x", "web>app 2/1");
    check("1 CLIENT web; 2/1 SERVER app; 3/1 SERVER db", "web>app 1, web>db 1");
    check("1 CLIENT web; 1 SERVER app@10.0.0.1 +shared; 1 SERVER app@10.0.0.2 +shared", "web>app 2");
}

#[test]
fn clients_without_a_name_count_for_the_server_above() {
    check("1 SERVER web; 2/1 CLIENT >db; 3/1; 4/3 CLIENT >db", "web>db 2");
}

#[test]
fn a_client_that_names_itself_otherwise_adds_the_link_to_it() {
    check("1 SERVER web; 2/1 CLIENT app>db #error=x", "app>db 1/1, web>app 1");
    check("1 SERVER web; 2/1 app; 3/2 CLIENT app>db", "app>db 1, web>app 1");
}

#[test]
fn local_spans_are_looked_through() {
    check("1 SERVER web; 2/1 web; 3/2 web; 4/3 CLIENT web; 5/4 SERVER app", "web>app 1");
    check("1 CLIENT web; 2/1 local; 3/2 SERVER app", "web>app 1");
}

#[test]
fn loops_count() {
    check("1 SERVER web; 2/1 CLIENT web; 3/2 SERVER web", "web>web 1");
    check("1 CLIENT web>web", "web>web 1");
}

#[test]
fn without_a_root() {
    check("2/1 SERVER app; 3/1 SERVER db", "");
    check("2/1 SERVER app; 3/2 CLIENT app>db", "app>db 1");
    check("2/1 SERVER app; 3/2 CLIENT app; 4/3 SERVER db", "app>db 1");
    check("2/1 CLIENT app>db", "app>db 1");
    check("1 SERVER web; 3/2 SERVER app", "web>app 1");
}

#[test]
fn partial_and_repeated_reports_count_once() {
    check("1 CLIENT web t5; 1 CLIENT web>app d3; 1 CLIENT web t5; 1 CLIENT web>app #error=x", "web>app 1/1");
}

#[test]
fn trace_ids_of_both_lengths_are_one_trace() {
    check("1 CLIENT web *1; 1 SERVER app +shared *20000000000000001", "web>app 1");
}

/// A call made from another port than the server listens on, as Zipkin sees it: not below that server.
#[test]
fn ports_count_as_in_zipkin() {
    check(
        "1 CLIENT web; 1 SERVER app@10.0.0.1:80 +shared; 2/1 CLIENT app@10.0.0.1:80>db",
        "app>db 1, web>app 1",
    );
    check(
        "1 CLIENT web; 1 SERVER app@10.0.0.1:80 +shared; 2/1 CLIENT app@10.0.0.1>db",
        "app>db 1, web>app 2",
    );
}

#[test]
fn a_circle_gives_nothing() {
    check("1/2 SERVER a>x; 2/1 SERVER b>y", "");
    check("1/2 SERVER a>x; 2/1 SERVER b>y; 3 CLIENT web>app", "web>app 1");
}

#[test]
fn a_hundred_thousand_deep() {
    let link = |i: u32| format!("{:x}/{i:x} a>b", i + 1);
    let trace: String = (1..100_000).map(link).collect::<Vec<_>>().join(";");
    check(&trace, "a>b 99999");
}
