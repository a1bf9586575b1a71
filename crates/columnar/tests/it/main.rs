//! The embedded store through its boundaries: the contract, crashes, faults, damage.

mod contract;
