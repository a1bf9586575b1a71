//! Runs a test in a process of its own, for what the tests beside it would disturb.

use std::env;
use std::process::Command;

const MARK: &str = "SPANLET_TEST_ALONE";

/// Runs the body when this process was started for it; otherwise starts that process and expects it to succeed.
pub fn alone(test: &str, body: impl FnOnce()) {
    if env::var(MARK).is_ok_and(|name| name == test) {
        return body();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads=1", "--nocapture"])
        .env(MARK, test)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{test} failed in its own process:\n{text}"
    );
}
