//! The plain store in memory: the oracle that other stores are compared with.
