//! The relay beside the OpenTelemetry Collector, in one run: `cargo run --release -p relay-bench -- --help`.
//!
//! Each row sends spans through and waits until all have arrived, then has a backlog gather while the far side turns
//! spans away, and lets it drain. Both write every batch to disk and sync it before they acknowledge it. The far side
//! only counts; the rows named `direct` say how fast it and the sender are without anybody between.

mod load;
mod peer;
mod sink;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;

use load::{Form, Load};
use peer::Peer;
use sink::Sink;

/// Measures CPU, speed, memory and the draining of a backlog.
#[derive(Parser)]
struct Arguments {
    /// Spans sent through while the far side takes them.
    #[arg(long, default_value_t = 1_000_000)]
    spans: u64,
    /// Spans that wait, and then drain.
    #[arg(long, default_value_t = 10_000_000)]
    backlog: u64,
    /// An OpenTelemetry Collector with the Zipkin receiver and exporter and `file_storage`; without it, it is skipped.
    #[arg(long, env = "OTELCOL_BIN", value_name = "FILE")]
    otelcol: Option<PathBuf>,
    /// Spans that wait in the OpenTelemetry Collector, which takes its time [default: a tenth].
    #[arg(long)]
    otelcol_backlog: Option<u64>,
    /// Where buffers are: a real disk, not a file system in memory [default: target/].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// What one row says.
struct Row {
    cpu_s: f64,
    rate: f64,
    memory_bytes: u64,
    drain_rate: f64,
    drain_cpu_s: f64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let binary = e2e::process::binary();
    let chosen = std::env::var_os("SPANLET_BIN").is_some();
    let debug = !chosen && binary.components().any(|part| part.as_os_str() == "debug");
    ensure!(
        !debug,
        "{} is no release build: run `cargo build --release -p spanlet`, or set SPANLET_BIN",
        binary.display()
    );
    let usual = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let place = arguments.data_dir.clone().unwrap_or_else(usual);
    println!("binary {}, buffers in {}", binary.display(), place.display());
    println!("{} spans through, {} waiting; batches of {}", arguments.spans, arguments.backlog, load::BATCH);
    println!(
        "{:<26} {:>14} {:>10} {:>10} {:>16} {:>14}",
        "", "CPU s / 1 M", "spans/s", "peak MiB", "drained spans/s", "CPU s / 1 M"
    );
    for (name, form) in [("direct, scribe", Form::Scribe), ("direct, JSON", Form::Json)] {
        let sink = Sink::start()?;
        let to = if form == Form::Json { sink.http } else { sink.scribe };
        let started = Instant::now();
        Load::new(form).send(to, arguments.spans)?;
        let rate = arguments.spans as f64 / started.elapsed().as_secs_f64();
        println!("{name:<26} {:>14} {rate:>10.0}", "");
    }
    for (name, form) in [("relay, scribe to scribe", Form::Scribe), ("relay, JSON to JSON", Form::Json)] {
        let (sink, dir) = (Sink::start()?, tempfile::tempdir_in(&place)?);
        let peer = Peer::relay(dir.path(), form, &sink)?;
        print(name, &measure(&peer, form, &sink, arguments.spans, arguments.backlog)?);
    }
    let Some(otelcol) = &arguments.otelcol else {
        println!("otelcol skipped: name it with --otelcol FILE");
        return Ok(());
    };
    let (sink, dir) = (Sink::start()?, tempfile::tempdir_in(&place)?);
    let peer = Peer::collector(otelcol, dir.path(), &sink)?;
    let backlog = arguments.otelcol_backlog.unwrap_or(arguments.backlog / 10);
    print(
        &format!("otelcol, JSON, {backlog} wait"),
        &measure(&peer, Form::Json, &sink, arguments.spans, backlog)?,
    );
    Ok(())
}

fn measure(peer: &Peer, form: Form, sink: &Sink, spans: u64, backlog: u64) -> Result<Row> {
    let (load, to) = (Load::new(form), peer.address(form));
    let (started, cpu_s) = (Instant::now(), peer.cpu_s()?);
    load.send(to, spans)?;
    sink.wait(spans / load::BATCH * load::BATCH)?;
    let (seconds, cpu_s) = (started.elapsed().as_secs_f64(), peer.cpu_s()? - cpu_s);
    sink.set_open(false);
    load.send(to, backlog)?;
    // What was sent twice before counts as arrived here too: a few spans at most.
    let (before, drain_cpu_s) = (sink.spans(), peer.cpu_s()?);
    sink.set_open(true);
    let started = Instant::now();
    sink.wait(before + backlog / load::BATCH * load::BATCH)?;
    let million = |count: u64| count as f64 / 1e6;
    Ok(Row {
        cpu_s: cpu_s / million(spans),
        rate: spans as f64 / seconds,
        memory_bytes: peer.memory_peak_bytes()?,
        drain_rate: backlog as f64 / started.elapsed().as_secs_f64(),
        drain_cpu_s: (peer.cpu_s()? - drain_cpu_s) / million(backlog),
    })
}

fn print(name: &str, row: &Row) {
    println!(
        "{name:<26} {:>14.2} {:>10.0} {:>10.1} {:>16.0} {:>14.2}",
        row.cpu_s,
        row.rate,
        row.memory_bytes as f64 / f64::from(1 << 20),
        row.drain_rate,
        row.drain_cpu_s
    );
}
