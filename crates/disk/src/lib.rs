//! The file port: all that the stores ask of a disk, with a real one and one that fails on purpose.

pub mod faulty;
pub mod port;
pub mod real;

pub use real::Real;
