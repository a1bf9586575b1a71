//! The one table of all settings. Flags, variables, file, `spanlet config` and the reference page come from it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use server::access::Scope;
use server::config::Sampler;

use super::kinds::{Bytes, Count, Kind, LogFilter, LogFormat, Ratio, Seconds, Secret, StorageType};
use super::sources::{Problem, Sources};

/// What is known about a setting.
pub struct Setting {
    /// The heading it stands under.
    pub section: &'static str,
    /// Its key in the file; the flag and our variable are made of it.
    pub name: &'static str,
    /// What it does, one line of the source each.
    pub help: &'static [&'static str],
    /// As a user would write it; empty for none.
    pub default: &'static str,
    /// Further variables, under the names that Zipkin or others gave them.
    pub variables: &'static [&'static str],
    /// Stands for the value in the help.
    pub word: &'static str,
    /// Never shown, and without a flag, since every user of a machine sees command lines.
    pub secret: bool,
}

impl Setting {
    /// Returns the flag without its dashes.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Returns every variable that sets it; the first that is set and not empty counts.
    pub fn all_variables(&self) -> impl Iterator<Item = String> {
        let ours = format!("SPANLET_{}", self.name.to_ascii_uppercase());
        std::iter::once(ours).chain(self.variables.iter().map(|name| (*name).to_owned()))
    }

