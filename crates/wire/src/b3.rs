//! B3 in its multi-header form (see [`crate::b3_single`] for the other): reads a caller's trace context from headers and writes ours for the callee.
//!
//! Rules: <https://github.com/openzipkin/b3-propagation>; where it is silent, what openzipkin/brave
//! `B3Propagation` does. Header names are asked for in one spelling; matching case is the caller's business.

use std::fmt;

use model::id::{IdError, SpanId, TraceId, lower_hex};

/// Names the trace: 32 hexadecimal digits, or 16 for a 64-bit id.
pub const TRACE_ID: &str = "X-B3-TraceId";
/// Names the caller's span, which the server joins: 16 hexadecimal digits.
pub const SPAN_ID: &str = "X-B3-SpanId";
/// Names the parent of the caller's span; absent at the root.
pub const PARENT_SPAN_ID: &str = "X-B3-ParentSpanId";
/// The sampling decision: `1` or `0`.
pub const SAMPLED: &str = "X-B3-Sampled";
/// `1` asks for a debug trace, which every sampler keeps.
pub const FLAGS: &str = "X-B3-Flags";

/// The ids of one call and what was decided about recording it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that client and server share.
    pub span_id: SpanId,
    /// The parent of that span.
    pub parent_id: Option<SpanId>,
    /// Nothing when the caller left the decision to us. Always true with `debug`.
    pub sampled: Option<bool>,
    /// The trace must be kept, whatever any sampler says.
    pub debug: bool,
}

/// What the headers of a request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extracted {
    /// Nothing.
    Absent,
    /// Something that is no trace context. Must be ignored: bad headers never harm a request.
    Invalid,
    /// No ids, but a decision for the trace that starts here.
    Decision {
        /// Whether to record. Always true with `debug`.
        sampled: bool,
        /// Whether the trace must be kept whatever any sampler says.
        debug: bool,
    },
    /// A call to join.
    Context(Context),
}

/// Reads the context from headers; `get` returns the value of a header.
pub fn extract<V: AsRef<str>>(get: impl Fn(&'static str) -> Option<V>) -> Extracted {
    // Proxies forward an unset header as an empty one.
    let header = |name| get(name).filter(|value| !value.as_ref().is_empty());
    let Ok((sampled, debug)) = decision(header(SAMPLED), header(FLAGS)) else { return Extracted::Invalid };
    let Some(trace_id) = header(TRACE_ID) else {
        // A span id without its trace says nothing.
        return match sampled {
            Some(sampled) => Extracted::Decision { sampled, debug },
            None => Extracted::Absent,
        };
    };
    let trace_id = hex(trace_id.as_ref(), 32).ok().and_then(TraceId::new);
    let span_id =
        header(SPAN_ID).and_then(|id| hex(id.as_ref(), 16).ok()).and_then(|id| SpanId::new(id as u64));
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else { return Extracted::Invalid };
    let parent_id = match header(PARENT_SPAN_ID).map(|id| hex(id.as_ref(), 16)) {
        Some(Err(_)) => return Extracted::Invalid,
        // Old tracers mark the root by a parent of zero or equal to the span.
        Some(Ok(id)) => SpanId::new(id as u64).filter(|parent| *parent != span_id),
        None => None,
    };
    Extracted::Context(Context { trace_id, span_id, parent_id, sampled, debug })
}

/// Returns the headers that pass this context on.
pub fn inject(context: &Context) -> Headers {
    let mut headers =
        Headers { trace_id: Value::default(), span_id: Value::default(), parent_id: None, decision: None };
    headers.trace_id = match context.trace_id.high() {
        0 => Value::hex(u128::from(context.trace_id.low()), 16),
        _ => Value::hex(context.trace_id.get(), 32),
    };
    headers.span_id = Value::hex(u128::from(context.span_id.get()), 16);
    headers.parent_id = context.parent_id.map(|id| Value::hex(u128::from(id.get()), 16));
    headers.decision = match (context.debug, context.sampled) {
        // Debug implies the decision: B3 asks not to send both.
        (true, _) => Some((FLAGS, Value::digit(b'1'))),
        (false, Some(true)) => Some((SAMPLED, Value::digit(b'1'))),
        (false, Some(false)) => Some((SAMPLED, Value::digit(b'0'))),
        (false, None) => None,
    };
    headers
}

/// The headers of one call, without memory of their own on the heap.
#[derive(Clone, Copy, Debug)]
pub struct Headers {
    trace_id: Value,
    span_id: Value,
    parent_id: Option<Value>,
    decision: Option<(&'static str, Value)>,
}

impl Headers {
    /// Returns names and values in the order of the constants above.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            Some((TRACE_ID, &self.trace_id)),
            Some((SPAN_ID, &self.span_id)),
            self.parent_id.as_ref().map(|value| (PARENT_SPAN_ID, value)),
            self.decision.as_ref().map(|(name, value)| (*name, value)),
        ]
        .into_iter()
        .flatten()
        .map(|(name, value)| (name, value.as_str()))
    }
}

/// Up to 32 ASCII characters.
#[derive(Clone, Copy, Default)]
struct Value {
    bytes: [u8; 32],
    length: u8,
}

impl Value {
    fn hex(value: u128, digits: u8) -> Self {
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().take(usize::from(digits)).enumerate() {
            let nibble = (value >> (4 * (usize::from(digits) - 1 - at))) as u8 & 15;
            *byte = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        }
        Self { bytes, length: digits }
    }

    fn digit(digit: u8) -> Self {
        let mut bytes = [0; 32];
        bytes[0] = digit;
        Self { bytes, length: 1 }
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns the decision and whether it is debug; an error when the header is none of the known words.
fn decision<V: AsRef<str>>(sampled: Option<V>, flags: Option<V>) -> Result<(Option<bool>, bool), ()> {
    let debug = flags.is_some_and(|flags| flags.as_ref() == "1");
    let sampled = match sampled.as_ref().map(V::as_ref) {
        None => None,
        Some("1") => Some(true),
        Some("0") => Some(false),
        Some("d") => return Ok((Some(true), true)),
        // Written by tracers older than the specification.
        Some(word) if word.eq_ignore_ascii_case("true") => Some(true),
        Some(word) if word.eq_ignore_ascii_case("false") => Some(false),
        Some(_) => return Err(()),
    };
    Ok(if debug { (Some(true), true) } else { (sampled, false) })
}

/// Reads 1 to `digits_max` hexadecimal digits of either case.
pub(crate) fn hex(text: &str, digits_max: usize) -> Result<u128, IdError> {
    let mut lower = [0; 32];
    let bytes = text.as_bytes();
    let Some(copy) = lower.get_mut(..bytes.len()) else { return Err(IdError::TooLong(digits_max)) };
    copy.copy_from_slice(bytes);
    copy.make_ascii_lowercase();
    lower_hex(copy, digits_max)
}
