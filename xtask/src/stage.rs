//! One stage of a longer task: a spinner while it runs, a line when it is done, its output when it fails.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::log::Log;

/// Runs a stage.
pub fn stage<T>(name: &str, work: impl FnOnce(&Log) -> Result<T>) -> Result<T> {
    let log = Log::create(name)?;
    let spinner = spinner(name);
    let start = Instant::now();
    let result = work(&log);
    spinner.finish_and_clear();
    match &result {
        Ok(_) => println!("  ok   {name:<24}{:>7.1} s", start.elapsed().as_secs_f64()),
        Err(_) => eprintln!("{}\n  FAIL {name}", log.text().trim_end()),
    }
    result
}

/// A spinner that shows how long it has been turning. Nothing is shown where there is no terminal.
pub fn spinner(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("  {spinner} {msg:<24}{elapsed:>7}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(message.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
