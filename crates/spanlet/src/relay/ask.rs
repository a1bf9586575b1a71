//! Asks a running relay over its HTTP port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use relay::status::{RESEND_PATH, STATUS_PATH};
use serde_json::Value;
use ureq::Agent;

/// Answers longer than this are none of a relay's.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Returns where a relay listens for HTTP unless told otherwise.
pub fn usual_address() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9998)
}

/// Shows how far the destinations are behind.
pub fn status(address: SocketAddr) -> Result<()> {
    let response = agent().get(format!("http://{address}{STATUS_PATH}")).call();
    print!("{}", table(&read(address, response)?));
    Ok(())
}

/// Has dead letters sent again.
pub fn resend(address: SocketAddr) -> Result<()> {
    let response = agent().post(format!("http://{address}{RESEND_PATH}")).send_empty();
    let spans = number(&read(address, response)?, "spans");
    println!("{spans} dead letters are on their way again");
    Ok(())
}

fn agent() -> Agent {
    let config =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
    Agent::new_with_config(config.build())
}

fn read(
    address: SocketAddr,
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Value> {
    let mut response = response
        .with_context(|| format!("no relay answers at {address}; name its --http-listen with --http"))?;
    let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
    if !response.status().is_success() {
        bail!("the relay at {address} says {}: {}", response.status(), text.trim());
    }
    serde_json::from_str(&text).with_context(|| format!("{address} is no relay"))
}

fn table(status: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<14}{value}\n"));
    let (bytes, bytes_max) = (number(status, "bufferBytes"), number(status, "bufferBytesMax"));
    line("buffer", format!("{} of {}", mebibytes(bytes), mebibytes(bytes_max)));
    line("dead letters", format!("{} spans", number(status, "deadLetterSpans")));
    if let Some(error) = status.get("error").and_then(Value::as_str) {
        line("turned away", error.to_owned());
    }
    for route in status.get("destinations").and_then(Value::as_array).into_iter().flatten() {
        line("to", route.get("to").and_then(Value::as_str).unwrap_or("").to_owned());
        let behind = format!(
            "{} spans, {}, oldest {:.1} s",
            number(route, "backlogSpans"),
            mebibytes(number(route, "backlogBytes")),
            number(route, "oldestAgeMs") as f64 / 1000.0
        );
        line("  behind", behind);
        let sent = ["deliveredSpans", "deadLetterSpans", "droppedSpans", "damagedSpans"];
        let [delivered, dead, dropped, damaged] = sent.map(|name| number(route, name));
        line(
            "  spans",
            format!("{delivered} delivered, {dead} dead letters, {dropped} dropped, {damaged} damaged"),
        );
        line("  calls", format!("{}, {} to be made again", number(route, "calls"), number(route, "retries")));
        if let Some(failing) = route.get("failing").and_then(Value::as_str) {
            line("  failing", failing.to_owned());
        }
    }
    text
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