    /// Returns the help as one text.
    pub fn help(&self) -> String {
        self.help.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// `"Section" { /// help  name: Kind = "default", [FURTHER, VARIABLES]; }`
macro_rules! settings {
    ($($section:literal {
        $($(#[doc = $help:literal])+ $name:ident: $kind:ty = $default:literal, [$($variable:ident),*];)*
    })*) => {
        /// Every setting, read but not yet held against the others.
        pub struct Settings { $($($(#[doc = $help])+ pub $name: $kind,)*)* }

        /// Every setting, in the order of the reference page.
        pub const TABLE: &[Setting] = &[$($(Setting {
            section: $section,
            name: stringify!($name),
            help: &[$($help),+],
            default: $default,
            variables: &[$(stringify!($variable)),*],
            word: <$kind as Kind>::WORD,
            secret: <$kind as Kind>::SECRET,
        },)*)*];

        impl Settings {
            /// Reads every setting, or names the first bad one.
            pub fn read(sources: &Sources) -> Result<Self, Problem> {
                Ok(Self { $($($name: sources.parse(stringify!($name))?,)*)* })
            }
        }
    };
}

settings! {
    "Listeners" {
        /// Where the web page, the API and the HTTP collectors listen; 127.0.0.1:QUERY_PORT if not given.
        http_listen: Option<SocketAddr> = "", [];
        /// Port of `http_listen` on 127.0.0.1, under Zipkin's name.
        query_port: u16 = "9411", [QUERY_PORT];
        /// Another HTTP listener for senders of spans; `http_listen` then takes none.
        ingest_listen: Option<SocketAddr> = "", [];
        /// Another HTTP listener for the web page and the query API; `http_listen` then has neither.
        query_listen: Option<SocketAddr> = "", [];
        /// Another HTTP listener for metrics and build information; `http_listen` then has neither. Health is
        /// answered by every listener.
        admin_listen: Option<SocketAddr> = "", [];
        /// Where the scribe collector listens; 127.0.0.1:COLLECTOR_PORT if not given.
        scribe_listen: Option<SocketAddr> = "", [];
        /// Port of `scribe_listen` on 127.0.0.1, under Zipkin's name.
        collector_port: u16 = "9410", [COLLECTOR_PORT];
        /// Where OTLP over gRPC is taken besides `http_listen`; 127.0.0.1:4317 if not given, and then a taken port
        /// is only a warning.
        otlp_grpc_listen: Option<SocketAddr> = "", [];
        /// Where OTLP over HTTP is taken besides `http_listen`; 127.0.0.1:4318 if not given, and then a taken port
        /// is only a warning.
        otlp_http_listen: Option<SocketAddr> = "", [];
    }
    "Encryption" {
        /// File of the server's certificate chain (PEM): every HTTP listener speaks TLS then, and nothing else. Read
        /// again when it changes.
        tls_certificate: Option<PathBuf> = "", [];
        /// File of the certificate's private key (PEM).
        tls_key: Option<PathBuf> = "", [];
        /// File of authorities (PEM) whose client certificates grant `tls_client_scopes`.
        tls_client_ca: Option<PathBuf> = "", [];
        /// Whether scribe is encrypted too, which Spanlet's tracer and most of scribe's clients can't do. With
        /// `tls_client_ca` it takes only clients whose certificate grants sending spans.
        scribe_tls: bool = "false", [];
        /// What a client certificate grants.
        tls_client_scopes: Vec<Scope> = "ingest,query,admin", [];
    }
    "Access" {
        /// A bearer token that grants sending spans. With any token, password or client authority given, nobody
        /// gets in without.
        ingest_token: Option<Secret> = "", [];
        /// A bearer token that grants the web page and the query API.
        query_token: Option<Secret> = "", [];
        /// A bearer token that grants metrics and build information.
        admin_token: Option<Secret> = "", [];
        /// A TOML file of `[[access]]` entries, as the settings file may hold them too.
        access_file: Option<PathBuf> = "", [];
    }
    "Store" {
        /// `embedded` is durable and needs no database; `mem` keeps spans in memory only.
        storage_type: StorageType = "embedded", [STORAGE_TYPE];
        /// Directory of the embedded store, which must exist; ./spanlet-data, made if missing, if not given.
        data_dir: Option<PathBuf> = "", [];
        /// Fresh spans are kept in memory up to this size, then sealed into a segment.
        memtable_bytes: Bytes = "64MiB", [];
        /// Spans go when all that lie in one file with them are older; pinned traces stay. None go by age if not given.
        retention_age: Option<Duration> = "", [];
        /// With more bytes of files in the embedded store the oldest go, but for pinned traces; at least 512MiB.
        retention_bytes: Bytes = "10GiB", [];
        /// With `mem`: above this many spans whole oldest traces are forgotten.
        mem_max_spans: usize = "500000", [MEM_MAX_SPANS];
        /// Whether a trace id is all of its 32 digits; if not, ids with the same right-most 16 are one trace.
        strict_trace_id: bool = "true", [STRICT_TRACE_ID];
        /// Tags whose values the search page offers.
        autocomplete_keys: Vec<String> = "", [AUTOCOMPLETE_KEYS];
        /// How long a store need not write a value of those tags again. Ours write each with its span, so that this
        /// has no effect.
        autocomplete_ttl: Duration = "3600000", [AUTOCOMPLETE_TTL];
    }
    "Collectors" {
        /// Share of traces that is kept, decided by trace id; spans with the debug flag are always kept.
        collector_sample_rate: Sampler = "1.0", [COLLECTOR_SAMPLE_RATE];
        /// Whether POST /api/v1/spans and /api/v2/spans are taken.
        collector_http_enabled: bool = "true", [COLLECTOR_HTTP_ENABLED, HTTP_COLLECTOR_ENABLED];
        /// Whether gRPC's zipkin.proto3.SpanService is served.
        collector_grpc_enabled: bool = "true", [COLLECTOR_GRPC_ENABLED];
        /// Whether OTLP is taken at all.
        collector_otlp_enabled: bool = "true", [];
        /// Whether to listen for scribe.
        collector_scribe_enabled: bool = "true", [COLLECTOR_SCRIBE_ENABLED, SCRIBE_ENABLED];
        /// The category of scribe entries that hold spans.
        scribe_category: String = "zipkin", [SCRIBE_CATEGORY];
    }
    "Queries" {
        /// Whether questions are answered at all; if not, the web page is off as well.
        query_enabled: bool = "true", [QUERY_ENABLED];
        /// Whether searches and names are answered; if not, traces are found by id only.
        search_enabled: bool = "true", [SEARCH_ENABLED];
        /// A question that takes longer is given up and answered with 500.
        query_timeout: Duration = "11s", [QUERY_TIMEOUT];
        /// How far back a search looks that does not say.
        query_lookback: Duration = "86400000", [QUERY_LOOKBACK];
        /// Web sites whose pages may ask and send; `*` for all.
        query_allowed_origins: Vec<String> = "*", [ZIPKIN_QUERY_ALLOWED_ORIGINS];
        /// How long browsers may keep lists of names.
        query_names_max_age: Seconds = "300", [ZIPKIN_QUERY_NAMES_MAX_AGE];
    }
    "Web page" {
        /// Whether the web page is served; as `query_enabled` if not given.
        ui_enabled: Option<bool> = "", [UI_ENABLED];
        /// A word that the page shows, such as `production`.
        ui_environment: String = "", [ZIPKIN_UI_ENVIRONMENT];
        /// How many traces the page asks for.
        ui_query_limit: Count = "10", [ZIPKIN_UI_QUERY_LIMIT];
        /// How far back the page looks.
        ui_default_lookback: Duration = "900000", [ZIPKIN_UI_DEFAULT_LOOKBACK];
        /// Link to logs; `{traceId}` in it is replaced.
        ui_logs_url: Option<String> = "", [ZIPKIN_UI_LOGS_URL];
        /// Link to those who help.
        ui_support_url: Option<String> = "", [ZIPKIN_UI_SUPPORT_URL];
        /// Where the page posts a trace to be archived.
        ui_archive_post_url: Option<String> = "", [ZIPKIN_UI_ARCHIVE_POST_URL];
        /// Where an archived trace is seen; `{traceId}` in it is replaced.
        ui_archive_url: Option<String> = "", [ZIPKIN_UI_ARCHIVE_URL];
        /// Whether the page shows who calls whom.
        ui_dependency_enabled: bool = "true", [ZIPKIN_UI_DEPENDENCY_ENABLED];
        /// From this share of errors on a link is yellow.
        ui_dependency_low_error_rate: Ratio = "0.5", [ZIPKIN_UI_DEPENDENCY_LOWERRORRATE];
        /// From this share of errors on a link is red.
        ui_dependency_high_error_rate: Ratio = "0.75", [ZIPKIN_UI_DEPENDENCY_HIGHERRORRATE];
        /// Origins whose pages may show this one in a frame, such as `https://wiki.example`.
        ui_frame_ancestors: Vec<String> = "", [];
        /// Path under which a proxy shows the page.
        ui_basepath: String = "/zipkin", [ZIPKIN_UI_BASEPATH];
    }
    "Limits" {
        /// Most HTTP connections of one listener. When they are used up the one that was idle longest is closed;
        /// if none is idle, new ones wait.
        http_connections_max: usize = "4096", [];
        /// The head of a request, and a TLS handshake, must be complete within this time.
        http_header_timeout: Duration = "10s", [];
        /// The body of a request must be complete within this time.
        http_body_timeout: Duration = "60s", [];
        /// A connection over which nothing has come or gone for this long is closed.
        http_idle_timeout: Duration = "120s", [];
        /// Largest head of a request.
        http_header_bytes_max: Bytes = "64KiB", [];
        /// Most requests at a time on one HTTP/2 connection.
        http2_streams_max: usize = "200", [];
        /// Largest body of a request, as it is sent.
        collector_body_bytes_max: Bytes = "10MiB", [];
        /// Largest body of a request, unpacked.
        collector_unpacked_bytes_max: Bytes = "16MiB", [];
        /// Most bytes of messages that all collectors together hold in memory; above it senders are told to try
        /// again.
        collector_in_flight_bytes_max: Bytes = "64MiB", [];
        /// Most scribe connections. When they are used up the one that has waited longest for a call is closed.
        scribe_connections_max: usize = "4096", [];
        /// Longest scribe frame; a longer one ends the connection.
        scribe_frame_bytes_max: Bytes = "16MiB", [];
        /// A scribe frame that has begun must be complete within this time.
        scribe_frame_timeout: Duration = "30s", [];
        /// Largest answer; a larger one is refused.
        query_answer_bytes_max: Bytes = "256MiB", [];
    }
    "Log and own traces" {
        /// What is logged.
        log_level: LogFilter = "info", [RUST_LOG, QUERY_LOG_LEVEL];
        /// How a line of the log looks.
        log_format: LogFormat = "text", [];
        /// Whether the server traces its own answers, into its own store, as service `spanlet-server`.
        self_tracing_enabled: bool = "false", [SELF_TRACING_ENABLED];
        /// Share of its own answers that it traces.
        self_tracing_sample_rate: Ratio = "1.0", [SELF_TRACING_SAMPLE_RATE];
        /// Most own traces it begins in a second, if the rate is 1.0; 0 for no limit.
        self_tracing_traces_per_second: Count = "1", [SELF_TRACING_TRACES_PER_SECOND];
        /// How long own spans are gathered before they are stored.
        self_tracing_flush_interval: Seconds = "1", [SELF_TRACING_FLUSH_INTERVAL];
    }
}
