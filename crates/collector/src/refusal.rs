//! Why a message was not accepted, by what its sender can do about it. Each reason is a counter.

use wire::error::DecodeError;

use crate::intake::NoRoom;

/// Why a message was not accepted, and a sentence for its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of trouble.
    pub reason: Reason,
    /// What is wrong, and what to do.
    pub text: String,
}

/// A kind of trouble with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// These bytes are no spans.
    Malformed,
    /// A media type or an encoding that the door does not read.
    UnknownType,
    /// More bytes than a message may have as it was sent.
    TooLarge,
    /// More bytes than a message may have once unpacked.
    UnpackedTooLarge,
    /// More bytes than the spans of a message may have in the store.
    Outgrown,
    /// Values within values within values.
    TooDeep,
    /// The sender went away before its message was whole.
    CutOff,
    /// The message took longer to come in than it may.
    TooSlow,
    /// All doors together hold as many bytes as they may.
    NoRoom,
    /// The store is full, slow, or failed.
    Store,
}

impl Reason {
    /// All reasons, each at the place of its number.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::UnknownType,
        Self::TooLarge,
        Self::UnpackedTooLarge,
        Self::Outgrown,
        Self::TooDeep,
        Self::CutOff,
        Self::TooSlow,
        Self::NoRoom,
        Self::Store,
    ];

    /// Returns the label of its counter.
    pub fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownType => "unknown_type",
            Self::TooLarge => "too_large",
            Self::UnpackedTooLarge => "unpacked_too_large",
            Self::Outgrown => "outgrown",
            Self::TooDeep => "too_deep",
            Self::CutOff => "cut_off",
            Self::TooSlow => "too_slow",
            Self::NoRoom => "no_room",
            Self::Store => "store",
        }
    }

    /// Says whether the message was good: its sender should send it again later.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::NoRoom | Self::Store)
    }
}

impl Refusal {
    /// Returns a refusal.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        let reason = match &error {
            DecodeError::TooDeep { .. } => Reason::TooDeep,
            DecodeError::TooLarge(_) | DecodeError::Outgrown { .. } => Reason::Outgrown,
            DecodeError::NotAList(_)
            | DecodeError::OtherFormat { .. }
            | DecodeError::UnknownFormat
            | DecodeError::Malformed { .. } => Reason::Malformed,
        };
        Self::new(reason, error.to_string())
    }
}

impl From<NoRoom> for Refusal {
    fn from(no_room: NoRoom) -> Self {
        match no_room {
            NoRoom::Now => Self::new(Reason::NoRoom, "too many bytes are being worked on; try again later"),
            NoRoom::Ever => Self::new(
                Reason::TooLarge,
                "message is larger than all that may be worked on; send smaller batches",
            ),
        }
    }
}
