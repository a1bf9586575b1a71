//! How far a long task is, on standard error; nothing is shown where there is no terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Returns a bar that counts bytes.
pub fn bytes(doing: &'static str) -> ProgressBar {
    bar(doing, "{msg} {wide_bar} {bytes} of {total_bytes} {elapsed}")
}

/// Returns a bar that counts spans.
pub fn spans(doing: &'static str) -> ProgressBar {
    bar(doing, "{msg} {wide_bar} {human_pos} of {human_len} spans {elapsed}")
}

fn bar(doing: &'static str, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_message(doing)
}

/// Says how much is done of how much.
pub fn advance(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}
