//! Precedence, Zipkin's names, refusals that name themselves, and the reference page.

use std::ffi::OsString;
use std::time::Duration;

use clap::Command;
use server::access::{Scope, Verdict};
use server::config::{Config, Sampler, Store};

use super::sources::{Origin, Problem};
use super::table::TABLE;
use super::*;

fn gather(flags: &[&str], environment: &[(&str, &str)]) -> Result<Sources, Problem> {
    let command = Command::new("server").no_binary_name(true).args(arguments());
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Sources::gather(&command.get_matches_from(flags), environment)
}

fn config(flags: &[&str], environment: &[(&str, &str)]) -> Config {
    lower(&gather(flags, environment).unwrap()).unwrap()
}

fn refusal(flags: &[&str], environment: &[(&str, &str)]) -> String {
    match gather(flags, environment) {
        Err(problem) => problem.to_string(),
        Ok(sources) => lower(&sources).unwrap_err().to_string(),
    }
}

fn file(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, path)
}

fn origin(sources: &Sources, name: &str) -> Origin {
    sources.said(TABLE.iter().find(|setting| setting.name == name).unwrap()).origin
}

#[test]
fn every_default_is_a_value() {
    let config = config(&[], &[]);
    assert_eq!(config.http[0].address.to_string(), "127.0.0.1:9411");
    assert_eq!(config.scribe_listen.unwrap().to_string(), "127.0.0.1:9410");
    assert_eq!(config.api.query_timeout, Duration::from_secs(11));
    assert_eq!(config.api.lookback_default_ms, 86_400_000);
    assert_eq!(config.api.names_max_age_s, 300);
    assert!(matches!(config.store, Store::Embedded(_)));
    assert!(config.access.is_open() && config.self_tracing.is_none() && config.api.ui.is_some());
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let (_file, path) = file("query_port = 1\ncollector_port = 2\nmem_max_spans = 3\nquery_timeout = '4s'\n");
    let sources = gather(
        &["--config", &path, "--query-port", "5"],
        &[
            ("QUERY_PORT", "6"),
            ("COLLECTOR_PORT", "7"),
            ("SPANLET_MEM_MAX_SPANS", "8"),
            ("MEM_MAX_SPANS", "9"),
        ],
    )
    .unwrap();
    let config = lower(&sources).unwrap();
    assert_eq!(config.http[0].address.port(), 5);
    assert_eq!(config.scribe_listen.unwrap().port(), 7);
    assert_eq!(config.api.query_timeout, Duration::from_secs(4));
    assert_eq!(origin(&sources, "query_port"), Origin::Flag("query-port".into()));
    assert_eq!(origin(&sources, "collector_port"), Origin::Variable("COLLECTOR_PORT".into()));
    assert_eq!(origin(&sources, "mem_max_spans"), Origin::Variable("SPANLET_MEM_MAX_SPANS".into()));
    assert_eq!(origin(&sources, "query_timeout"), Origin::File { path: path.into(), line: 4 });
    assert_eq!(origin(&sources, "query_lookback"), Origin::Default);
}

#[test]
fn zipkins_variables_mean_what_they_mean_there() {
    let config = config(
        &[],
        &[
            ("STORAGE_TYPE", "mem"),
            ("MEM_MAX_SPANS", "5"),
            ("STRICT_TRACE_ID", "false"),
            ("SEARCH_ENABLED", "false"),
            ("AUTOCOMPLETE_KEYS", "environment, region"),
            ("AUTOCOMPLETE_TTL", "1"),
            ("COLLECTOR_SAMPLE_RATE", "0.5"),
            ("HTTP_COLLECTOR_ENABLED", "false"),
            ("COLLECTOR_GRPC_ENABLED", "FALSE"),
            ("SCRIBE_ENABLED", "false"),
            ("QUERY_TIMEOUT", "PT5S"),
            ("QUERY_LOOKBACK", "1000"),
            ("ZIPKIN_QUERY_ALLOWED_ORIGINS", "http://a.example,http://b.example"),
            ("ZIPKIN_QUERY_NAMES_MAX_AGE", "60"),
            ("ZIPKIN_UI_ENVIRONMENT", "stage"),
            ("ZIPKIN_UI_DEFAULT_LOOKBACK", "60000"),
            ("ZIPKIN_UI_DEPENDENCY_LOWERRORRATE", "0.1"),
            ("ZIPKIN_UI_BASEPATH", "/foo/zipkin"),
            ("SELF_TRACING_ENABLED", "true"),
            ("SELF_TRACING_FLUSH_INTERVAL", "2"),
            ("QUERY_LOG_LEVEL", "DEBUG"),
        ],
    );
    assert!(matches!(config.store, Store::Memory { spans_max: 5 }));
    assert!(!config.strict_trace_id && !config.api.search_enabled);
    assert_eq!(config.api.autocomplete_keys, ["environment", "region"]);
    assert_eq!(config.doors.sampler, Sampler::new(0.5).unwrap());
    assert!(!config.doors.http_enabled && !config.doors.grpc_enabled);
    assert_eq!(config.scribe_listen, None);
    assert_eq!(config.api.query_timeout, Duration::from_secs(5));
    assert_eq!(config.api.lookback_default_ms, 1000);
    assert_eq!(config.api.allowed_origins, ["http://a.example", "http://b.example"]);
    assert_eq!(config.api.names_max_age_s, 60);
    let ui = config.api.ui.unwrap();
    assert_eq!((ui.environment.as_str(), ui.base_path.as_str()), ("stage", "/foo/zipkin"));
    assert_eq!((ui.default_lookback_ms, ui.dependency_low_error_rate), (60_000, 0.1));
    let own = config.self_tracing.unwrap();
    assert_eq!((own.traces_per_second, own.flush_interval), (Some(1), Duration::from_secs(2)));
}

