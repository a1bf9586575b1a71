//! The frame around every list decoder: the format's check, and all spans or none.

use model::batch::Batch;

use crate::detect::{self, Format};
use crate::error::{DecodeError, Read};

/// Runs `read` for a list in this format; when it fails the batch is as it was. No bytes are a list of none.
pub(crate) fn decode(
    format: Format,
    bytes: &[u8],
    batch: &mut Batch,
    read: impl FnOnce(&mut Batch) -> Read<()>,
) -> Result<(), DecodeError> {
    if bytes.is_empty() {
        return Ok(());
    }
    detect::check(format, bytes)?;
    all_or_nothing(format, batch, read)
}

/// Runs `read`; when it fails the batch is as it was.
pub(crate) fn all_or_nothing(
    format: Format,
    batch: &mut Batch,
    read: impl FnOnce(&mut Batch) -> Read<()>,
) -> Result<(), DecodeError> {
    let (mark, before) = (batch.mark(), batch.len());
    read(batch).map_err(|fault| {
        let spans_before = batch.len() - before;
        batch.rewind(mark);
        fault.into_error(format, spans_before)
    })
}
