//! Runs steps in lanes: one step a lane at a time, each after the steps it needs.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar};

use crate::log::Log;
use crate::stage::spinner;

/// What keeps a step's machine busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Cargo locks its target folder, so its builds wait for each other anyway.
    Cargo,
    /// Everything else: packages from the network, Node, Python, the browser.
    Other,
}

/// What a step found out about itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// It could not be run here, for this reason.
    Skipped(String),
}

/// What a step does.
pub type Run = Box<dyn FnOnce(&Log) -> Result<Outcome> + Send>;

/// A piece of the test run.
pub struct Step {
    pub name: &'static str,
    pub lane: Lane,
    /// Steps that must have passed before. They stand earlier in the list.
    pub needs: &'static [&'static str],
    pub run: Run,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Passed,
    Failed,
    Skipped(String),
}

/// What became of a step.
#[derive(Clone, Debug)]
pub struct Report {
    pub name: &'static str,
    pub ended: Ended,
    /// Lines in which single tests of the step say that they were skipped.
    pub skipped_inside: Vec<String>,
}

/// Returns the named steps and all that they need, in order; all steps when none is named.
pub fn wanted(steps: Vec<Step>, only: &[String]) -> Vec<Step> {
    if only.is_empty() {
        return steps;
    }
    let mut names: Vec<String> = only.to_vec();
    // Needs stand earlier, so one walk from the end finds all.
    for step in steps.iter().rev() {
        if names.iter().any(|name| name == step.name) {
            names.extend(step.needs.iter().map(|need| (*need).to_owned()));
        }
    }
    steps.into_iter().filter(|step| names.iter().any(|name| name == step.name)).collect()
}

/// The steps that have ended, shared by the lanes.
struct Board {
    reports: Mutex<Vec<Report>>,
    changed: Condvar,
    progress: MultiProgress,
}

/// Runs all steps; a failure stops only the steps that need the failed one.
pub fn run(steps: Vec<Step>) -> Vec<Report> {
    let order: HashMap<&str, usize> = steps.iter().enumerate().map(|(at, step)| (step.name, at)).collect();
    let board =
        Board { reports: Mutex::new(Vec::new()), changed: Condvar::new(), progress: MultiProgress::new() };
    let (cargo, other): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.lane == Lane::Cargo);
    std::thread::scope(|scope| {
        for lane in [cargo, other] {
            let board = &board;
            scope.spawn(move || lane.into_iter().for_each(|step| board.run(step)));
        }
    });
    let mut reports = board.reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.sort_by_key(|report| order.get(report.name));
    reports
}

impl Board {
    fn reports(&self) -> MutexGuard<'_, Vec<Report>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the steps that this one needs, runs it, and writes down how it ended.
    fn run(&self, step: Step) {
        let name = step.name;
        let report = match self.missing(step.needs) {
            Some(need) => {
                self.say(name, "skip", &format!("needs {need}"), "");
                let ended = Ended::Skipped(format!("it needs the step {need}"));
                Report { name, ended, skipped_inside: Vec::new() }
            }
            None => self.execute(step),
        };
        self.reports().push(report);
        self.changed.notify_all();
    }