#[test]
fn the_page_goes_with_the_questions() {
    assert!(config(&[], &[("QUERY_ENABLED", "false")]).api.ui.is_none());
    assert!(config(&[], &[("QUERY_ENABLED", "false"), ("UI_ENABLED", "true")]).api.ui.is_none());
    assert!(config(&[], &[("UI_ENABLED", "false")]).api.ui.is_none());
    assert!(config(&[], &[("UI_ENABLED", "")]).api.ui.is_some());
}

#[test]
fn what_has_its_own_listener_is_not_served_by_the_usual_one() {
    let config = config(&["--query-listen", "127.0.0.1:1", "--admin-listen", "127.0.0.1:2"], &[]);
    let served: Vec<_> = config.http.iter().map(|http| http.scopes.names().collect::<Vec<_>>()).collect();
    assert_eq!(served, [vec!["ingest"], vec!["query"], vec!["admin"]]);
}

#[test]
fn a_bad_value_names_itself() {
    let (_file, path) = file("# first\nhttp_listen = \"here\"\n");
    for (said, wanted) in [
        (refusal(&["--config", &path], &[]), format!("{path}:2: http_listen = \"here\": not an address")),
        (refusal(&[], &[("QUERY_PORT", "99999")]), "QUERY_PORT=99999: not a port".into()),
        (refusal(&["--query-timeout", "soon"], &[]), "--query-timeout soon: not a duration".into()),
        (refusal(&[], &[("COLLECTOR_SAMPLE_RATE", "1.5")]), "COLLECTOR_SAMPLE_RATE=1.5: not a rate".into()),
        (refusal(&[], &[("STORAGE_TYPE", "mysql")]), "STORAGE_TYPE=mysql: this store of Zipkin's".into()),
        (refusal(&[], &[("SEARCH_ENABLED", "maybe")]), "SEARCH_ENABLED=maybe: neither true nor false".into()),
        (refusal(&["--tls-key", "k"], &[]), "--tls-key k: needs tls_certificate".into()),
        (refusal(&["--http-idle-timeout", "5s"], &[]), "--http-idle-timeout 5s: must be longer".into()),
        (
            refusal(&["--http-header-bytes-max", "1KiB"], &[]),
            "--http-header-bytes-max 1KiB: must be at".into(),
        ),
        (
            refusal(&["--http2-streams-max", "0"], &[]),
            "--http2-streams-max 0: not a whole number above".into(),
        ),
        (refusal(&["--scribe-tls", "true"], &[]), "--scribe-tls true: needs tls_certificate".into()),
        (refusal(&["--log-level", "a=b=c"], &[]), "--log-level a=b=c: not a level".into()),
        (refusal(&["--memtable-bytes", "1MB"], &[]), "--memtable-bytes 1MB: not a size".into()),
        (refusal(&["--config", "/missing"], &[]), "can't read the settings file /missing".into()),
    ] {
        assert!(said.starts_with(&wanted), "{said}\nwanted: {wanted}");
    }
}

#[test]
fn an_unknown_key_or_variable_names_itself() {
    let (_file, path) = file("\nhttp_lisen = \"127.0.0.1:1\"\n");
    let said = refusal(&["--config", &path], &[]);
    assert_eq!(said, format!("{path}:2: unknown key http_lisen; did you mean http_listen?"));
    let said = refusal(&[], &[("SPANLET_QUERY_PROT", "1")]);
    assert!(
        said.starts_with(
            "SPANLET_QUERY_PROT is no variable of this server; did you mean SPANLET_QUERY_PORT?"
        )
    );
    // The tracer of a service that runs beside it has variables too.
    gather(&[], &[("SPANLET_SERVICE_NAME", "shop"), ("QUERY_PROT", "1")]).unwrap();
    // What Kubernetes sets beside a service of this name.
    for name in
        ["SPANLET_SERVICE_HOST", "SPANLET_SERVICE_PORT_HTTP", "SPANLET_PORT", "SPANLET_PORT_9411_TCP_ADDR"]
    {
        gather(&[], &[(name, "10.0.0.1")]).unwrap();
    }
}

