//! Spans like those of a small web shop, in the formats that clients send.

use std::fmt::Write;

use model::batch::Batch;
use wire::{json_v2, thrift_write};

/// Spans of a trace.
pub const TRACE_SPANS: usize = 10;

const SERVICES: [&str; 5] = ["front", "cart", "stock", "payment", "swift-proxy-server"];

/// Returns so many traces as a JSON v2 list, with ids of their own.
pub fn json(traces: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = "[".to_owned();
    for trace in 0..traces {
        let (trace_id, root) = (random.u128(1..), random.u64(1..));
        for span in 0..TRACE_SPANS {
            let (id, parent) = if span == 0 {
                (root, String::new())
            } else {
                (random.u64(1..), format!(r#""parentId":"{root:016x}","#))
            };
            let (service, remote) = (SERVICES[random.usize(..5)], SERVICES[random.usize(..5)]);
            let start_us = 1_700_000_000_000_000 + (trace * 1_000 + span) as u64;
            let _infallible = write!(
                text,
                r#"{}{{"traceId":"{trace_id:032x}",{parent}"id":"{id:016x}","kind":"{}","name":"get /items/{{id}}","timestamp":{start_us},"duration":{},"localEndpoint":{{"serviceName":"{service}","ipv4":"10.0.0.{}"}},"remoteEndpoint":{{"serviceName":"{remote}","ipv4":"10.0.1.1","port":8080}},"annotations":[{{"timestamp":{},"value":"cache miss"}}],"tags":{{"http.method":"GET","http.path":"/items/{}","http.status_code":"200"}}}}"#,
                if text.len() > 1 { "," } else { "" },
                if span % 2 == 0 { "SERVER" } else { "CLIENT" },
                random.u32(100..500_000),
                random.u8(1..),
                start_us + 17,
                random.u32(..100_000),
            );
        }
    }
    text.push(']');
    text
}

/// Returns the spans of a JSON v2 list.
pub fn batch(json: &str) -> Batch {
    let mut batch = Batch::new();
    json_v2::decode_list(json.as_bytes(), &mut batch).expect("sound JSON");
    batch
}

/// Returns the same spans as a list of thrift structs, as the tracer sends them.
pub fn thrift(batch: &Batch) -> Vec<u8> {
    let mut bytes = vec![12];
    bytes.extend_from_slice(&(batch.len() as u32).to_be_bytes());
    batch.rows().for_each(|row| thrift_write::write_span(&mut bytes, &row.to_span()));
    bytes
}
