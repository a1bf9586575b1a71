//! The cases, by what is asked of the store.

pub mod autocomplete;
pub mod conditions;
pub mod counts;
pub mod dependencies;
pub mod lenient;
pub mod limits;
pub mod names;
pub mod order;
pub mod search;
pub mod statistics;
pub mod traces;
pub mod values;
pub mod window;