#[test]
fn every_variable_of_the_tracer_may_be_set_beside_a_server() {
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/../../python");
    let mut names = 0;
    for folder in ["spanlet", "src"] {
        let files = std::fs::read_dir(format!("{python}/{folder}")).unwrap();
        for path in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            for (at, _) in text.match_indices("SPANLET_") {
                let rest = &text[at..];
                let end = rest.find(|c: char| c != '_' && !c.is_ascii_uppercase() && !c.is_ascii_digit());
                let name = &rest[..end.unwrap_or(rest.len())];
                // One that ends so is a prefix in a comment.
                if !name.ends_with('_') {
                    gather(&[], &[(name, "x")]).unwrap();
                    names += 1;
                }
            }
        }
    }
    assert!(names > 5);
}

#[test]
fn a_file_that_is_no_toml_names_the_line() {
    let (_file, path) = file("query_port = 1\nquery_port = = 2\n");
    assert!(refusal(&["--config", &path], &[]).starts_with(&format!("{path}:2: ")));
    let (_file, path) = file("[http_listen]\na = 1\n");
    let said = refusal(&["--config", &path], &[]);
    assert!(said.starts_with(&format!("{path}:1: http_listen: a single value")), "{said}");
}

const ENTRIES: &str = "[[access]]\nname = 'shop'\ntoken = 't0ken'\nscopes = ['ingest']\n\n[[access]]\nuser = \
                       'ann'\npassword = 'pa55'\nscopes = ['query', 'admin']\n";

#[test]
fn access_comes_from_tokens_from_the_file_and_from_a_file_of_its_own() {
    let bearer = |token: &str| format!("Bearer {token}");
    let (_one, entries) = file(ENTRIES);
    let (_two, own) = file("[[access]]\ntoken = 'other'\nscopes = ['query']\n");
    let access =
        config(&["--config", &entries, "--access-file", &own], &[("SPANLET_ADMIN_TOKEN", "third")]).access;
    for (token, scope, verdict) in [
        ("t0ken", Scope::Ingest, Verdict::Granted),
        ("t0ken", Scope::Query, Verdict::Forbidden),
        ("other", Scope::Query, Verdict::Granted),
        ("third", Scope::Admin, Verdict::Granted),
        ("fourth", Scope::Admin, Verdict::Unknown),
    ] {
        assert_eq!(access.judge(scope, Some(bearer(token).as_bytes()), false), verdict, "{token}");
    }
    assert_eq!(access.judge(Scope::Query, Some(b"Basic YW5uOnBhNTU="), false), Verdict::Granted);
}

#[test]
fn a_bad_access_entry_names_its_line_and_no_secret() {
    for (text, wanted) in [
        ("[[access]]\ntoken = 's3cret'\n", "scopes is missing"),
        ("[[access]]\ntoken = 's3cret'\nscopes = ['all']\n", "\"all\" is no scope"),
        (
            "[[access]]\ntoken = 's3cret'\npassword = 's3cret'\nscopes = []\n",
            "either token, or user and password",
        ),
        ("[[access]]\ntokn = 's3cret'\nscopes = []\n", "unknown key tokn"),
        ("[[access]]\ntoken = 5\nscopes = []\n", "token must be a text"),
        ("access = 's3cret'\n", "write each entry under [[access]]"),
    ] {
        let (_file, path) = file(text);
        let said = refusal(&["--config", &path], &[]);
        assert!(said.starts_with(&format!("{path}:1: access: ")) && said.contains(wanted), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let (_file, path) = file("query_port = 1\n");
    assert!(refusal(&["--access-file", &path], &[]).contains("only [[access]] entries"));
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same_and_no_secret() {
    let (_file, entries) = file(ENTRIES);
    let flags = ["--config", &entries, "--query-port", "1", "--storage-type", "mem"];
    let sources =
        gather(&flags, &[("SPANLET_INGEST_TOKEN", "s3cret"), ("AUTOCOMPLETE_KEYS", "a,b")]).unwrap();
    let text = print(&sources, &lower(&sources).unwrap().access);
    for line in
        ["query_port = 1 ", "# --query-port", "# AUTOCOMPLETE_KEYS", "\"a,b\"", "access of \"shop\": ingest"]
    {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    for secret in ["s3cret", "t0ken", "pa55"] {
        assert!(!text.contains(secret), "{text}");
    }
    let (_file, path) = file(&text);
    let again = gather(&["--config", &path], &[]).unwrap();
    for setting in TABLE.iter().filter(|setting| !setting.secret) {
        assert_eq!(again.said(setting).text, sources.said(setting).text, "{}", setting.name);
    }
}

#[test]
fn a_secret_has_no_flag_and_is_not_in_what_is_wrong_with_it() {
    let command = Command::new("server").args(arguments());
    assert!(command.get_arguments().all(|argument| argument.get_id() != "ingest_token"));
    let sources = gather(&[], &[("SPANLET_INGEST_TOKEN", "s3cret")]).unwrap();
    assert!(!sources.problem("ingest_token", "bad").to_string().contains("s3cret"));
}

#[test]
fn the_reference_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/settings.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/reference/settings.md is stale: cargo run -p spanlet -- config --reference > docs/reference/settings.md"
    );
}
