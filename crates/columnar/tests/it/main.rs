//! The embedded store through its boundaries: the contract, crashes, faults, damage.

mod contract;
mod crash;
mod damage;
mod fault;
mod model;
mod queue;
mod world;
