//! The relay on a disk that fails and beside far sides that misbehave: what was accepted arrives.

mod announce;
mod crash;
mod disk_limit;
mod far;
mod forward;
mod tail;
mod world;
