//! Messages of scribe calls, undecoded, in one buffer: each four bytes of length, little-endian, and the message.

/// Messages in order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    bytes: Vec<u8>,
    count: usize,
}

impl Messages {
    /// Takes bytes that messages once were; nothing when they are cut.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let (mut rest, mut count) = (bytes.as_slice(), 0);
        while !rest.is_empty() {
            (_, rest) = split(rest)?;
            count += 1;
        }
        Some(Self { bytes, count })
    }

    /// Returns all messages as bytes, for [`from_bytes`](Self::from_bytes).
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of messages.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Says whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends a message.
    pub fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(message);
        self.count += 1;
    }

    /// Appends the messages of another buffer.
    pub fn extend(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
        self.count += other.count;
    }

    /// Returns the messages in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { bytes: &self.bytes, count: self.count }
    }
}

/// Iterator over messages.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (message, rest) = split(self.bytes)?;
        self.bytes = rest;
        self.count -= 1;
        Some(message)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Iter<'_> {}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_were_pushed() {
        let mut messages = Messages::default();
        let pushed = [&b"one"[..], b"", b"three"];
        pushed.iter().for_each(|message| messages.push(message));
        let mut again = Messages::from_bytes(messages.as_bytes().to_vec()).unwrap();
        assert_eq!(again, messages);
        assert_eq!((again.iter().len(), again.is_empty()), (3, false));
        assert_eq!(again.iter().collect::<Vec<_>>(), pushed);
        again.extend(&messages);
        assert_eq!(again.len(), 6);
        assert_eq!(Messages::from_bytes(messages.as_bytes()[..6].to_vec()), None);
    }
}
