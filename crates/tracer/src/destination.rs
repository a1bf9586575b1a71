//! Where finished spans go.

use std::path::PathBuf;

use crate::config::ConfigError;

/// A collector, or a file in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A scribe collector.
    Scribe {
        /// Host name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A collector that takes HTTP posts.
    Http(HttpDestination),
    /// A file: one JSON list of spans a line, as `POST /api/v2/spans` takes it.
    File {
        /// Where it is; its folder must exist.
        path: PathBuf,
        /// A file that would grow longer is renamed to `.1`, in place of the one before.
        bytes_max: u64,
    },
}

/// A collector that takes HTTP posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpDestination {
    /// Host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What is posted to: `/api/v2/spans`.
    pub path: String,
    /// How spans are written.
    pub encoding: Encoding,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// Sent as `Authorization: Bearer`.
    pub bearer_token: Option<String>,
}

/// How spans are written in HTTP bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Zipkin's JSON v2.
    #[default]
    JsonV2,
    /// Zipkin's ListOfSpans in protocol buffers.
    Proto3,
    /// OpenTelemetry's protocol in protocol buffers.
    Otlp,
}

impl Encoding {
    /// Returns the encoding with this name: `json`, `proto3` or `otlp`.
    pub fn from_name(name: &str) -> Option<Self> {
        [("json", Self::JsonV2), ("proto3", Self::Proto3), ("otlp", Self::Otlp)]
            .into_iter()
            .find_map(|(known, encoding)| (known == name).then_some(encoding))
    }

    /// Returns what bodies are called in `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::JsonV2 => "application/json",
            Self::Proto3 | Self::Otlp => "application/x-protobuf",
        }
    }

    fn default_path(self) -> &'static str {
        match self {
            Self::JsonV2 | Self::Proto3 => "/api/v2/spans",
            Self::Otlp => "/v1/traces",
        }
    }
}

impl Default for Destination {
    fn default() -> Self {
        Self::scribe("127.0.0.1", 9410)
    }
}

impl Destination {
    /// Most bytes of the file of a `file:` URL.
    const FILE_BYTES_MAX: u64 = 256 << 20;

    /// Returns a scribe collector.
    pub fn scribe(host: &str, port: u16) -> Self {
        Self::Scribe { host: host.to_owned(), port }
    }

    /// Reads `http://host:port/path`, `scribe://host:port` or `file:/path`. HTTP bodies are in this encoding, and the
    /// path is by default the one that goes with it.
    pub fn parse(url: &str, encoding: Encoding) -> Result<Self, ConfigError> {
        let fail = |what| ConfigError::Destination(url.to_owned(), what);
        if let Some(path) = url.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.starts_with('/') {
                return Err(fail("is no absolute path"));
            }
            return Ok(Self::File { path: path.into(), bytes_max: Self::FILE_BYTES_MAX });
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(|| fail("is no URL"))?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let default_port = match scheme {
            "scribe" => 9410,
            "http" if encoding == Encoding::Otlp => 4318,
            "http" => 9411,
            "https" => {
                return Err(fail("has TLS, which is not built in: send to a collector on this machine"));
            }
            _ => return Err(fail("is none of http, scribe and file")),
        };
        let (host, port) = host_and_port(authority).ok_or_else(|| fail("has no host, or a bad port"))?;
        let port = port.unwrap_or(default_port);
        if scheme == "scribe" {
            return Ok(Self::Scribe { host, port });
        }
        let path = if path.trim_matches('/').is_empty() { encoding.default_path() } else { path };
        Ok(Self::Http(HttpDestination {
            host,
            port,
            path: path.to_owned(),
            encoding,
            gzip: false,
            bearer_token: None,
        }))
    }

    /// Says whether both halves of a call may have the same span id: OpenTelemetry knows only ids of one span.
    pub(crate) fn takes_shared_ids(&self) -> bool {
        !matches!(self, Self::Http(HttpDestination { encoding: Encoding::Otlp, .. }))
    }

    /// Says whether what is written into requests cannot break them.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Self::Http(http) = self else { return Ok(()) };
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        for (name, text) in [("host", http.host.as_str()), ("path", &http.path)]
            .into_iter()
            .chain(http.bearer_token.as_deref().map(|token| ("bearer_token", token)))
        {
            if text.is_empty() || !plain(text) {
                return Err(ConfigError::Text(name));
            }
        }
        Ok(())
    }
}

/// Reads `host`, `host:port` or `[address]:port`.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    // A name and password would be sent nowhere: better to say so than to lose them.
    (!host.is_empty() && !host.contains('@')).then(|| (host.to_owned(), port))
}
