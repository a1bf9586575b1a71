//! Reads a message of fluentd's forward protocol: tag, events, options. All four modes of version 1.

use rmp::Marker;

/// A message: `[tag, time, record]`, `[tag, [[time, record]...]]`, or `[tag, bytes]`, each with or without options.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// What the events are about, such as `zipkin.span`.
    pub tag: &'a [u8],
    /// The texts that the events' records have under `message`, as fluentd's in_scribe makes them.
    pub texts: Vec<&'a [u8]>,
    /// Events without such a text.
    pub textless: usize,
    /// Events one after the other, to be read with [`read_packed`], unpacked before when `gzip` says so.
    pub packed: Option<&'a [u8]>,
    /// The packed events are compressed.
    pub gzip: bool,
    /// What the sender wants to see acknowledged.
    pub chunk: Option<&'a [u8]>,
}

/// The bytes are no such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of the forward protocol")]
pub struct BadMessage;

type Read<T> = Result<T, BadMessage>;

/// Reads a whole message.
pub fn read(bytes: &[u8]) -> Read<Message<'_>> {
    let mut reader = Reader { bytes };
    let mut message = Message::default();
    let Value::Array(parts) = reader.value()? else { return Err(BadMessage) };
    if !(2..=4).contains(&parts) {
        return Err(BadMessage);
    }
    message.tag = reader.text()?;
    let mut left = parts - 2;
    match reader.value()? {
        Value::Array(events) => {
            for _ in 0..events {
                reader.event(&mut message)?;
            }
        }
        Value::Text(packed) => message.packed = Some(packed),
        // A time: one event.
        Value::Other if left > 0 => {
            reader.record(&mut message)?;
            left -= 1;
        }
        _ => return Err(BadMessage),
    }
    if left > 0 {
        reader.options(&mut message)?;
    }
    Ok(message)
}

/// Reads events one after the other into a message.
pub fn read_packed<'a>(bytes: &'a [u8], message: &mut Message<'a>) -> Read<()> {
    let mut reader = Reader { bytes };
    while !reader.bytes.is_empty() {
        reader.event(message)?;
    }
    Ok(())
}

/// Returns the acknowledgement of a chunk.
pub fn acknowledge(chunk: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x81, 0xa3];
    bytes.extend_from_slice(b"ack");
    // Chunks are 24 characters of base64; what is longer than a byte can say is cut, and matches nothing.
    let chunk = chunk.get(..255).unwrap_or(chunk);
    bytes.extend_from_slice(&[Marker::Str8.to_u8(), chunk.len() as u8]);
    bytes.extend_from_slice(chunk);
    bytes
}

