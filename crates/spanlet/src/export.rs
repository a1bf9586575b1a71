//! `spanlet export`: writes the traces of a data directory that no server runs on as Zipkin's JSON.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use columnar::Clock;
use flate2::Compression;
use flate2::write::GzEncoder;
use model::span::Span;
use storage::facts::Facts;
use storage::query::Window;

use crate::directory::Directory;
use crate::progress;

/// Writes traces as one list of Zipkin's v2 spans, a trace a line, which `spanlet import`, Zipkin's API and the page take.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Where to write, compressed when the name ends in .gz; - is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Only traces that started up to this instant, milliseconds since the epoch; with a lookback it is now if not set.
    #[arg(long, value_name = "MS")]
    end_ts: Option<u64>,
    /// Only traces that started at most so many milliseconds before the end.
    #[arg(long, value_name = "MS")]
    lookback: Option<u64>,
    /// Only traces with a span of this service.
    #[arg(long, value_name = "NAME")]
    service_name: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Zipkin's v2 JSON.
    Json,
}

/// Which traces are written.
struct Wanted {
    window: Option<Window>,
    service_name: Option<String>,
}

/// What was written.
#[derive(Default)]
struct Written {
    traces: u64,
    spans: u64,
}

/// Writes the traces. Exit code 1 says that not all could be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (disk, config) = arguments.directory.lower();
    let engine = columnar::offline::open(disk, config)?;
    let wanted = Wanted::of(arguments);
    let written = into(&arguments.output, |out| match arguments.format {
        Format::Json => write_json(&engine, &wanted, out),
    })?;
    eprintln!("exported {} spans of {} traces", written.spans, written.traces);
    let put_aside = engine.put_aside();
    if put_aside > 0 {
        eprintln!("{put_aside} damaged files were put aside: what they held is missing");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn write_json(
    engine: &columnar::engine::Engine,
    wanted: &Wanted,
    out: &mut dyn Write,
) -> anyhow::Result<Written> {
    let (bar, all) = (progress::spans("exporting"), engine.rows());
    let (mut written, mut read, mut line) = (Written::default(), 0, String::new());
    out.write_all(b"[")?;
    engine.for_each_trace::<anyhow::Error>(&mut |trace| {
        read += trace.len() as u64;
        progress::advance(&bar, read, all);
        if !wanted.holds(&trace) {
            return Ok(());
        }
        line.clear();
        wire::json_v2::write_list(&mut line, &trace);
        // One list for all traces, in place of one for each.
        let spans = line.trim_start_matches('[').trim_end_matches(']');
        out.write_all(if written.traces == 0 { b"\n" } else { b",\n" })?;
        out.write_all(spans.as_bytes())?;
        written.traces += 1;
        written.spans += trace.len() as u64;
        Ok(())
    })?;
    out.write_all(b"\n]\n")?;
    bar.finish_and_clear();
    Ok(written)
}

impl Wanted {
    fn of(arguments: &Arguments) -> Self {
        let (end, lookback) = (arguments.end_ts, arguments.lookback);
        let window = (end.is_some() || lookback.is_some()).then(|| Window {
            end_ms: end.unwrap_or_else(|| Clock::System.now_ms()),
            lookback_ms: lookback.unwrap_or(u64::MAX),
        });
        // As names are stored.
        let service_name = arguments.service_name.as_ref().map(|name| name.to_lowercase());
        Self { window, service_name }
    }

    fn holds(&self, trace: &[Span]) -> bool {
        let start_us = || Facts::of(trace).timestamp_us();
        let service = self.service_name.as_deref();
        self.window.is_none_or(|window| start_us().is_some_and(|us| window.contains_us(us)))
            && (service.is_none() || trace.iter().any(|span| span.local_service() == service))
    }
}

/// Runs `write` with the output. A file gets its name when it is whole.
fn into<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>) -> anyhow::Result<T> {
    if path == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = write(&mut out)?;
        out.flush().context("cannot write to standard output")?;
        return Ok(written);
    }
    let part = PathBuf::from([path.as_os_str(), ".part".as_ref()].into_iter().collect::<OsString>());
    let done = into_file(&part, path.extension().is_some_and(|extension| extension == "gz"), write)
        .and_then(|written| std::fs::rename(&part, path).map(|()| written).map_err(Into::into));
    if done.is_err() {
        // The first error says more than one about its remains.
        let _ = std::fs::remove_file(&part);
    }
    done.with_context(|| format!("cannot export to {}", path.display()))
}

fn into_file<T>(
    path: &Path,
    compressed: bool,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut file = BufWriter::new(File::create(path)?);
    let written = if compressed {
        let mut encoder = GzEncoder::new(&mut file, Compression::default());
        let written = write(&mut encoder)?;
        encoder.finish()?;
        written
    } else {
        write(&mut file)?
    };
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(written)
}
