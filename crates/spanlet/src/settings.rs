//! What the server is told: flags win over environment variables, those over the file, that over defaults.

mod file;
mod kinds;
mod lower;
mod print;
mod reference;
mod sources;
mod table;
#[cfg(test)]
mod tests;

pub use kinds::{LogFilter, LogFormat};
pub use lower::{lower, usual_data_dir};
pub use print::print;
pub use reference::reference;
pub use sources::{Sources, arguments};
pub use table::Settings;
