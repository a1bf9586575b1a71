//! The frame around a gRPC message, and the text forms of what goes around it. Both framings: gRPC and gRPC-web.
//!
//! Rules: grpc/grpc `doc/PROTOCOL-HTTP2.md` and `doc/PROTOCOL-WEB.md`.

/// Bytes before a message: a flag, and the message's length.
pub const HEAD_BYTES: usize = 5;

const COMPRESSED: u8 = 1;
const TRAILERS: u8 = 0x80;

/// A call's one message as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Whether its bytes are packed, in the way that the header `grpc-encoding` names.
    pub compressed: bool,
    /// The message.
    pub bytes: &'a [u8],
}

/// Why a body is no single message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The sender promised more bytes than came, or none came.
    #[error("the message is cut off: {missing} bytes are missing")]
    CutOff {
        /// How many, at least.
        missing: usize,
    },
    /// A flag that gRPC has no meaning for.
    #[error("unknown flag {0} before the message")]
    UnknownFlag(u8),
    /// These methods take one message a call.
    #[error("more than one message in a call")]
    MoreThanOne,
}

/// Reads the one message of a call from its whole body.
pub fn read_message(body: &[u8]) -> Result<Message<'_>, FrameError> {
    let missing = |wanted: usize| FrameError::CutOff { missing: wanted.saturating_sub(body.len()) };
    let (head, rest) = body.split_first_chunk::<HEAD_BYTES>().ok_or_else(|| missing(HEAD_BYTES))?;
    let [flag, length @ ..] = *head;
    if flag > COMPRESSED {
        return Err(FrameError::UnknownFlag(flag));
    }
    let length = u32::from_be_bytes(length) as usize;
    let (bytes, after) =
        rest.split_at_checked(length).ok_or_else(|| missing(HEAD_BYTES.saturating_add(length)))?;
    match after {
        [] => Ok(Message { compressed: flag == COMPRESSED, bytes }),
        _ => Err(FrameError::MoreThanOne),
    }
}

/// Appends a message, not packed.
pub fn push_message(out: &mut Vec<u8>, message: &[u8]) {
    push_frame(out, 0, message);
}

/// Appends trailers as gRPC-web has them, in the body: `name: value` lines.
pub fn push_trailers<'a>(out: &mut Vec<u8>, trailers: impl Iterator<Item = (&'a str, &'a [u8])>) {
    let mut lines = Vec::new();
    for (name, value) in trailers {
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value);
        lines.extend_from_slice(b"\r\n");
    }
    push_frame(out, TRAILERS, &lines);
}

fn push_frame(out: &mut Vec<u8>, flag: u8, bytes: &[u8]) {
    out.push(flag);
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Returns text as the header `grpc-message` wants it: percent codes for all but printable ASCII.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Returns bytes as headers whose names end in `-bin` want them.
pub fn binary_header(bytes: &[u8]) -> String {
    base64_simd::STANDARD_NO_PAD.encode_to_string(bytes)
}

/// Reads a body of `application/grpc-web-text`: base64, padded wherever its sender wrote out a piece.
pub fn decode_text(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len() / 4 * 3);
    for piece in body.split_inclusive(|byte| *byte == b'=').filter(|piece| *piece != b"=") {
        let digits = piece.strip_suffix(b"=").unwrap_or(piece);
        out.extend(base64_simd::STANDARD_NO_PAD.decode_to_vec(digits).ok()?);
    }
    Some(out)
}

/// Writes a body of `application/grpc-web-text`.
pub fn encode_text(body: &[u8]) -> Vec<u8> {
    base64_simd::STANDARD.encode_type(body)
}