    /// Returns a needed step that did not pass, once all have ended.
    fn missing(&self, needs: &[&'static str]) -> Option<&'static str> {
        let mut reports = self.reports();
        while !needs.iter().all(|need| reports.iter().any(|report| report.name == *need)) {
            reports = self.changed.wait(reports).unwrap_or_else(PoisonError::into_inner);
        }
        let passed =
            |need: &str| reports.iter().any(|report| report.name == need && report.ended == Ended::Passed);
        needs.iter().find(|need| !passed(need)).copied()
    }

    fn execute(&self, step: Step) -> Report {
        let bar: ProgressBar = self.progress.add(spinner(step.name));
        let start = Instant::now();
        let (done, output) = match Log::create(step.name) {
            Ok(log) => ((step.run)(&log), log.text()),
            Err(error) => (Err(error), String::new()),
        };
        bar.finish_and_clear();
        let seconds = format!("{:.1} s", start.elapsed().as_secs_f64());
        let ended = match done {
            Ok(Outcome::Passed) => {
                self.say(step.name, "ok", &seconds, "");
                Ended::Passed
            }
            Ok(Outcome::Skipped(why)) => {
                self.say(step.name, "skip", &why, "");
                Ended::Skipped(why)
            }
            Err(error) => {
                self.say(step.name, "FAIL", &seconds, &format!("{}\nerror: {error:#}\n", output.trim_end()));
                Ended::Failed
            }
        };
        Report { name: step.name, ended, skipped_inside: skipped_inside(&output) }
    }

    /// Prints a line, and what belongs above it, between the spinners.
    fn say(&self, name: &str, how: &str, detail: &str, above: &str) {
        self.progress.suspend(|| println!("{above}  {how:<5}{name:<20}{detail:>10}"));
    }
}

/// Our tests say `skipped NAME: why` at the start of a line, pytest says `SKIPPED [1] FILE:LINE: why`.
fn skipped_inside(output: &str) -> Vec<String> {
    output
        .lines()
        .filter(|line| line.starts_with("skipped ") || line.starts_with("SKIPPED ["))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anyhow::bail;

    use super::*;

    fn step(
        name: &'static str,
        lane: Lane,
        needs: &'static [&'static str],
        trace: &Arc<Mutex<Vec<&'static str>>>,
    ) -> Step {
        let trace = Arc::clone(trace);
        let run = Box::new(move |log: &Log| {
            trace.lock().expect("trace").push(name);
            match name {
                // A failing step prints its log, and this is no test that was skipped.
                "lanes-bad" => bail!("it broke"),
                "lanes-moon" => Ok(Outcome::Skipped("no moon".to_owned())),
                _ => log.line("skipped a_test: it needs the moon").map(|()| Outcome::Passed),
            }
        });
        Step { name, lane, needs, run }
    }

    #[test]
    fn a_failure_stops_only_what_needs_it() {
        let trace = Arc::default();
        let reports = run(vec![
            step("lanes-bad", Lane::Cargo, &[], &trace),
            step("lanes-moon", Lane::Other, &[], &trace),
            step("lanes-needs-bad", Lane::Other, &["lanes-bad"], &trace),
            step("lanes-needs-moon", Lane::Other, &["lanes-moon"], &trace),
            step("lanes-alone", Lane::Cargo, &[], &trace),
        ]);
        let ended: Vec<_> = reports.iter().map(|report| report.ended.clone()).collect();
        let skipped = |why: &str| Ended::Skipped(why.to_owned());
        assert_eq!(
            ended,
            [
                Ended::Failed,
                skipped("no moon"),
                skipped("it needs the step lanes-bad"),
                skipped("it needs the step lanes-moon"),
                Ended::Passed
            ]
        );
        assert_eq!(trace.lock().expect("trace").len(), 3);
        assert_eq!(reports[4].skipped_inside, ["skipped a_test: it needs the moon"]);
    }

    #[test]
    fn a_step_waits_for_the_other_lane() {
        let trace = Arc::default();
        run(vec![
            step("lanes-first", Lane::Cargo, &[], &trace),
            step("lanes-second", Lane::Other, &["lanes-first"], &trace),
            step("lanes-third", Lane::Cargo, &["lanes-second"], &trace),
        ]);
        assert_eq!(*trace.lock().expect("trace"), ["lanes-first", "lanes-second", "lanes-third"]);
    }

    #[test]
    fn a_named_step_brings_what_it_needs() {
        let trace = Arc::default();
        let steps = vec![
            step("lanes-a", Lane::Cargo, &[], &trace),
            step("lanes-b", Lane::Cargo, &["lanes-a"], &trace),
            step("lanes-c", Lane::Other, &["lanes-b"], &trace),
            step("lanes-d", Lane::Other, &[], &trace),
        ];
        let names: Vec<_> = wanted(steps, &["lanes-c".to_owned()]).iter().map(|step| step.name).collect();
        assert_eq!(names, ["lanes-a", "lanes-b", "lanes-c"]);
    }
}
