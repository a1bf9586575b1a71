//! Finds the end of a msgpack value in bytes that come in pieces, without looking at any byte twice.

use rmp::Marker;

/// Values within values. The protocol needs five.
const DEPTH_MAX: usize = 32;

/// A place in a value that is not yet whole.
#[derive(Debug, Default)]
pub struct Frame {
    at: usize,
    /// Values that each open array or map still lacks.
    lacking: Vec<u64>,
}

/// The value is none of msgpack, or too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not msgpack, or more than {DEPTH_MAX} values deep")]
pub struct BadFrame;

impl Frame {
    /// Looks at the bytes so far, from the value's first on. Returns its length when all of it is there.
    pub fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, BadFrame> {
        loop {
            let Some(item) = Item::read(bytes.get(self.at..).unwrap_or_default())? else { return Ok(None) };
            if bytes.len() - self.at < item.length {
                return Ok(None);
            }
            self.at += item.length;
            if item.values > 0 {
                self.lacking.push(item.values);
                if self.lacking.len() > DEPTH_MAX {
                    return Err(BadFrame);
                }
                continue;
            }
            // A value is complete: so may be those around it.
            while let Some(lacking) = self.lacking.last_mut() {
                *lacking -= 1;
                if *lacking > 0 {
                    break;
                }
                self.lacking.pop();
            }
            if self.lacking.is_empty() {
                return Ok(Some(self.at));
            }
        }
    }
}

/// A head with what belongs to it alone: for arrays and maps the head only.
struct Item {
    length: usize,
    /// Values that follow as its parts.
    values: u64,
}

impl Item {
    /// Reads a head; nothing when it is cut.
    fn read(bytes: &[u8]) -> Result<Option<Self>, BadFrame> {
        let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
        let number = |width: usize| {
            let bytes = rest.get(..width)?;
            Some(bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)))
        };
        let plain = |length: usize| Some(Self { length, values: 0 });
        let sized = |width: usize, extra: usize| {
            let size = usize::try_from(number(width)?).ok()?;
            plain(1 + width + extra + size)
        };
        let parts = |width: usize, each: u64| Some(Self { length: 1 + width, values: number(width)? * each });
        Ok(match Marker::from_u8(*first) {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::False | Marker::True => plain(1),
            Marker::U8 | Marker::I8 => plain(2),
            Marker::U16 | Marker::I16 => plain(3),
            Marker::U32 | Marker::I32 | Marker::F32 => plain(5),
            Marker::U64 | Marker::I64 | Marker::F64 => plain(9),
            Marker::FixStr(size) => plain(1 + usize::from(size)),
            Marker::Str8 | Marker::Bin8 => sized(1, 0),
            Marker::Str16 | Marker::Bin16 => sized(2, 0),
            Marker::Str32 | Marker::Bin32 => sized(4, 0),
            Marker::Ext8 => sized(1, 1),
            Marker::Ext16 => sized(2, 1),
            Marker::Ext32 => sized(4, 1),
            Marker::FixExt1 => plain(3),
            Marker::FixExt2 => plain(4),
            Marker::FixExt4 => plain(6),
            Marker::FixExt8 => plain(10),
            Marker::FixExt16 => plain(18),
            Marker::FixArray(values) => Some(Self { length: 1, values: u64::from(values) }),
            Marker::FixMap(pairs) => Some(Self { length: 1, values: 2 * u64::from(pairs) }),
            Marker::Array16 => parts(2, 1),
            Marker::Array32 => parts(4, 1),
            Marker::Map16 => parts(2, 2),
            Marker::Map32 => parts(4, 2),
            Marker::Reserved => return Err(BadFrame),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_whatever_the_pieces() {
        let mut value = vec![
            0x93, 0xa1, b't', 0x91, 0x92, 0xd7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x81, 0xa1, b'k', 0xc4, 2, 9, 9,
        ];
        value.extend([0xde, 0, 1, 0xc0, 0xcd, 1, 2]);
        for piece in 1..value.len() {
            let mut frame = Frame::default();
            let mut ends = Vec::new();
            for end in (piece..value.len() + piece).step_by(piece) {
                let bytes = &value[..end.min(value.len())];
                ends.extend(frame.end(bytes).unwrap());
            }
            assert_eq!(ends, [value.len()], "{piece}");
        }
        assert_eq!(Frame::default().end(&[0xc1]), Err(BadFrame));
        assert_eq!(Frame::default().end(&[0x91; 40]), Err(BadFrame));
        assert_eq!(Frame::default().end(&[0x90, 1]), Ok(Some(1)));
        // A size of 4 GiB takes no memory.
        assert_eq!(Frame::default().end(&[0xdf, 0xff, 0xff, 0xff, 0xff]), Ok(None));
    }
}
