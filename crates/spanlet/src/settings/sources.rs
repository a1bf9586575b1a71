//! Gathers what was said about each setting, and remembers where.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches};
use server::access::Credential;

use super::file;
use super::kinds::Kind;
use super::table::{Setting, TABLE};

/// Our variables that are no settings of the server but of the tracer, in a service that runs beside it.
const TRACER: [&str; 18] = [
    "SPANLET_ENCODING",
    "SPANLET_ENDPOINT",
    "SPANLET_GZIP",
    "SPANLET_LOG_ANNOTATIONS",
    "SPANLET_LOG_IDS",
    "SPANLET_PROPAGATION",
    "SPANLET_QUERY_KEYS",
    "SPANLET_QUEUE_BYTES_MAX",
    "SPANLET_QUEUE_SPANS_MAX",
    "SPANLET_REDIRECT",
    "SPANLET_SAMPLING_RATE",
    "SPANLET_SAMPLING_RULES",
    "SPANLET_SCRIBE_HOST",
    "SPANLET_SCRIBE_PORT",
    "SPANLET_SERVICE_NAME",
    "SPANLET_TOKEN",
    "SPANLET_TRACES_PER_SECOND",
    "SPANLET_TRACE_ID_128",
];
/// And of the relay.
const RELAY: &str = "SPANLET_RELAY_";
const CONFIG_VARIABLE: &str = "SPANLET_CONFIG";

/// What is wrong with the settings, and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub String);

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The settings file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// What was said about a setting.
#[derive(Clone, Debug)]
pub struct Said {
    /// The value as it was written.
    pub text: String,
    /// By whom.
    pub origin: Origin,
}

/// What was said about every setting.
pub struct Sources {
    said: HashMap<&'static str, Said>,
    /// The `[[access]]` entries of the settings file.
    pub access: Vec<Credential>,
    /// The variables of the environment, for those that are no settings.
    pub environment: BTreeMap<String, String>,
}

/// Returns the flags of all settings that have one.
pub fn arguments() -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help(format!("TOML file of settings [variable: {CONFIG_VARIABLE}]"));
    let flags = TABLE.iter().filter(|setting| !setting.secret).map(|setting| {
        let variables = setting.all_variables().collect::<Vec<_>>().join(", ");
        let default = match setting.default {
            "" => String::new(),
            text => format!("[default: {text}] "),
        };
        Arg::new(setting.name)
            .long(setting.flag())
            .value_name(setting.word)
            .help_heading(setting.section)
            .help(format!("{} {default}[variables: {variables}]", setting.help()))
    });
    std::iter::once(config).chain(flags).collect()
}

impl Sources {
    /// Reads flags, environment and the file they name.
    pub fn gather(
        flags: &ArgMatches,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Problem> {
        let environment = texts(environment)?;
        let config = flags.get_one::<String>("config").cloned();
        let config = config.or_else(|| environment.get(CONFIG_VARIABLE).cloned());
        let (mut said, access) = match config {
            Some(path) => file::read(Path::new(&path))?,
            None => (HashMap::new(), Vec::new()),
        };
        for setting in TABLE {
            let variable = setting.all_variables().find_map(|name| Some((environment.get(&name)?, name)));
            if let Some((text, name)) = variable {
                said.insert(setting.name, Said { text: text.clone(), origin: Origin::Variable(name) });
            }
            let flag = (!setting.secret).then(|| flags.get_one::<String>(setting.name)).flatten();
            if let Some(text) = flag {
                said.insert(setting.name, Said { text: text.clone(), origin: Origin::Flag(setting.flag()) });
            }
        }
        Ok(Self { said, access, environment })
    }

    /// Returns what was said about a setting, or its default.
    pub fn said(&self, setting: &Setting) -> Said {
        let default = || Said { text: setting.default.to_owned(), origin: Origin::Default };
        self.said.get(setting.name).cloned().unwrap_or_else(default)
    }

    /// Reads a setting; a bad value names itself.
    pub fn parse<K: Kind>(&self, name: &'static str) -> Result<K, Problem> {
        let default = || TABLE.iter().find(|setting| setting.name == name).map_or("", |found| found.default);
        let text = self.said.get(name).map_or_else(default, |said| said.text.as_str());
        K::parse(text).map_err(|wrong| self.problem(name, &wrong))
    }

    /// Says what is wrong with a setting, and where it was said.
    pub fn problem(&self, name: &str, wrong: &str) -> Problem {
        let secret = TABLE.iter().any(|setting| setting.name == name && setting.secret);
        let Some(Said { text, origin }) = self.said.get(name) else {
            return Problem(format!("{name}: {wrong}"));
        };
        let text = if secret { "(hidden)" } else { text.as_str() };
        Problem(match origin {
            Origin::Default | Origin::File { .. } => format!("{origin}: {name} = {text:?}: {wrong}"),
            Origin::Variable(variable) => format!("{variable}={text}: {wrong}"),
            Origin::Flag(flag) => format!("--{flag} {text}: {wrong}"),
        })
    }
}

/// Returns the variables that are set to something: an empty one is how containers say "not set". A misspelt name is
/// refused, since it was meant to do something. Other unknown names are not ours to judge: Kubernetes sets
/// `SPANLET_PORT_9411_TCP` and the like in every container beside a service that is called spanlet.
fn texts(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, Problem> {
    let mut texts = BTreeMap::new();
    for (name, value) in environment {
        let name = name.to_string_lossy().into_owned();
        let known = || TABLE.iter().any(|setting| setting.all_variables().any(|known| known == name));
        let ours = name.starts_with("SPANLET_");
        let others = TRACER.contains(&name.as_str()) || name.starts_with(RELAY) || name == CONFIG_VARIABLE;
        if ours && !others && !known() {
            let meant = nearest(&name, TABLE.iter().flat_map(Setting::all_variables));
            if meant.is_empty() {
                continue;
            }
            return Err(Problem(format!(
                "{name} is no variable of this server{meant}; `spanlet config --reference` lists them"
            )));
        }
        match value.into_string() {
            Ok(value) if value.is_empty() => {}
            Ok(value) => _ = texts.insert(name, value),
            Err(_) if ours || known() => return Err(Problem(format!("{name}: not UTF-8"))),
            Err(_) => {}
        }
    }
    Ok(texts)
}

/// Proposes the name that was probably meant.
pub fn nearest(wrong: &str, names: impl Iterator<Item = String>) -> String {
    let near = names.map(|name| (distance(wrong, &name), name)).min();
    match near {
        Some((distance, name)) if distance <= 3 => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}

/// Counts the letters to change, add or leave out (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.bytes().enumerate() {
            let change = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
