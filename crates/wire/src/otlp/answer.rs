//! Writes what the sender of a request is told: `ExportTraceServiceResponse`, and `google.rpc.Status` for errors.

use std::fmt::Write;

use super::Rejected;
use crate::json_v2::push_text;
use crate::protobuf::{push_bytes, push_varint};

/// Returns the response to a request that was taken, all of it but these.
pub fn response_protobuf(rejected: &Rejected) -> Vec<u8> {
    let mut response = Vec::new();
    if rejected.spans > 0 {
        let mut partial_success = Vec::new();
        push_varint(&mut partial_success, 1, rejected.spans as u64);
        push_bytes(&mut partial_success, 2, rejected.why.as_bytes());
        push_bytes(&mut response, 1, &partial_success);
    }
    response
}

/// Returns the same in JSON.
pub fn response_json(rejected: &Rejected) -> String {
    let mut response = String::from("{");
    if rejected.spans > 0 {
        let _ = write!(
            response,
            "\"partialSuccess\":{{\"rejectedSpans\":\"{}\",\"errorMessage\":",
            rejected.spans
        );
        push_text(&mut response, rejected.why);
        response.push('}');
    }
    response.push('}');
    response
}

/// Returns a status that says what is wrong. `code` is gRPC's.
pub fn status_json(code: u32, message: &str) -> String {
    let mut status = format!("{{\"code\":{code},\"message\":");
    push_text(&mut status, message);
    status.push('}');
    status
}

/// Returns a status in protocol buffers. With a number of seconds it tells the sender when to try again.
pub fn status_protobuf(code: u32, message: &str, retry_after_s: Option<u64>) -> Vec<u8> {
    let mut status = Vec::new();
    push_varint(&mut status, 1, u64::from(code));
    push_bytes(&mut status, 2, message.as_bytes());
    if let Some(seconds) = retry_after_s {
        let (mut delay, mut retry_info, mut any) = (Vec::new(), Vec::new(), Vec::new());
        push_varint(&mut delay, 1, seconds);
        push_bytes(&mut retry_info, 1, &delay);
        push_bytes(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
        push_bytes(&mut any, 2, &retry_info);
        push_bytes(&mut status, 3, &any);
    }
    status
}