/// What can follow; numbers, times and the like are of no interest.
enum Value<'a> {
    Text(&'a [u8]),
    Array(usize),
    Map(usize),
    Other,
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(BadMessage)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self, width: usize) -> Read<usize> {
        Ok(self.take(width)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// Reads a head, and what belongs to it alone.
    fn value(&mut self) -> Read<Value<'a>> {
        let marker = self.take(1)?.first().map_or(Marker::Reserved, |first| Marker::from_u8(*first));
        let skipped = match marker {
            Marker::FixStr(size) => return self.take(size.into()).map(Value::Text),
            Marker::Str8 | Marker::Bin8 => return self.sized(1).map(Value::Text),
            Marker::Str16 | Marker::Bin16 => return self.sized(2).map(Value::Text),
            Marker::Str32 | Marker::Bin32 => return self.sized(4).map(Value::Text),
            Marker::FixArray(values) => return Ok(Value::Array(values.into())),
            Marker::Array16 => return self.number(2).map(Value::Array),
            Marker::Array32 => return self.number(4).map(Value::Array),
            Marker::FixMap(pairs) => return Ok(Value::Map(pairs.into())),
            Marker::Map16 => return self.number(2).map(Value::Map),
            Marker::Map32 => return self.number(4).map(Value::Map),
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::False | Marker::True => 0,
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 | Marker::FixExt1 => 2,
            Marker::FixExt2 => 3,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::FixExt4 => 5,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixExt8 => 9,
            Marker::FixExt16 => 17,
            Marker::Ext8 => self.number(1)? + 1,
            Marker::Ext16 => self.number(2)? + 1,
            Marker::Ext32 => self.number(4)? + 1,
            Marker::Reserved => return Err(BadMessage),
        };
        self.take(skipped).map(|_| Value::Other)
    }

    fn sized(&mut self, width: usize) -> Read<&'a [u8]> {
        let size = self.number(width)?;
        self.take(size)
    }

    fn text(&mut self) -> Read<&'a [u8]> {
        match self.value()? {
            Value::Text(text) => Ok(text),
            _ => Err(BadMessage),
        }
    }

    /// Reads past a value with all its parts. The door has checked that it is not too deep.
    fn skip(&mut self) -> Read<()> {
        let mut left = 1usize;
        while left > 0 {
            left -= 1;
            left = match self.value()? {
                Value::Array(values) => left.saturating_add(values),
                Value::Map(pairs) => left.saturating_add(pairs.saturating_mul(2)),
                Value::Text(_) | Value::Other => left,
            };
        }
        Ok(())
    }

    fn event(&mut self, message: &mut Message<'a>) -> Read<()> {
        let Value::Array(2) = self.value()? else { return Err(BadMessage) };
        self.skip()?;
        self.record(message)
    }

    fn record(&mut self, message: &mut Message<'a>) -> Read<()> {
        let mut text = None;
        self.pairs(|reader, key| {
            match key {
                b"message" => text = reader.text_or_skip()?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        match text {
            Some(text) => message.texts.push(text),
            None => message.textless += 1,
        }
        Ok(())
    }

    fn options(&mut self, message: &mut Message<'a>) -> Read<()> {
        self.pairs(|reader, key| {
            match key {
                b"chunk" => message.chunk = reader.text_or_skip()?,
                b"compressed" => message.gzip = reader.text_or_skip()? == Some(b"gzip"),
                _ => reader.skip()?,
            }
            Ok(())
        })
    }

    fn pairs(&mut self, mut visit: impl FnMut(&mut Self, &'a [u8]) -> Read<()>) -> Read<()> {
        match self.value()? {
            Value::Map(pairs) => {
                for _ in 0..pairs {
                    let key = self.text()?;
                    visit(self, key)?;
                }
                Ok(())
            }
            // Options may be nil.
            Value::Other => Ok(()),
            _ => Err(BadMessage),
        }
    }

    fn text_or_skip(&mut self) -> Read<Option<&'a [u8]>> {
        let before = self.bytes;
        if let Value::Text(text) = self.value()? {
            return Ok(Some(text));
        }
        self.bytes = before;
        self.skip().map(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &[u8] = b"\x92\xd7\x00\x01\x02\x03\x04\x05\x06\x07\x08\x82\xa1x\x91\x01\xa7message\xa2ab";

    fn joined(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn all_modes_are_read() {
        let options = b"\x82\xa5chunk\xa3id=\xa4size\x01";
        let single = joined(&[b"\x94\xa6zipkin\x01", &EVENT[11..], options]);
        let forward = joined(&[b"\x93\xa6zipkin\x92", EVENT, EVENT, options]);
        let packed = joined(&[b"\x93\xa6zipkin\xc4\x1b", EVENT, options]);
        for (bytes, texts) in [(&single, 1), (&forward, 2), (&packed, 1)] {
            let mut message = read(bytes).unwrap();
            if let Some(packed) = message.packed {
                read_packed(packed, &mut message).unwrap();
            }
            assert_eq!((message.tag, message.chunk), (&b"zipkin"[..], Some(&b"id="[..])));
            assert_eq!(message.texts, vec![b"ab"; texts]);
        }
        let without = joined(&[b"\x93\xa6zipkin\x01\x81\xa1k\xc3"]);
        assert_eq!(read(&without).unwrap().textless, 1);
        assert_eq!(acknowledge(b"id="), b"\x81\xa3ack\xd9\x03id=");
    }

    #[test]
    fn cut_and_flipped_messages_never_panic() {
        let forward = joined(&[b"\x93\xa6zipkin\x92", EVENT, EVENT, b"\x81\xa5chunk\xa3id="]);
        for cut in 0..forward.len() {
            assert_eq!(read(&forward[..cut]), Err(BadMessage), "{cut}");
        }
        for at in 0..forward.len() {
            for bit in 0..8 {
                let mut flipped = forward.clone();
                flipped[at] ^= 1 << bit;
                let _ = read(&flipped);
            }
        }
    }
}
