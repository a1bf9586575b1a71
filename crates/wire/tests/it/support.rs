//! What the tests of all codecs share.

use model::batch::Batch;
use model::span::Span;
use wire::error::DecodeError;
use wire::json_v2::write_list;

/// A codec's way in.
pub type Decoder = fn(&[u8], &mut Batch) -> Result<(), DecodeError>;

/// Decodes a body into spans, or returns the text of the error.
pub fn decode(decoder: Decoder, body: &[u8]) -> Result<Vec<Span>, String> {
    let mut batch = Batch::new();
    decoder(body, &mut batch).map_err(|error| error.to_string())?;
    Ok(batch.rows().map(|row| row.to_span()).collect())
}

/// Returns spans as JSON v2.
pub fn written(spans: &[Span]) -> String {
    let mut out = String::new();
    write_list(&mut out, spans);
    out
}

/// Decodes a body and writes it as JSON v2; the text of the error when it is turned away.
pub fn answer(decoder: Decoder, body: &[u8]) -> String {
    decode(decoder, body).map_or_else(|error| error, |spans| written(&spans))
}
