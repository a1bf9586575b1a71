//! The embedded store through its boundaries: the contract, crashes, faults, damage.

mod abandon;
mod check;
mod contract;
mod crash;
mod damage;
mod export;
mod fault;
mod golden;
mod life;
mod model;
mod names;
mod queue;
mod rare;
mod rollup;
mod world;
