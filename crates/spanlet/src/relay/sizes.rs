//! Sizes and times as people write them in fluentd's configuration: `256m`, `60s`.

use std::time::Duration;

/// Reads bytes: a number, and `k`, `m`, `g` or `t`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let units = [("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40), ("", 1)];
    let lower = text.to_ascii_lowercase();
    let read = units.iter().find_map(|(unit, factor)| {
        let number: u64 = lower.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*factor)
    });
    read.ok_or_else(|| format!("`{text}` is no size: write 512k, 256m or 8g"))
}

/// Reads a time: a number, and `ms`, `s`, `m`, `h` or `d`; without a unit it is seconds.
pub fn time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0), ("", 1.0)];
    let read = units.iter().find_map(|(unit, seconds)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    });
    read.ok_or_else(|| format!("`{text}` is no time: write 500ms, 60s, 5m, 2h or 1d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_fluentd_does() {
        for (text, size) in
            [("7", 7), ("512k", 512 << 10), ("256m", 256 << 20), ("8G", 8 << 30), ("1t", 1 << 40)]
        {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for (text, ms) in
            [("0s", 0), ("500ms", 500), ("60s", 60_000), ("60", 60_000), ("5m", 300_000), ("1.5h", 5_400_000)]
        {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "m", "-1", "1x", "1 m", "99999999999t"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        for bad in ["", "s", "-1s", "1y", "nans"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
