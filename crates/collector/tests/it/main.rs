//! The doors through their boundary: bytes in, answers out, spans in the store.

mod doors;
mod grpc;
mod heavy;
mod http;
mod otlp;
mod scribe;
mod store;
