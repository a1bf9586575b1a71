//! What a store under test is told. Cases of one topic share settings.

/// Settings that every store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether all bits of a trace id count.
    pub strict_trace_id: bool,
    /// Tags whose values are collected.
    pub autocomplete_keys: &'static [&'static str],
    /// Most bytes of traces in one answer.
    pub answer_bytes_max: usize,
}

impl Settings {
    /// As most stores are.
    pub const STRICT: Self = Self {
        strict_trace_id: true,
        autocomplete_keys: &["environment", "region"],
        answer_bytes_max: storage::budget::ANSWER_BYTES_MAX,
    };

    /// The right-most 64 bits of a trace id count.
    pub const LENIENT: Self = Self { strict_trace_id: false, ..Self::STRICT };

    /// Answers may be no larger than a few hundred spans.
    pub const SMALL: Self = Self { answer_bytes_max: 100_000, ..Self::STRICT };

    /// Returns the tags as stores take them.
    pub fn autocomplete_keys(&self) -> Vec<String> {
        self.autocomplete_keys.iter().map(|key| (*key).to_owned()).collect()
    }
}
