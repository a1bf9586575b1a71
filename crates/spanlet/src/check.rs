//! `spanlet check`: looks through a data directory that no server runs on, and says what is wrong where.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use columnar::check::{Finding, Report, Severity, check};

use crate::progress;

/// Verifies every byte and every span of a data directory, and says what is wrong where. Changes nothing.
#[derive(Args)]
pub struct Arguments {
    /// The directory, of which no server may run.
    #[arg(long, env = "SPANLET_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Print one JSON object in place of sentences.
    #[arg(long)]
    json: bool,
}

/// Looks through the directory. Exit code 1 says that something is damaged.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let disk: Arc<dyn disk::port::Disk> = Arc::new(disk::Real);
    let bar = progress::bytes("checking");
    let report = check(&disk, &arguments.data_dir, &mut |done, all| progress::advance(&bar, done, all));
    bar.finish_and_clear();
    let report = report?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&with_verdict(&report)?)?);
    } else {
        report.findings.iter().for_each(|finding| println!("{}", sentence(finding)));
        println!("{}", summary(&report));
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn with_verdict(report: &Report) -> anyhow::Result<serde_json::Value> {
    let mut value = serde_json::to_value(report)?;
    value["sound"] = report.is_sound().into();
    Ok(value)
}

fn sentence(Finding { severity, file, offset, what, next_start }: &Finding) -> String {
    let kind = match severity {
        Severity::Damage => "damage",
        Severity::Note => "note",
    };
    let place = offset.map_or_else(String::new, |offset| format!(", byte {offset}"));
    format!("{kind}: {file}{place}: {what}; {next_start}")
}

fn summary(report: &Report) -> String {
    let damaged = report.findings.iter().filter(|finding| finding.severity == Severity::Damage).count();
    let verdict = match damaged {
        0 => "sound".to_owned(),
        1 => "1 place is damaged".to_owned(),
        more => format!("{more} places are damaged"),
    };
    format!(
        "{verdict}: {} spans in {} segments, {} spans in {} journal files that no segment has yet, {} bytes",
        report.segment_spans, report.segments, report.journal_spans, report.journal_files, report.bytes
    )
}
