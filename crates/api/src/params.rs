//! Query parameters with Zipkin's meanings: of a repeated one the first counts, unknown ones are ignored.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use storage::query::{Condition, Query, Window};

use crate::config::Config;
use crate::reply::Refusal;

/// Traces in an answer when none are named.
const LIMIT_DEFAULT: i32 = 10;

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
    pub fn name(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).map(str::to_lowercase)
    }

    /// Returns a number; an empty value counts as absent.
    fn number(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        self.get(name).filter(|value| !value.is_empty()).map(|text| parse(name, text)).transpose()
    }

    /// Returns a number that must be there.
    fn required_number<T: FromStr>(&self, name: &'static str) -> Result<T, Refusal> {
        match self.required(name)? {
            "" => {
                let text = format!("Cannot set null to primitive type parameter: {name}");
                Err(Refusal::parameter(name, text))
            }
            text => parse(name, text),
        }
    }

    /// Reads a window that ends now unless another end is named.
    pub fn window(&self, config: &Config, now_ms: u64) -> Result<Window, Refusal> {
        let (end_ms, lookback_ms) = (self.number("endTs")?, self.number("lookback")?);
        let end_ms = positive_or("endTs", end_ms, now_ms)?;
        Ok(Window { end_ms, lookback_ms: positive_or("lookback", lookback_ms, config.lookback_default_ms)? })
    }

    /// Reads the window of a question about dependencies, whose end is mandatory.
    pub fn dependencies(&self, config: &Config) -> Result<Window, Refusal> {
        let end_ms = self.required_number("endTs")?;
        let lookback_ms = self.number("lookback")?;
        Ok(Window {
            end_ms: positive("endTs", end_ms)?,
            lookback_ms: positive_or("lookback", lookback_ms, config.lookback_default_ms)?,
        })
    }

    /// Reads a search. What is no number is refused before what is no sensible one, both in Zipkin's order
    /// (openzipkin/zipkin `ZipkinQueryApiV2.getTraces`, `QueryRequest.Builder.build`).
    pub fn search(&self, config: &Config, now_ms: u64) -> Result<Query, Refusal> {
        let duration_min_us = self.number("minDuration")?;
        let duration_max_us = self.number("maxDuration")?;
        let end_ms = self.number("endTs")?;
        let lookback_ms = self.number("lookback")?;
        let limit = self.get("limit").map_or(Ok(LIMIT_DEFAULT), |_| self.required_number("limit"))?;

        let end_ms = positive_or("endTs", end_ms, now_ms)?;
        let limit = positive("limit", i64::from(limit))? as usize;
        let lookback_ms = positive_or("lookback", lookback_ms, config.lookback_default_ms)?;
        let duration_min_us = duration_min_us.map(|us| positive("minDuration", us)).transpose()?;
        let refused = match (duration_min_us, duration_max_us) {
            (None, Some(_)) => Some("maxDuration is only valid with minDuration"),
            (Some(min), Some(max)) if max < min as i64 => Some("maxDuration < minDuration"),
            _ => None,
        };
        if let Some(text) = refused {
            return Err(Refusal::parameter("maxDuration", text));
        }
        Ok(Query {
            service_name: self.name("serviceName"),
            remote_service_name: self.name("remoteServiceName"),
            span_name: self.name("spanName").filter(|name| name != "all"),
            conditions: conditions(self.get("annotationQuery").unwrap_or("")),
            duration_min_us: duration_min_us.unwrap_or(0),
            duration_max_us: duration_max_us.map(|us| us as u64),
            ..Query::new(Window { end_ms, lookback_ms }, limit)
        })
    }
}

/// Parses as Java does: no spaces, an optional sign, the type's range.
fn parse<T: FromStr>(name: &'static str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::parameter(name, format!("For input string: \"{text}\"")))
}

fn positive(name: &'static str, number: i64) -> Result<u64, Refusal> {
    let number = u64::try_from(number).ok().filter(|number| *number > 0);
    number.ok_or_else(|| Refusal::parameter(name, format!("{name} <= 0")))
}

fn positive_or(name: &'static str, number: Option<i64>, default: u64) -> Result<u64, Refusal> {
    number.map_or(Ok(default), |number| positive(name, number))
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_query_string_is_read_or_refused(text in "((limit|endTs|lookback|annotationQuery|a)=[-+0-9%a& =]{0,20}&?){0,5}") {
            if let Ok(query) = Params::parse(&text).search(&Config::default(), 1000) {
                prop_assert!(query.limit > 0 && query.window.end_ms > 0 && query.window.lookback_ms > 0);
            }
        }
    }

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
            ("minDuration=10&maxDuration=0", "maxDuration < minDuration"),
            ("limit=x&maxDuration=1.5&endTs=0", "For input string: \"1.5\""),
            ("minDuration=0&lookback=0&limit=0", "limit <= 0"),
            ("maxDuration=1&lookback=0", "lookback <= 0"),
            ("endTs=9223372036854775808", "For input string: \"9223372036854775808\""),
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
