//! Zipkin's JSON v2: lists of spans in, spans and traces out.

mod draft;
mod read;
mod write;

pub use draft::write_draft;
pub use read::decode_list;
pub(crate) use write::push_text;
pub use write::{write_list, write_span, write_traces};
