//! Text of the binary formats.

use std::borrow::Cow;

/// Returns text, borrowed; what is no UTF-8 becomes U+FFFD, as Zipkin has it.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
