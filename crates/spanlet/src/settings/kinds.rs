//! The kinds of values a setting can have, and how people write them.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use server::access::Scope;
use server::config::Sampler;

/// A value that people write as text.
pub trait Kind: Sized {
    /// Stands for the value in the help.
    const WORD: &'static str;
    /// Whether the value must never be shown.
    const SECRET: bool = false;

    /// Reads it, or says what it should look like.
    fn parse(text: &str) -> Result<Self, String>;
}

/// No text, no value.
impl<K: Kind> Kind for Option<K> {
    const WORD: &'static str = K::WORD;
    const SECRET: bool = K::SECRET;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { K::parse(text).map(Some) }
    }
}

/// As Spring reads it, so that Zipkin's users may write what they always wrote.
impl Kind for bool {
    const WORD: &'static str = "BOOL";

    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err("neither true nor false".into()),
        }
    }
}

impl Kind for u16 {
    const WORD: &'static str = "PORT";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "not a port: a number from 0 to 65535 is wanted".into())
    }
}

impl Kind for usize {
    const WORD: &'static str = "NUMBER";

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(0) | Err(_) => Err("not a whole number above zero".into()),
            Ok(number) => Ok(number),
        }
    }
}

impl Kind for String {
    const WORD: &'static str = "TEXT";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Kind for PathBuf {
    const WORD: &'static str = "PATH";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl Kind for SocketAddr {
    const WORD: &'static str = "ADDRESS:PORT";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "not an address and port such as 127.0.0.1:9411 or [::]:9411".into())
    }
}

/// Separated by commas; in the file a list of texts as well.
impl Kind for Vec<String> {
    const WORD: &'static str = "LIST";

    fn parse(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Ok(items.map(str::to_owned).collect())
    }
}

/// `ingest,query,admin`.
impl Kind for Vec<Scope> {
    const WORD: &'static str = "SCOPES";

    fn parse(text: &str) -> Result<Self, String> {
        Vec::<String>::parse(text)?.iter().map(|name| scope(name)).collect()
    }
}

/// Reads the name of a scope.
pub fn scope(name: &str) -> Result<Scope, String> {
    let known = Scope::ALL.into_iter().find(|scope| scope.name() == name);
    known.ok_or_else(|| format!("{name:?} is no scope: use ingest, query or admin"))
}

/// A share of all: 0 for none, 1 for all.
#[derive(Clone, Copy, Debug)]
pub struct Ratio(pub f64);

impl Kind for Ratio {
    const WORD: &'static str = "RATE";

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Self(ratio)),
            _ => Err("not a rate between 0.0 and 1.0".into()),
        }
    }
}

impl Kind for Sampler {
    const WORD: &'static str = "RATE";

    fn parse(text: &str) -> Result<Self, String> {
        let rate = text.parse().ok().and_then(|rate| Self::new(rate).ok());
        rate.ok_or_else(|| "not a rate between 0.0 and 1.0".into())
    }
}

/// A whole number, zero included.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub u32);

impl Kind for Count {
    const WORD: &'static str = "NUMBER";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "not a whole number".into())
    }
}

/// Bytes, with or without a unit of 1024.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub usize);

impl Kind for Bytes {
    const WORD: &'static str = "BYTES";

    fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let unit = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => 0,
        };
        match number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit)) {
            None | Some(0) => Err("not a size such as 1048576 or 16MiB".into()),
            Some(bytes) => Ok(Self(bytes)),
        }
    }
}

/// A number alone is milliseconds, as in Zipkin's settings.
impl Kind for Duration {
    const WORD: &'static str = "DURATION";

    fn parse(text: &str) -> Result<Self, String> {
        duration(text, Duration::from_millis(1)).ok_or_else(|| not_a_duration("milliseconds"))
    }
}

/// A duration of which a number alone is seconds: Zipkin has such settings too.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub Duration);

impl Kind for Seconds {
    const WORD: &'static str = "DURATION";

    fn parse(text: &str) -> Result<Self, String> {
        duration(text, Duration::from_secs(1)).map(Self).ok_or_else(|| not_a_duration("seconds"))
    }
}

fn not_a_duration(unit: &str) -> String {
    format!("not a duration such as 500ms, 11s, 5m, 1h or 7d (a number alone is {unit})")
}

fn duration(text: &str, bare: Duration) -> Option<Duration> {
    if let Some(iso) = text.strip_prefix("PT") {
        // Spring reads ISO-8601 as well: PT11S.
        return duration(&iso.to_ascii_lowercase(), bare);
    }
    let (number, unit) = split_unit(text);
    let unit = match unit {
        "" => bare,
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(86_400),
        _ => return None,
    };
    unit.checked_mul(number.parse().ok()?)
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// A text that nothing prints.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Kind for Secret {
    const WORD: &'static str = "SECRET";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageType {
    /// Durable, in a directory.
    Embedded,
    /// Gone with the process.
    Memory,
}

impl Kind for StorageType {
    const WORD: &'static str = "TYPE";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "mem" => Ok(Self::Memory),
            "mysql" | "cassandra3" | "elasticsearch" => Err(
                "this store of Zipkin's is not built in: leave the setting out for the embedded store, which is \
                 durable and needs no database, or use mem"
                    .into(),
            ),
            _ => Err("not a store: leave the setting out for the embedded one, or use mem".into()),
        }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

impl Kind for LogFormat {
    const WORD: &'static str = "text|json";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("neither text nor json".into()),
        }
    }
}

/// What is worth a line in the log.
#[derive(Clone, Debug)]
pub struct LogFilter(pub String);

impl Kind for LogFilter {
    const WORD: &'static str = "LEVEL";

    fn parse(text: &str) -> Result<Self, String> {
        let filter = tracing_subscriber::EnvFilter::builder().parse(text);
        let wanted =
            "not a level (error, warn, info, debug, trace), or levels by part such as info,collector=debug";
        filter.map(|_| Self(text.to_owned())).map_err(|_| wanted.into())
    }
}
