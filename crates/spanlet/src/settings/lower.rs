//! Lowers settings to what a server is told, and holds them against each other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use server::access::{Access, Credential, Scope, Scopes};
use server::config::{
    Answers, Config, Connections, Doors, Embedded, HttpListener, Limits, Otlp, OtlpListener, Scribe,
    SelfTracing, Store, Tls, Ui,
};

use super::file;
use super::kinds::{Secret, StorageType};
use super::sources::{Problem, Sources};
use super::table::Settings;

/// Returns what a server is told.
pub fn lower(sources: &Sources) -> Result<Config, Problem> {
    let settings = Settings::read(sources)?;
    let tls = tls(sources, &settings)?;
    // A question under way moves no byte: it must not look like a dead connection.
    if settings.http_idle_timeout <= settings.query_timeout {
        return Err(sources.problem("http_idle_timeout", "must be longer than query_timeout"));
    }
    // Less than hyper reads at once.
    if settings.http_header_bytes_max.0 < 8 << 10 {
        return Err(sources.problem("http_header_bytes_max", "must be at least 8KiB"));
    }
    Ok(Config {
        http: http(&settings),
        scribe_listen: settings
            .collector_scribe_enabled
            .then(|| settings.scribe_listen.unwrap_or_else(|| loopback(settings.collector_port))),
        otlp_listen: otlp(&settings),
        access: access(sources, &settings, tls.as_ref())?,
        tls,
        connections: Connections {
            connections_max: settings.http_connections_max,
            header_time_max: settings.http_header_timeout,
            body_time_max: settings.http_body_timeout,
            idle_time_max: settings.http_idle_timeout,
            header_bytes_max: settings.http_header_bytes_max.0,
            streams_max: u32::try_from(settings.http2_streams_max).unwrap_or(u32::MAX),
        },
        store: store(sources, &settings)?,
        strict_trace_id: settings.strict_trace_id,
        answer_bytes_max: settings.query_answer_bytes_max.0,
        doors: doors(&settings),
        scribe: scribe(&settings),
        scribe_tls: settings.scribe_tls,
        api: answers(&settings),
        self_tracing: self_tracing(&settings),
        autocomplete_ttl: settings.autocomplete_ttl,
    })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// What has a listener of its own is not served by the usual one.
fn http(settings: &Settings) -> Vec<HttpListener> {
    let own = [
        (settings.ingest_listen, "ingest", Scope::Ingest),
        (settings.query_listen, "query", Scope::Query),
        (settings.admin_listen, "admin", Scope::Admin),
    ];
    let mut listeners = vec![HttpListener {
        address: settings.http_listen.unwrap_or_else(|| loopback(settings.query_port)),
        name: "http",
        scopes: Scopes::ALL,
    }];
    for (address, name, scope) in own {
        if let Some(address) = address {
            let scopes = Scopes::of(&[scope]);
            listeners[0].scopes = listeners[0].scopes.without(scopes);
            listeners.push(HttpListener { address, name, scopes });
        }
    }
    listeners
}

fn otlp(settings: &Settings) -> Otlp {
    let listener = |chosen: Option<SocketAddr>, port| {
        let address = chosen.unwrap_or_else(|| loopback(port));
        settings.collector_otlp_enabled.then_some(OtlpListener { address, chosen: chosen.is_some() })
    };
    Otlp { grpc: listener(settings.otlp_grpc_listen, 4317), http: listener(settings.otlp_http_listen, 4318) }
}

fn tls(sources: &Sources, settings: &Settings) -> Result<Option<Tls>, Problem> {
    let client_ca = settings.tls_client_ca.clone();
    if settings.scribe_tls && settings.tls_certificate.is_none() {
        return Err(sources.problem("scribe_tls", "needs tls_certificate and tls_key as well"));
    }
    match (settings.tls_certificate.clone(), settings.tls_key.clone()) {
        (Some(certificate), Some(key)) => Ok(Some(Tls { certificate, key, client_ca })),
        (Some(_), None) => Err(sources.problem("tls_certificate", "needs tls_key as well")),
        (None, Some(_)) => Err(sources.problem("tls_key", "needs tls_certificate as well")),
        (None, None) if client_ca.is_some() => {
            Err(sources.problem("tls_client_ca", "needs tls_certificate and tls_key as well"))
        }
        (None, None) => Ok(None),
    }
}

fn access(sources: &Sources, settings: &Settings, tls: Option<&Tls>) -> Result<Access, Problem> {
    let mut credentials = sources.access.clone();
    if let Some(path) = &settings.access_file {
        credentials.extend(file::read_access(path)?);
    }
    let tokens = [
        ("ingest_token", &settings.ingest_token, Scope::Ingest),
        ("query_token", &settings.query_token, Scope::Query),
        ("admin_token", &settings.admin_token, Scope::Admin),
    ];
    for (name, token, scope) in tokens {
        if let Some(Secret(token)) = token {
            credentials.push(Credential::bearer(name, token, &[scope]));
        }
    }
    let authority = tls.is_some_and(|tls| tls.client_ca.is_some());
    Ok(Access { credentials, certificate: authority.then(|| Scopes::of(&settings.tls_client_scopes)) })
}

/// Less than this and the journal alone could take all.
const RETENTION_BYTES_MIN: usize = 512 << 20;

fn store(sources: &Sources, settings: &Settings) -> Result<Store, Problem> {
    if settings.retention_bytes.0 < RETENTION_BYTES_MIN {
        return Err(sources.problem("retention_bytes", "must be at least 512MiB"));
    }
    if settings.retention_age.is_some_and(|age| age.is_zero()) {
        return Err(sources.problem("retention_age", "must be longer than nothing"));
    }
    match settings.storage_type {
        StorageType::Memory => Ok(Store::Memory { spans_max: settings.mem_max_spans }),
        StorageType::Embedded => {
            let data_dir = settings.data_dir.clone().unwrap_or_else(usual_data_dir);
            Ok(Store::Embedded(Embedded {
                memtable_bytes_max: settings.memtable_bytes.0,
                retention_age_ms: settings.retention_age.map(|age| age.as_millis() as u64),
                retention_bytes: Some(settings.retention_bytes.0 as u64),
                ..Embedded::new(data_dir)
            }))
        }
    }
}

fn doors(settings: &Settings) -> Doors {
    Doors {
        sampler: settings.collector_sample_rate,
        http_enabled: settings.collector_http_enabled,
        grpc_enabled: settings.collector_grpc_enabled,
        otlp_enabled: settings.collector_otlp_enabled,
        scribe_enabled: settings.collector_scribe_enabled,
        limits: Limits {
            body_bytes_max: settings.collector_body_bytes_max.0,
            unpacked_bytes_max: settings.collector_unpacked_bytes_max.0,
        },
        in_flight_bytes_max: settings.collector_in_flight_bytes_max.0,
    }
}

fn scribe(settings: &Settings) -> Scribe {
    Scribe {
        category: settings.scribe_category.clone(),
        connections_max: settings.scribe_connections_max,
        frame_bytes_max: settings.scribe_frame_bytes_max.0,
        frame_time_max: settings.scribe_frame_timeout,
    }
}

fn answers(settings: &Settings) -> Answers {
    Answers {
        query_enabled: settings.query_enabled,
        search_enabled: settings.search_enabled,
        query_timeout: settings.query_timeout,
        lookback_default_ms: settings.query_lookback.as_millis() as u64,
        names_max_age_s: settings.query_names_max_age.0.as_secs() as u32,
        autocomplete_keys: settings.autocomplete_keys.clone(),
        allowed_origins: settings.query_allowed_origins.clone(),
        ui: (settings.query_enabled && settings.ui_enabled.unwrap_or(true)).then(|| ui(settings)),
    }
}

fn ui(settings: &Settings) -> Ui {
    Ui {
        environment: settings.ui_environment.clone(),
        query_limit: settings.ui_query_limit.0,
        default_lookback_ms: settings.ui_default_lookback.as_millis() as u64,
        logs_url: settings.ui_logs_url.clone(),
        support_url: settings.ui_support_url.clone(),
        archive_post_url: settings.ui_archive_post_url.clone(),
        archive_url: settings.ui_archive_url.clone(),
        dependency_enabled: settings.ui_dependency_enabled,
        dependency_low_error_rate: settings.ui_dependency_low_error_rate.0 as f32,
        dependency_high_error_rate: settings.ui_dependency_high_error_rate.0 as f32,
        frame_ancestors: settings.ui_frame_ancestors.clone(),
        base_path: settings.ui_basepath.clone(),
    }
}

fn self_tracing(settings: &Settings) -> Option<SelfTracing> {
    let sample_rate = settings.self_tracing_sample_rate.0;
    // Zipkin counts traces only where the rate does not already choose.
    let limit = settings.self_tracing_traces_per_second.0;
    settings.self_tracing_enabled.then_some(SelfTracing {
        sample_rate,
        traces_per_second: (sample_rate == 1.0 && limit > 0).then_some(limit),
        flush_interval: settings.self_tracing_flush_interval.0.max(Duration::from_millis(1)),
    })
}

/// Where data is if nobody says so.
pub fn usual_data_dir() -> PathBuf {
    PathBuf::from("spanlet-data")
}
