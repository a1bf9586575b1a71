//! Values of attributes as text: plain ones as they are, lists and maps as JSON.
//!
//! Rules: OpenTelemetry specification, "AnyValue representation for non-OTLP protocols".

use std::borrow::Cow;
use std::fmt::Write;

use crate::json_v2::push_text;

/// A value that holds no other.
pub(super) enum Scalar<'a> {
    Empty,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Scalar<'a> {
    /// Returns the value of a tag.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => text,
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Int(number) => Cow::Owned(number.to_string()),
            Self::Double(number) => double(number),
            Self::Bytes(bytes) => Cow::Owned(base64(&bytes)),
        }
    }

    /// Appends it as JSON. What JSON has no number for is text there.
    pub(super) fn push_json(self, out: &mut String) {
        match self {
            Self::Empty => out.push_str("null"),
            Self::Text(text) => push_text(out, &text),
            Self::Bytes(bytes) => push_text(out, &base64(&bytes)),
            Self::Double(number) if !number.is_finite() => push_text(out, &double(number)),
            plain => out.push_str(&plain.into_text()),
        }
    }
}

/// Returns the shortest JSON number that means the same.
fn double(number: f64) -> Cow<'static, str> {
    match number {
        _ if number.is_nan() => Cow::Borrowed("NaN"),
        f64::INFINITY => Cow::Borrowed("Infinity"),
        f64::NEG_INFINITY => Cow::Borrowed("-Infinity"),
        _ => Cow::Owned(format!("{number:?}")),
    }
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// Members of a JSON object that is being written.
#[derive(Default)]
pub(super) struct Members(String);

impl Members {
    /// Appends a key; its value has to follow.
    pub(super) fn key(&mut self, key: &str) -> &mut String {
        push_key(&mut self.0, key);
        &mut self.0
    }

    /// Appends how many attributes the sender left out, if any.
    pub(super) fn dropped(&mut self, count: u64) {
        if count > 0 {
            let _ = write!(self.key("otel.dropped_attributes_count"), "{count}");
        }
    }

    /// Says whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the members with the commas between them.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends a member's key, after a comma unless it is the first.
pub(super) fn push_key(out: &mut String, key: &str) {
    if !out.is_empty() && !out.ends_with('{') {
        out.push(',');
    }
    push_text(out, key);
    out.push(':');
}
