//! User stories, told to the built binary from outside.

mod check;
mod doors;
mod export;
mod faults;
mod hostile;
mod kill;
mod openapi;
mod otlp;
mod probes;
mod relay;
mod relay_kill;
mod start;
