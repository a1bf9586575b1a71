//! Scribe calls: thrift messages `Log(list<LogEntry>)`, without their four bytes of frame length. Both sides.

use std::borrow::Cow;

use crate::error::{Fault, Read};
use crate::tbinary::{LIST, STRING, STRUCT, TBinaryReader};

const VERSION_1: u32 = 0x8001_0000;
const CALL: u8 = 1;
const REPLY: u8 = 2;
const EXCEPTION: u8 = 3;
/// Thrift's number of `TApplicationException.INTERNAL_ERROR`.
const INTERNAL_ERROR: i32 = 6;

/// What a scribe server says of the entries of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultCode {
    /// Taken.
    Ok = 0,
    /// Not taken: send them again later.
    TryLater = 1,
}

/// Which call a reply answers, and in which form of header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    strict: bool,
    method: &'a [u8],
    sequence: i32,
}

/// One entry of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who should read it: `zipkin`.
    pub category: &'a [u8],
    /// What it says: base64 of one thrift span.
    pub message: &'a [u8],
}

/// Why a message has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScribeError {
    /// These bytes are no scribe message; says why.
    #[error("not a scribe message: {0}")]
    Malformed(String),
    /// The other side could not read the call; carries what it said.
    #[error("the collector answered with an exception: {0}")]
    Exception(String),
}

impl From<Box<Fault>> for ScribeError {
    fn from(fault: Box<Fault>) -> Self {
        match *fault {
            Fault::Bad { what, .. } | Fault::Deep { what, .. } => Self::Malformed(what),
            Fault::Full(full) => Self::Malformed(full.to_string()),
            Fault::Outgrown { bytes_max } => Self::Malformed(format!("larger than {bytes_max} bytes")),
        }
    }
}

/// Reads the head of a call. Without one there is nobody to answer.
///
/// Both headers are in use: `0x8001` and the type first (strict), or the method's name first (eventlet.zipkin).
pub fn read_head(frame: &[u8]) -> Result<(Head<'_>, &[u8]), ScribeError> {
    let mut reader = TBinaryReader::new(frame);
    let (head, kind) = message_head(&mut reader)?;
    if kind != CALL {
        return Err(ScribeError::Malformed(format!("message type {kind} is no call")));
    }
    Ok((head, frame.get(reader.at()..).unwrap_or_default()))
}

/// Reads the entries of a call `Log`, in order, from what follows its head.
pub fn read_entries<'a>(
    head: &Head<'_>,
    body: &'a [u8],
    visit: &mut dyn FnMut(Entry<'a>),
) -> Result<(), ScribeError> {
    if head.method != b"Log" {
        return Err(ScribeError::Malformed(format!(
            "unknown method {}",
            String::from_utf8_lossy(head.method)
        )));
    }
    let mut reader = TBinaryReader::new(body);
    while let Some((kind, id)) = reader.field()? {
        if (kind, id) != (LIST, 1) {
            reader.skip(kind)?;
            continue;
        }
        for _ in 0..reader.list()? {
            visit(entry(&mut reader)?);
        }
    }
    Ok(())
}

fn entry<'a>(reader: &mut TBinaryReader<'a>) -> Read<Entry<'a>> {
    let mut entry = Entry { category: b"", message: b"" };
    while let Some((kind, id)) = reader.field()? {
        match (kind, id) {
            (STRING, 1) => entry.category = reader.bytes()?,
            (STRING, 2) => entry.message = reader.bytes()?,
            _ => reader.skip(kind)?,
        }
    }
    Ok(entry)
}

fn message_head<'a>(reader: &mut TBinaryReader<'a>) -> Read<(Head<'a>, u8)> {
    let mut ahead = TBinaryReader::new(reader.rest());
    let first = ahead.i32()? as u32;
    let (strict, method, kind) = if first & 0xffff_0000 == VERSION_1 {
        reader.i32()?;
        (true, reader.bytes()?, first as u8)
    } else {
        (false, reader.bytes()?, reader.byte()?)
    };
    let sequence = reader.i32()?;
    Ok((Head { strict, method, sequence }, kind))
}

