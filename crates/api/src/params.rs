//! Query parameters with Zipkin's meanings: of a repeated one the first counts, unknown ones are ignored.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use storage::query::{Condition, Query, Window};

use crate::config::Config;
use crate::reply::Refusal;

/// The decoded query string.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::parse(parts.uri.query().unwrap_or("")))
    }
}

impl Params {
    /// Decodes a query string; `+` is a space.
    pub fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Returns the value of a parameter, empty or not.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the value of a parameter that must be there, empty or not.
    pub fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        let missing = || format!("Mandatory parameter/header/attribute is missing: {name}");
        self.get(name).ok_or_else(|| Refusal::parameter(name, missing()))
    }

    /// Returns a lower-cased name; an empty one counts as absent.
    fn name(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).map(str::to_lowercase)
    }

    /// Returns a number that must be above zero; an empty value counts as absent.
    fn positive(&self, name: &'static str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        positive::<i64>(name, text).map(|number| Some(number as u64))
    }

    /// Returns the window of `endTs` and `lookback`, with this end when none is given.
    fn window(&self, config: &Config, end_default_ms: u64) -> Result<Window, Refusal> {
        Ok(Window {
            end_ms: self.positive("endTs")?.unwrap_or(end_default_ms),
            lookback_ms: self.positive("lookback")?.unwrap_or(config.lookback_default_ms),
        })
    }

    /// Reads the window of a question about dependencies, whose end is mandatory.
    pub fn dependencies(&self, config: &Config) -> Result<Window, Refusal> {
        let end = self.required("endTs")?;
        if end.is_empty() {
            return Err(empty("endTs"));
        }
        self.window(config, 0)
    }

    /// Reads a search.
    pub fn search(&self, config: &Config, now_ms: u64) -> Result<Query, Refusal> {
        let limit = match self.get("limit") {
            None => 10,
            Some("") => return Err(empty("limit")),
            Some(text) => positive::<i32>("limit", text)? as usize,
        };
        let duration_min_us = self.positive("minDuration")?;
        let duration_max_us = self.positive("maxDuration")?;
        match (duration_min_us, duration_max_us) {
            (None, Some(_)) => {
                return Err(Refusal::parameter("maxDuration", "maxDuration is only valid with minDuration"));
            }
            (Some(min), Some(max)) if max < min => {
                return Err(Refusal::parameter("maxDuration", "maxDuration < minDuration"));
            }
            _ => {}
        }
        Ok(Query {
            service_name: self.name("serviceName"),
            remote_service_name: self.name("remoteServiceName"),
            span_name: self.name("spanName").filter(|name| name != "all"),
            conditions: conditions(self.get("annotationQuery").unwrap_or("")),
            duration_min_us: duration_min_us.unwrap_or(0),
            duration_max_us,
            ..Query::new(self.window(config, now_ms)?, limit)
        })
    }
}

/// A number that must be there is empty.
fn empty(name: &'static str) -> Refusal {
    Refusal::parameter(name, format!("Cannot set null to primitive type parameter: {name}"))
}

/// Parses as Java does: no spaces, an optional sign, the type's range.
fn positive<T: FromStr + PartialOrd + Default>(name: &'static str, text: &str) -> Result<T, Refusal> {
    let unreadable = |_| Refusal::parameter(name, format!("For input string: \"{text}\""));
    let number: T = text.parse().map_err(unreadable)?;
    if number > T::default() { Ok(number) } else { Err(Refusal::parameter(name, format!("{name} <= 0"))) }
}

/// Splits an annotation query as openzipkin/zipkin `QueryRequest.Builder.parseAnnotationQuery` does.
///
/// The query is a map there: of one key the last `key=value` holds, and a bare key never replaces it.
fn conditions(query: &str) -> Vec<Condition> {
    const PARTS_MAX: usize = 100;
    let mut found: Vec<(String, String)> = Vec::new();
    for part in query.splitn(PARTS_MAX, " and ").filter(|_| !query.is_empty()) {
        let (key, value) = match part.split_once('=') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => (part.trim(), ""),
        };
        match found.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) if part.contains('=') => value.clone_into(known),
            Some(_) => {}
            None => found.push((key.to_owned(), value.to_owned())),
        }
    }
    let condition = |(key, value): (String, String)| match value.is_empty() {
        true => Condition::Has(key),
        false => Condition::Tag(key, value),
    };
    found.into_iter().map(condition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str) -> Result<Query, String> {
        Params::parse(query).search(&Config::default(), 1000).map_err(|refusal| refusal.text)
    }

    #[test]
    fn searches_read_as_zipkin_reads_them() {
        let found =
            search("serviceName=Shop&serviceName=other&spanName=ALL&limit=3&endTs=&lookback=7&x=y").unwrap();
        assert_eq!(found.service_name.as_deref(), Some("shop"));
        assert_eq!(found.span_name, None);
        assert_eq!(found.window, Window { end_ms: 1000, lookback_ms: 7 });
        assert_eq!(found.limit, 3);
    }

    #[test]
    fn bad_numbers_say_why() {
        for (query, text) in [
            ("limit=0", "limit <= 0"),
            ("limit=", "Cannot set null to primitive type parameter: limit"),
            ("limit=%202", "For input string: \" 2\""),
            ("limit=2147483648", "For input string: \"2147483648\""),
            ("endTs=-1", "endTs <= 0"),
            ("lookback=abc", "For input string: \"abc\""),
            ("minDuration=0", "minDuration <= 0"),
            ("maxDuration=5", "maxDuration is only valid with minDuration"),
            ("minDuration=10&maxDuration=5", "maxDuration < minDuration"),
        ] {
            assert_eq!(search(query).unwrap_err(), text, "{query}");
        }
    }

    #[test]
    fn annotation_queries() {
        let has = |key: &str| Condition::Has(key.into());
        let tag = |key: &str, value: &str| Condition::Tag(key.into(), value.into());
        for (query, expected) in [
            ("", vec![]),
            ("error", vec![has("error")]),
            (" http.path = /a=b and env", vec![tag("http.path", "/a=b"), has("env")]),
            ("env=a and env=b and env", vec![tag("env", "b")]),
            ("env and env=a", vec![tag("env", "a")]),
            ("error=", vec![has("error")]),
            ("a AND b", vec![has("a AND b")]),
        ] {
            assert_eq!(conditions(query), expected, "{query}");
        }
    }
}
