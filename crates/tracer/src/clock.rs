//! Wall clock time in the unit of spans.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns microseconds since the epoch.
pub fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
