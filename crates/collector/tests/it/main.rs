//! The doors through their boundary: bytes in, answers out, spans in the store.

mod doors;
mod http;
mod scribe;
mod store;
