//! What can go wrong with a store, by what the caller can do about it.

/// Why a batch was not accepted. Nothing of it is stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// The store is full or slow: the sender should try again later.
    #[error("store is busy: {0}; try again later")]
    Busy(String),
    /// The disk or the database failed: the sender should try again later, the operator should look.
    #[error("store failed: {0}")]
    Failed(String),
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nobody waits for the answer any more, so nobody sees this.
    #[error("the question was abandoned")]
    Abandoned,
    /// The answer would take more memory than is allowed: whoever asks should ask for less.
    #[error(
        "the answer is larger than {bytes_max} bytes: ask for fewer traces, or read large ones one by one"
    )]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The disk or the database failed: the operator should look.
    #[error("store failed: {0}")]
    Failed(String),
}
