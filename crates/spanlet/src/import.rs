//! `spanlet import`: adds spans from files of Zipkin's JSON to a data directory that no server runs on.

mod objects;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use columnar::engine::Engine;
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use model::batch::Batch;

use self::objects::Objects;
use crate::directory::Directory;
use crate::progress;

/// Made durable at once.
const COMMIT_BYTES: usize = 4 << 20;

/// Adds spans from files. What is there already stays as it is: a file that is imported twice reads once.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Lists of Zipkin's v2 spans in JSON, compressed when the name ends in .gz.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

struct Import {
    engine: Engine,
    bar: ProgressBar,
    batch: Batch,
    spans: u64,
    bad_spans: u64,
    bad_files: u64,
}

/// Adds the spans. Exit code 1 says that some could not be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut bytes = 0;
    for file in &arguments.files {
        bytes += std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    }
    let (disk, config) = arguments.directory.lower();
    let engine = Engine::open(disk, config)?;
    let bar = progress::bytes("importing");
    progress::advance(&bar, 0, bytes);
    let mut import = Import { engine, bar, batch: Batch::new(), spans: 0, bad_spans: 0, bad_files: 0 };
    arguments.files.iter().try_for_each(|file| import.add_file(file))?;
    import.finish()
}

impl Import {
    fn add_file(&mut self, path: &Path) -> anyhow::Result<()> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = BufReader::new(self.bar.wrap_read(file));
        let compressed = path.extension().is_some_and(|extension| extension == "gz");
        let input: Box<dyn BufRead> =
            if compressed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        let mut objects = Objects::new(input);
        // Each span is a list of its own to the reader of lists.
        let mut list = Vec::new();
        loop {
            list.clear();
            list.push(b'[');
            match objects.next(&mut list) {
                Ok(true) => list.push(b']'),
                Ok(false) => return Ok(()),
                Err(error) => {
                    self.bad_files += 1;
                    self.say(path, &objects, &error.to_string());
                    return Ok(());
                }
            }
            match wire::json_v2::decode_list(&list, &mut self.batch) {
                Ok(()) => self.spans += 1,
                Err(error) => {
                    self.bad_spans += 1;
                    self.say(path, &objects, error.to_string().trim_end());
                }
            }
            if self.batch.as_bytes().len() >= COMMIT_BYTES {
                self.commit()?;
            }
        }
    }

    fn say(&self, path: &Path, objects: &Objects<impl BufRead>, what: &str) {
        let (line, byte) = objects.place();
        self.bar.suspend(|| eprintln!("{}, line {line}, byte {byte}: {what}", path.display()));
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        self.seal_waiting()?;
        self.engine.commit(&[std::mem::take(&mut self.batch)])?;
        Ok(())
    }

    fn seal_waiting(&self) -> anyhow::Result<()> {
        while self.engine.wants_sealing() {
            self.engine.seal_next().map_err(|error| anyhow!(error))?;
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<ExitCode> {
        if !self.batch.is_empty() {
            self.commit()?;
        }
        self.engine.seal_active();
        self.seal_waiting()?;
        self.bar.finish_and_clear();
        println!("imported {} spans", self.spans);
        if self.bad_spans + self.bad_files == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        println!(
            "{} spans could not be read, and {} files were not read to their end",
            self.bad_spans, self.bad_files
        );
        Ok(ExitCode::FAILURE)
    }
}
