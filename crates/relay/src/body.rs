//! What is passed on: spans as they came by scribe, or as rows.

use model::batch::Batch;
use wire::messages::Messages;

/// Spans on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Scribe messages, never decoded.
    Messages(Messages),
    /// Decoded spans.
    Batch(Batch),
}

/// The form of a body, as one byte on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// [`Body::Messages`].
    Messages = 1,
    /// [`Body::Batch`].
    Batch = 2,
}

impl Form {
    /// Reads the byte that stands for a form.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Messages, Self::Batch].into_iter().find(|form| *form as u8 == number)
    }
}

impl Body {
    /// Takes bytes of this form, of one body or of several one after the other.
    pub fn from_bytes(form: Form, bytes: Vec<u8>) -> Option<Self> {
        match form {
            Form::Messages => Messages::from_bytes(bytes).map(Self::Messages),
            Form::Batch => Batch::from_bytes(bytes).ok().map(Self::Batch),
        }
    }

    /// Returns its form.
    pub fn form(&self) -> Form {
        match self {
            Self::Messages(_) => Form::Messages,
            Self::Batch(_) => Form::Batch,
        }
    }

    /// Returns its bytes, for [`from_bytes`](Self::from_bytes).
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Messages(messages) => messages.as_bytes(),
            Self::Batch(batch) => batch.as_bytes(),
        }
    }

    /// Returns the number of spans; a message is one.
    pub fn len(&self) -> usize {
        match self {
            Self::Messages(messages) => messages.len(),
            Self::Batch(batch) => batch.len(),
        }
    }

    /// Says whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts it into parts of at least one span each, and of at most this many bytes where spans allow.
    pub fn parts(&self, bytes_max: usize) -> Vec<Self> {
        let mut sizes: Vec<usize> = Vec::new();
        let mut full = true;
        let mut add =
            |bytes: usize| match sizes.last_mut().filter(|size| !full && **size + bytes <= bytes_max) {
                Some(size) => *size += bytes,
                None => {
                    full = false;
                    sizes.push(bytes);
                }
            };
        match self {
            Self::Messages(messages) => messages.iter().for_each(|message| add(4 + message.len())),
            Self::Batch(batch) => batch.rows().for_each(|row| add(row.bytes().len())),
        }
        self.cut(&sizes)
    }

    /// Cuts it into two parts; the first has half of the spans.
    pub fn halves(&self) -> Vec<Self> {
        let half = self.len() / 2;
        let first = match self {
            Self::Messages(messages) => messages.iter().take(half).map(|message| 4 + message.len()).sum(),
            Self::Batch(batch) => batch.rows().take(half).map(|row| row.bytes().len()).sum::<usize>(),
        };
        self.cut(&[first, self.as_bytes().len() - first])
    }

    fn cut(&self, sizes: &[usize]) -> Vec<Self> {
        let mut rest = self.as_bytes();
        let parts = sizes.iter().filter_map(|size| {
            let (part, after) = rest.split_at_checked(*size)?;
            rest = after;
            Self::from_bytes(self.form(), part.to_vec())
        });
        parts.collect()
    }
}

impl From<Messages> for Body {
    fn from(messages: Messages) -> Self {
        Self::Messages(messages)
    }
}

impl From<Batch> for Body {
    fn from(batch: Batch) -> Self {
        Self::Batch(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_whole_cut_at_spans() {
        let mut messages = Messages::default();
        (0..10u8).for_each(|size| messages.push(&vec![size; size.into()]));
        let body = Body::from(messages);
        for bytes_max in [1, 13, 14, 27, 1000] {
            let parts = body.parts(bytes_max);
            let joined: Vec<u8> = parts.iter().flat_map(|part| part.as_bytes().to_vec()).collect();
            assert_eq!(joined, body.as_bytes(), "{bytes_max}");
            assert!(parts.iter().all(|part| part.len() == 1 || part.as_bytes().len() <= bytes_max));
        }
        assert_eq!(body.parts(1).len(), 10);
        assert_eq!(body.parts(1000), std::slice::from_ref(&body));
        assert_eq!(body.halves().iter().map(Body::len).collect::<Vec<_>>(), [5, 5]);
    }
}
