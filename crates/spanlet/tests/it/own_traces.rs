//! The server traces its own answers when it is told to.

use crate::process::{Server, curl, free_ports, spanlet, start, wait_until};

fn own_traces(server: &Server) -> Vec<serde_json::Value> {
    let url = server.url("/api/v2/traces?serviceName=spanlet-server&limit=100");
    // This question itself is not traced.
    let body = curl(&["-H", "X-B3-Sampled: 0", &url]).body;
    let traces: Vec<Vec<serde_json::Value>> = serde_json::from_str(&body).unwrap();
    traces.into_iter().flatten().collect()
}

#[test]
fn answers_become_spans() {
    let mut command = spanlet();
    command.args(free_ports()).envs([
        ("SELF_TRACING_ENABLED", "true"),
        ("SELF_TRACING_TRACES_PER_SECOND", "0"),
        ("SELF_TRACING_FLUSH_INTERVAL", "20ms"),
    ]);
    let server = Server::spawn(command);
    curl(&[&server.url("/zipkin/api/v2/services")]);
    curl(&[&server.url("/health")]);
    curl(&["--data", "[]", &server.url("/api/v2/spans")]);
    let caller = ["-H", "b3: 00000000000000aa-00000000000000bb-1", "-H", "X-B3-TraceId: 00000000000000aa"];
    let span = ["-H", "X-B3-SpanId: 00000000000000bb", "-H", "X-B3-Sampled: 1"];
    curl(&[&caller[..], &span, &[server.url("/api/v2/trace/abc").as_str()]].concat());
    wait_until("own spans", || own_traces(&server).len() >= 2);
    let spans = own_traces(&server);
    assert_eq!(spans.len(), 2, "{spans:#?}");
    let joined = spans.iter().find(|span| span["traceId"] == "00000000000000aa").unwrap();
    assert_eq!((&joined["id"], &joined["shared"]), (&"00000000000000bb".into(), &true.into()));
    assert_eq!(joined["tags"]["http.status_code"], "404");
    let root = spans.iter().find(|span| span["traceId"] != "00000000000000aa").unwrap();
    assert_eq!(root["name"], "get /zipkin/api/v2/services");
    assert_eq!(
        (&root["kind"], &root["localEndpoint"]["serviceName"]),
        (&"SERVER".into(), &"spanlet-server".into())
    );
    assert!(root["timestamp"].as_u64() > Some(0) && root["duration"].as_u64() > Some(0));
}

#[test]
fn no_more_traces_begin_than_were_asked_for() {
    let mut command = spanlet();
    command
        .args(free_ports())
        .envs([("SELF_TRACING_ENABLED", "true"), ("SELF_TRACING_FLUSH_INTERVAL", "20ms")]);
    let server = Server::spawn(command);
    let url = server.url("/api/v2/services");
    let asked = 40;
    let urls = vec![url.as_str(); asked];
    curl(&urls);
    wait_until("own spans", || !own_traces(&server).is_empty());
    assert!(own_traces(&server).len() < asked / 2);
}

#[test]
fn nothing_is_traced_without_being_asked_for() {
    let server = start(&[]);
    curl(&["-H", "X-B3-Sampled: 1", &server.url("/api/v2/services")]);
    assert!(own_traces(&server).is_empty());
}
