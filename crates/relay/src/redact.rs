//! Takes the values of chosen tags out of spans before they touch the disk.

use model::batch::{Batch, BatchFull};

/// What stands where a value was.
pub const REDACTED: &str = "[redacted]";

/// Keys whose values are taken out: whole, or with `*` at the end all that begin so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    keys: Vec<String>,
}

impl Redaction {
    /// Returns a redaction of these keys.
    pub fn new(keys: Vec<String>) -> Self {
        Self { keys }
    }

    /// Says whether every value stays.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the spans without the values.
    pub fn apply(&self, batch: Batch) -> Result<Batch, BatchFull> {
        if self.is_empty() {
            return Ok(batch);
        }
        let mut redacted = Batch::new();
        for row in batch.rows() {
            if !row.tags().any(|(key, _)| self.hits(key)) {
                redacted.push_row(&row)?;
                continue;
            }
            let mut span = row.to_span();
            for (_, value) in span.tags.iter_mut().filter(|(key, _)| self.hits(key)) {
                REDACTED.clone_into(value);
            }
            redacted.push_span(&span)?;
        }
        Ok(redacted)
    }

    fn hits(&self, key: &str) -> bool {
        self.keys.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => key == pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::id::{SpanId, TraceId};
    use model::span::Span;

    #[test]
    fn only_the_values_of_chosen_keys_go() {
        let mut span = Span::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        span.tags = [("db.query", "select 1"), ("db.user", "bob"), ("http.url", "/"), ("user", "bob")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec();
        let batch: Batch =
            [span, Span::new(TraceId::new(3).unwrap(), SpanId::new(4).unwrap())].into_iter().collect();
        assert_eq!(Redaction::default().apply(batch.clone()).unwrap(), batch);
        let redaction = Redaction::new(vec!["db.*".into(), "user".into()]);
        let redacted = redaction.apply(batch).unwrap();
        let spans: Vec<Span> = redacted.rows().map(|row| row.to_span()).collect();
        let values: Vec<&str> = spans[0].tags.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, [REDACTED, REDACTED, "/", REDACTED]);
        assert_eq!(spans.len(), 2);
    }
}
