//! OpenTelemetry's senders: every form at every port is acknowledged after it is safe, and read back.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;

use e2e::server::{Server, agent, command};
use serde_json::{Value, json};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A request in protocol buffers with one span of a service.
fn protobuf(trace_id: u128) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let name = field(2, &field(1, b"otel-shop"));
    let resource = field(1, &field(1, &[field(1, b"service.name"), name].concat()));
    let ids = [field(1, &trace_id.to_be_bytes()), field(2, &7u64.to_be_bytes())].concat();
    field(1, &[resource, field(2, &field(2, &[ids, field(5, b"pay")].concat()))].concat())
}

/// The same in JSON.
fn json(trace_id: u128) -> Vec<u8> {
    let attributes = json!([{"key": "service.name", "value": {"stringValue": "otel-shop"}}]);
    let span = json!({"traceId": format!("{trace_id:032x}"), "spanId": format!("{:016x}", 7), "name": "pay"});
    let resource_spans = json!([{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}]);
    json!({ "resourceSpans": resource_spans }).to_string().into_bytes()
}

/// Calls a method of gRPC with one message and returns the status and the body that came back.
fn call(address: SocketAddr, path: &str, message: &[u8]) -> (String, Vec<u8>) {
    let body = e2e::grpc::message(0, message.len() as u32, message);
    e2e::grpc::call(address, path, &[], body).unwrap()
}

fn post(address: SocketAddr, content_type: &str, body: &[u8]) -> (u16, String) {
    let request = agent().post(format!("http://{address}/v1/traces")).content_type(content_type);
    let mut response = request.send(body).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// Reads a trace of one span back and checks it.
fn check_stored(server: &Server, trace_id: u128) {
    let (status, body) = server.get(&format!("/api/v2/trace/{trace_id:032x}")).unwrap();
    assert_eq!(status, 200, "{body}");
    let trace: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(trace[0]["name"], "pay");
    assert_eq!(trace[0]["localEndpoint"], json!({"serviceName": "otel-shop"}));
}

#[test]
fn every_form_at_every_port() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = Server::start(data_dir.path(), &[]).unwrap();
    let [Some(grpc_port), Some(http_port)] = server.otlp else { panic!("{:?}", server.otlp) };
    let mut trace_id = 1u128 << 64;
    for address in [server.http, grpc_port, http_port] {
        assert_eq!(post(address, "application/x-protobuf", &protobuf(trace_id + 1)), (200, String::new()));
        assert_eq!(post(address, "application/json", &json(trace_id + 2)), (200, "{}".into()));
        assert_eq!(call(address, EXPORT, &protobuf(trace_id + 3)), ("0".into(), vec![0; 5]));
        (1..=3).for_each(|number| check_stored(&server, trace_id + number));
        trace_id += 10;
    }
    // Nothing else is at the ports of OTLP.
    for address in [grpc_port, http_port] {
        let status = agent().get(format!("http://{address}/api/v2/services")).call().unwrap().status();
        assert_eq!(status, 404);
    }
    let zipkin = b"\n\x06\n\x01\x01\x1a\x01\x02";
    assert_eq!(call(server.http, "/zipkin.proto3.SpanService/Report", zipkin).0, "0");
    assert_eq!(call(server.http, EXPORT, b"\n\xff").0, "3");
    let spans = |transport: &str| {
        server.metric(&format!("zipkin_collector_spans_total{{transport=\"{transport}\"}}")).unwrap()
    };
    assert_eq!(["otlp_http", "otlp_grpc", "grpc"].map(spans), [6.0, 3.0, 1.0]);
    let refused = r#"spanlet_collector_messages_refused_total{transport="otlp_grpc",reason="malformed"}"#;
    assert_eq!(server.metric(refused).unwrap(), 1.0);
    assert_eq!(server.metric("spanlet_collector_in_flight_bytes").unwrap(), 0.0);
}

#[test]
fn acknowledged_spans_survive_kill_9() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = Server::start(data_dir.path(), &[]).unwrap();
    let [Some(grpc_port), Some(http_port)] = server.otlp else { panic!("{:?}", server.otlp) };
    assert_eq!(call(grpc_port, EXPORT, &protobuf(1 << 64)).0, "0");
    assert_eq!(post(http_port, "application/json", &json(2 << 64)).0, 200);
    server.kill().unwrap();
    let server = Server::start(data_dir.path(), &[]).unwrap();
    [1 << 64, 2 << 64].into_iter().for_each(|trace_id| check_stored(&server, trace_id));
}

#[test]
fn a_chosen_port_that_is_taken() {
    let data_dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = std::process::Command::new(e2e::process::binary());
    command.args(["server", "--http-listen", "127.0.0.1:0", "--scribe-listen", "127.0.0.1:0"]);
    command.args(["--otlp-grpc-listen", &address, "--otlp-http-listen", "127.0.0.1:0", "--data-dir"]);
    let output = command.arg(data_dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&address) && text.contains("--otlp-grpc-listen"), "{text}");
}

#[test]
fn a_usual_port_that_is_taken_is_a_warning() {
    // Whoever has it: this test, or another program.
    let _taken = TcpListener::bind("127.0.0.1:4317");
    let data_dir = tempfile::tempdir().unwrap();
    let command = command(data_dir.path(), &[]);
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_owned()).collect();
    let mut usual = std::process::Command::new(command.get_program());
    let at = arguments.iter().position(|argument| argument == "--otlp-grpc-listen").unwrap();
    usual.args(&arguments[..at]).args(&arguments[at + 2..]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = usual.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().starts_with("data in ")), "it started all the same");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    assert!(text.contains("not listening on 127.0.0.1:4317"), "{text}");
}