/// Returns the framed answer to a call.
pub fn reply(head: &Head<'_>, code: ResultCode) -> Vec<u8> {
    framed(head, REPLY, |out| {
        out.extend_from_slice(&[8, 0, 0]);
        out.extend_from_slice(&(code as i32).to_be_bytes());
        out.push(0);
    })
}

/// Returns the framed exception to a call that could not be read.
pub fn exception(head: &Head<'_>, text: &str) -> Vec<u8> {
    framed(head, EXCEPTION, |out| {
        out.extend_from_slice(&[STRING, 0, 1]);
        push_bytes(out, text.as_bytes());
        out.extend_from_slice(&[8, 0, 2]);
        out.extend_from_slice(&INTERNAL_ERROR.to_be_bytes());
        out.push(0);
    })
}

/// Returns a framed call that logs these messages, each base64 of a thrift span, under one category.
pub fn log_call<'a>(
    category: &str,
    messages: impl ExactSizeIterator<Item = &'a [u8]>,
    sequence: i32,
) -> Vec<u8> {
    framed(&Head { strict: true, method: b"Log", sequence }, CALL, |out| {
        out.extend_from_slice(&[LIST, 0, 1, STRUCT]);
        out.extend_from_slice(&(messages.len() as i32).to_be_bytes());
        for message in messages {
            out.extend_from_slice(&[STRING, 0, 1]);
            push_bytes(out, category.as_bytes());
            out.extend_from_slice(&[STRING, 0, 2]);
            push_bytes(out, message);
            out.push(0);
        }
        out.push(0);
    })
}

/// Reads the answer to a call from its frame: a code, or an error that says what the other side said.
pub fn read_reply(frame: &[u8]) -> Result<ResultCode, ScribeError> {
    let mut reader = TBinaryReader::new(frame);
    let (_, kind) = message_head(&mut reader)?;
    while let Some((field, id)) = reader.field()? {
        match (kind, field, id) {
            (REPLY, 8, 0) => {
                return match reader.i32()? {
                    0 => Ok(ResultCode::Ok),
                    1 => Ok(ResultCode::TryLater),
                    other => Err(ScribeError::Malformed(format!("unknown result code {other}"))),
                };
            }
            (EXCEPTION, STRING, 1) => {
                let text = String::from_utf8_lossy(reader.bytes()?).into_owned();
                return Err(ScribeError::Exception(text));
            }
            _ => reader.skip(field)?,
        }
    }
    if kind == EXCEPTION {
        // As Zipkin 3.5.1 answers a call that it can't decode.
        return Err(ScribeError::Exception("no reason given".into()));
    }
    Err(ScribeError::Malformed("reply without a result".into()))
}

/// Decodes a message's base64 as MIME has it: whatever is not of the alphabet is ignored.
pub fn decode_message(message: &[u8]) -> Result<Vec<u8>, ScribeError> {
    let bad = |_| ScribeError::Malformed("message is not base64".into());
    let clean = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let message = match message.iter().all(clean) {
        true => Cow::Borrowed(message),
        false => Cow::Owned(message.iter().copied().filter(clean).collect()),
    };
    let data = message.split(|byte| *byte == b'=').next().unwrap_or_default();
    if data.is_empty() {
        return Err(ScribeError::Malformed("message is empty".into()));
    }
    base64_simd::STANDARD_NO_PAD.decode_to_vec(data).map_err(bad)
}

/// Encodes a thrift span as a message.
pub fn encode_message(span: &[u8]) -> Vec<u8> {
    base64_simd::STANDARD.encode_type(span)
}

fn framed(head: &Head<'_>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::with_capacity(64);
    if head.strict {
        message.extend_from_slice(&(VERSION_1 | u32::from(kind)).to_be_bytes());
        push_bytes(&mut message, head.method);
    } else {
        push_bytes(&mut message, head.method);
        message.push(kind);
    }
    message.extend_from_slice(&head.sequence.to_be_bytes());
    body(&mut message);
    let mut frame = Vec::with_capacity(message.len() + 4);
    push_bytes(&mut frame, &message);
    frame
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}
