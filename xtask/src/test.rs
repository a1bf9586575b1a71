//! `cargo xtask test`: every test of the project, in two lanes side by side, since the machine has two cores or more.

mod clients;
mod lanes;
mod relay;
mod steps;
mod swift;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use lanes::{Ended, Report};

/// How long all may take, when `SPANLET_TEST_MINUTES` does not say. Heavy steps that would end later are skipped.
const BUDGET_MINUTES: u64 = 60;

/// Runs the named steps and what they need, or all; fails when one fails.
pub fn run(only: &[String]) -> Result<()> {
    let minutes = match std::env::var("SPANLET_TEST_MINUTES") {
        Ok(text) => {
            text.parse().with_context(|| format!("SPANLET_TEST_MINUTES={text} is no number of minutes"))?
        }
        Err(_) => BUDGET_MINUTES,
    };
    let start = Instant::now();
    let steps = steps::all(start + Duration::from_secs(60 * minutes));
    for name in only {
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        ensure!(names.contains(&name.as_str()), "there is no step {name}: they are {}", names.join(", "));
    }
    let reports = lanes::run(lanes::wanted(steps, only));
    summarize(&reports, start.elapsed())
}

fn summarize(reports: &[Report], all: Duration) -> Result<()> {
    println!("\n{:.1} min in all", all.as_secs_f64() / 60.0);
    for report in reports {
        if let Ended::Skipped(why) = &report.ended {
            println!("skipped {}: {why}", report.name);
        }
        for line in &report.skipped_inside {
            println!("{line}");
        }
    }
    let failed = reports.iter().filter(|report| report.ended == Ended::Failed).count();
    let passed = reports.iter().filter(|report| report.ended == Ended::Passed).count();
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        let names = reports.iter().filter(|report| report.ended == Ended::Failed).map(|report| report.name);
        bail!("failed: {}", names.collect::<Vec<_>>().join(", "));
    }
    Ok(())
}
