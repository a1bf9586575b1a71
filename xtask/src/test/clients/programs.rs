//! The programs that send, made ready with what they need: all of it pinned, all of it below the target folder.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::clients;
use crate::build::is_fresh;
use crate::log::Log;
use crate::root::target;
use crate::tools;
use crate::venv::Venv;

/// A program, one for each library.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Program {
    Brave,
    ZipkinGo,
    ZipkinJs,
    PyZipkin,
    /// With its Zipkin exporters, and with those of its own protocol: their versions of protobuf exclude each other.
    OpenTelemetryZipkin,
    OpenTelemetryOtlp,
}

const ALL: [Program; 6] = [
    Program::Brave,
    Program::ZipkinGo,
    Program::ZipkinJs,
    Program::PyZipkin,
    Program::OpenTelemetryZipkin,
    Program::OpenTelemetryOtlp,
];

/// How each program is started; those whose tools are missing here are left out.
pub struct Programs(HashMap<Program, Vec<OsString>>);

impl Program {
    /// The library's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brave => "brave",
            Self::ZipkinGo => "zipkin-go",
            Self::ZipkinJs => "zipkin-js",
            Self::PyZipkin => "py_zipkin",
            Self::OpenTelemetryZipkin => "opentelemetry-zipkin",
            Self::OpenTelemetryOtlp => "opentelemetry-otlp",
        }
    }

    /// The tools it is built and run with, each with a flag that only asks for its version.
    fn tools(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Brave => &[("javac", "-version"), ("mvn", "-version")],
            Self::ZipkinGo => &[("go", "version")],
            // The project cannot be built without these.
            _ => &[],
        }
    }

    /// Fetches what it needs and returns how it is started.
    fn ready(self, log: &Log) -> Result<Vec<OsString>> {
        let folder = target().join("xtask/clients").join(self.name());
        std::fs::create_dir_all(&folder)?;
        let source = |path: &str| clients().join(path);
        Ok(match self {
            Self::Brave => {
                let jars = folder.join("jars");
                if !is_fresh(&jars, &[source("brave/pom.xml")]) {
                    // Only whole jars count: Maven checks each against its checksum and stops at the first bad one.
                    log.run(
                        Command::new("mvn")
                            .args(["-q", "-B", "-C", "dependency:copy-dependencies", "-f"])
                            .arg(source("brave/pom.xml"))
                            .arg(format!("-DoutputDirectory={}", jars.display())),
                    )?;
                }
                let class_path = format!("{}/*", jars.display());
                vec!["java".into(), "-cp".into(), class_path.into(), source("brave/Send.java").into()]
            }
            Self::ZipkinGo => {
                let program = folder.join("send");
                let mut build = Command::new("go");
                build.args(["build", "-mod=readonly", "-o"]).arg(&program).arg(".");
                build.env("GOPATH", folder.join("path")).env("GOFLAGS", "-modcacherw -buildvcs=false");
                log.run(build.env("GOCACHE", folder.join("cache")).current_dir(source("zipkin-go")))?;
                vec![program.into()]
            }
            Self::ZipkinJs => {
                for file in ["package.json", "package-lock.json", "send.js"] {
                    std::fs::copy(source("zipkin-js").join(file), folder.join(file))?;
                }
                let install = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
                log.run(Command::new("npm").args(install).current_dir(&folder))?;
                vec!["node".into(), folder.join("send.js").into()]
            }
            Self::PyZipkin => python(folder, "py_zipkin/requirements.txt", "py_zipkin/send.py", log)?,
            Self::OpenTelemetryZipkin => {
                python(folder, "opentelemetry/requirements-zipkin.txt", "opentelemetry/send.py", log)?
            }
            Self::OpenTelemetryOtlp => {
                python(folder, "opentelemetry/requirements-otlp.txt", "opentelemetry/send.py", log)?
            }
        })
    }
}

/// A virtual environment of its own for each Python program.
fn python(folder: PathBuf, requirements: &str, program: &str, log: &Log) -> Result<Vec<OsString>> {
    let venv = Venv::ensure(folder.join("venv"), log)?;
    venv.pip(&["install", "-q", "-r", &format!("tests/clients/{requirements}")], log)?;
    Ok(vec![venv.program("python").into(), clients().join(program).into()])
}

impl Programs {
    /// Makes all programs ready. One whose tools are missing says so in the log; with `CI=true` that is an error.
    pub fn ready(log: &Log) -> Result<Self> {
        let mut ready = HashMap::new();
        for program in ALL {
            let missing = program.tools().iter().find(|(tool, flag)| tools::output(tool, &[flag]).is_none());
            match missing {
                Some((tool, _)) => {
                    let line = format!("skipped client {}: it needs {tool}", program.name());
                    ensure!(std::env::var("CI").as_deref() != Ok("true"), "{line}");
                    log.line(&line)?;
                }
                None => drop(ready.insert(program, program.ready(log)?)),
            }
        }
        Ok(Self(ready))
    }

    /// The command that starts a program; nothing when it could not be made ready here.
    pub fn command(&self, program: Program) -> Option<Command> {
        let (name, args) = self.0.get(&program)?.split_first()?;
        let mut command = Command::new(name);
        command.args(args).stdin(std::process::Stdio::null());
        Some(command)
    }
}
