//! The cases, by what is asked of the store.

pub mod dependencies;
pub mod names;
pub mod search;
pub mod traces;
pub mod values;
pub mod window;
