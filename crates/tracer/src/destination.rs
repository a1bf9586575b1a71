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
    /// How it is reached.
    pub peer: Peer,
    /// What is posted to: `/api/v2/spans`.
    pub path: String,
    /// How spans are written.
    pub encoding: Encoding,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// Sent with each post, beside those that HTTP wants.
    pub headers: Vec<(String, String)>,
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A port.
    Tcp {
        /// Host name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A port behind TLS.
    Tls {
        /// Host name or address, which the certificate must name.
        host: String,
        /// Its port.
        port: u16,
        /// A file of the authorities (PEM) to trust in place of the system's.
        ca_file: Option<PathBuf>,
    },
    /// A socket of this machine.
    Unix(PathBuf),
}

/// How spans are written in HTTP bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Zipkin's JSON v2.
    #[default]
    JsonV2,
    /// Zipkin's ListOfSpans in protocol buffers.
    Proto3,
    /// Zipkin's v1 spans in thrift.
    ThriftV1,
    /// OpenTelemetry's protocol in protocol buffers.
    Otlp,
}

impl Encoding {
    /// Returns the encoding with this name: `json`, `proto3`, `thrift` or `otlp`.
    pub fn from_name(name: &str) -> Option<Self> {
        let names = [
            ("json", Self::JsonV2),
            ("proto3", Self::Proto3),
            ("thrift", Self::ThriftV1),
            ("otlp", Self::Otlp),
        ];
        names.into_iter().find_map(|(known, encoding)| (known == name).then_some(encoding))
    }

    /// Returns what bodies are called in `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::JsonV2 => "application/json",
            Self::ThriftV1 => "application/x-thrift",
            Self::Proto3 | Self::Otlp => "application/x-protobuf",
        }
    }

    fn default_path(self) -> &'static str {
        match self {
            Self::JsonV2 | Self::Proto3 => "/api/v2/spans",
            Self::ThriftV1 => "/api/v1/spans",
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

    /// Reads `http://host:port/path`, `https://user:password@host`, `unix:///path/of/socket`, `scribe://host:port` or
    /// `file:/path`. HTTP bodies are in this encoding, and the path is by default the one that goes with it.
    pub fn parse(url: &str, encoding: Encoding) -> Result<Self, ConfigError> {
        let fail = |what| ConfigError::Destination(without_credentials(url), what);
        let (scheme, rest) = url.split_once(':').ok_or_else(|| fail("is no URL"))?;
        if let "file" | "unix" = scheme {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err(fail("is no absolute path"));
            }
            return Ok(match scheme {
                "file" => Self::File { path: path.into(), bytes_max: Self::FILE_BYTES_MAX },
                _ => Self::Http(HttpDestination::new(Peer::Unix(path.into()), encoding)),
            });
        }
        let rest = rest.strip_prefix("//").ok_or_else(|| fail("is no URL"))?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let default_port = match scheme {
            "scribe" => 9410,
            "http" if encoding == Encoding::Otlp => 4318,
            "http" => 9411,
            "https" => 443,
            _ => return Err(fail("is none of http, https, unix, scribe and file")),
        };
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, authority)) => (Some(credentials), authority),
            None => (None, authority),
        };
        let (host, port) = host_and_port(authority).ok_or_else(|| fail("has no host, or a bad port"))?;
        let port = port.unwrap_or(default_port);
        let peer = match scheme {
            "scribe" if credentials.is_some() => {
                return Err(fail("has a password, which scribe does not know"));
            }
            "scribe" => return Ok(Self::Scribe { host, port }),
            "https" => Peer::Tls { host, port, ca_file: None },
            _ => Peer::Tcp { host, port },
        };
        let mut http = HttpDestination::new(peer, encoding);
        if !path.trim_matches('/').is_empty() {
            http.path = path.to_owned();
        }
        if let Some(credentials) = credentials {
            http.headers.push(("Authorization".to_owned(), basic(credentials)));
        }
        Ok(Self::Http(http))
    }

    /// Says whether both halves of a call may have the same span id: OpenTelemetry knows only ids of one span.
    pub(crate) fn takes_shared_ids(&self) -> bool {
        !matches!(self, Self::Http(HttpDestination { encoding: Encoding::Otlp, .. }))
    }

    /// Says whether what is written into requests cannot break them.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Self::Http(http) = self else { return Ok(()) };
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let host_is_plain = match &http.peer {
            Peer::Tcp { host, .. } | Peer::Tls { host, .. } => plain(host),
            // It is put in no request.
            Peer::Unix(_) => true,
        };
        let name_is_plain = |name: &str| {
            plain(name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let value_is_plain = |value: &str| value.split(' ').all(plain);
        let headers_are_plain =
            http.headers.iter().all(|(name, value)| name_is_plain(name) && value_is_plain(value));
        let checks = [("host", host_is_plain), ("path", plain(&http.path)), ("header", headers_are_plain)];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(ConfigError::Text(name)),
            None => Ok(()),
        }
    }
}

impl HttpDestination {
    /// Returns a collector that is posted to where this encoding goes.
    pub fn new(peer: Peer, encoding: Encoding) -> Self {
        let path = encoding.default_path().to_owned();
        Self { peer, path, encoding, gzip: false, headers: Vec::new() }
    }

    /// Sends `Authorization: Bearer`.
    pub fn bearer_token(mut self, token: &str) -> Self {
        self.headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        self
    }
}

/// Returns the value of `Authorization` for `user:password`, with escapes as in URLs.
fn basic(credentials: &str) -> String {
    let plain: Vec<u8> = percent_encoding::percent_decode_str(credentials).collect();
    format!("Basic {}", base64_simd::STANDARD.encode_to_string(plain))
}

/// Returns a URL that can be shown.
fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(end)) if start < end => format!("{}***{}", &url[..start + 3], &url[end..]),
        _ => url.to_owned(),
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
    (!host.is_empty()).then(|| (host.to_owned(), port))
}
