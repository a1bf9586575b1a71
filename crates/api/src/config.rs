//! What the operator may set about answers; the server reads the settings and passes them on.

use std::time::Duration;

/// Settings of the query API and of the page. The defaults are Zipkin's.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whether questions are answered at all (`QUERY_ENABLED`); health, figures and collectors stay without.
    pub query_enabled: bool,
    /// Whether searches and names are answered (`SEARCH_ENABLED`); traces by id and dependencies stay without.
    pub search_enabled: bool,
    /// A question that takes longer is given up (`QUERY_TIMEOUT`).
    pub query_timeout: Duration,
    /// Lookback of a question that names none (`QUERY_LOOKBACK`).
    pub lookback_default_ms: u64,
    /// How long browsers may keep names once there are more than a few.
    pub names_max_age_s: u32,
    /// Tags whose values are completed (`AUTOCOMPLETE_KEYS`).
    pub autocomplete_keys: Vec<String>,
    /// Pages of which sites may ask (`ZIPKIN_QUERY_ALLOWED_ORIGINS`); `*` is all of them.
    pub allowed_origins: Vec<String>,
    /// The page; nothing where `UI_ENABLED` is false.
    pub ui: Option<Ui>,
}

/// What the page is told, and where it is reached from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Ui {
    /// A label that tells installations apart (`ZIPKIN_UI_ENVIRONMENT`).
    pub environment: String,
    /// Limit of a search that names none (`ZIPKIN_UI_QUERY_LIMIT`).
    pub query_limit: u32,
    /// Lookback of a search that names none (`ZIPKIN_UI_DEFAULT_LOOKBACK`).
    pub default_lookback_ms: u64,
    /// Where logs of a `{traceId}` are found (`ZIPKIN_UI_LOGS_URL`).
    pub logs_url: Option<String>,
    /// Where people ask for help (`ZIPKIN_UI_SUPPORT_URL`).
    pub support_url: Option<String>,
    /// Where a trace is posted to be archived (`ZIPKIN_UI_ARCHIVE_POST_URL`).
    pub archive_post_url: Option<String>,
    /// Where an archived `{traceId}` is found (`ZIPKIN_UI_ARCHIVE_URL`).
    pub archive_url: Option<String>,
    /// Whether the page shows dependencies (`ZIPKIN_UI_DEPENDENCY_ENABLED`).
    pub dependency_enabled: bool,
    /// From this share of errors a link is yellow (`ZIPKIN_UI_DEPENDENCY_LOWERRORRATE`).
    pub dependency_low_error_rate: f32,
    /// From this share of errors a link is red (`ZIPKIN_UI_DEPENDENCY_HIGHERRORRATE`).
    pub dependency_high_error_rate: f32,
    /// Origins whose pages may show this one in a frame (`SPANLET_UI_FRAME_ANCESTORS`).
    pub frame_ancestors: Vec<String>,
    /// Where a proxy shows `/zipkin` (`ZIPKIN_UI_BASEPATH`). Paths of the server do not move.
    pub base_path: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            query_enabled: true,
            search_enabled: true,
            query_timeout: Duration::from_secs(11),
            lookback_default_ms: 24 * 60 * 60 * 1000,
            names_max_age_s: 300,
            autocomplete_keys: Vec::new(),
            allowed_origins: vec!["*".to_owned()],
            ui: Some(Ui::default()),
        }
    }
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            environment: String::new(),
            query_limit: 10,
            default_lookback_ms: 15 * 60 * 1000,
            logs_url: None,
            support_url: None,
            archive_post_url: None,
            archive_url: None,
            dependency_enabled: true,
            dependency_low_error_rate: 0.5,
            dependency_high_error_rate: 0.75,
            frame_ancestors: Vec::new(),
            base_path: "/zipkin".to_owned(),
        }
    }
}
