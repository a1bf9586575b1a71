//! Immutable Parquet files of spans sorted by trace id.

pub mod columns;
pub mod error;
pub mod file;
pub mod marks;
pub mod meta;
pub mod read;
pub mod rows;
pub mod scan;
pub mod schema;
pub mod write;
