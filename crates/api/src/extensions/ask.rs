//! Reads the question that all extensions share: Zipkin's parameters, and the `query` text.

use storage::port::Trace;
use storage::query::Query;

use super::problem::Problem;
use super::query_text;
use crate::Api;
use crate::params::Params;
use crate::reply::Refusal;
use crate::traces::trace_id;

/// Parameters of every question.
const SHARED: [&str; 9] = [
    "serviceName",
    "remoteServiceName",
    "spanName",
    "annotationQuery",
    "minDuration",
    "maxDuration",
    "endTs",
    "lookback",
    "query",
];

/// Largest number of traces on a page, or of buckets.
const MANY: usize = 1000;

/// Reads a query. Parameters other than the shared and these own ones are refused, so that a slip of the pen is not
/// taken for a wider question.
pub fn query(api: &Api, params: &Params, own: &[&str]) -> Result<Query, Problem> {
    if !api.config.search_enabled {
        return Err(Problem::search_off());
    }
    only(params, &[&SHARED, own].concat())?;
    let mut query = params.search(&api.config, (api.sources.now_ms)())?;
    if query.limit > MANY {
        return Err(Problem::parameter("limit", format!("limit > {MANY}")));
    }
    let text = params.get("query").unwrap_or_default();
    let conditions =
        query_text::parse(text).map_err(|error| Problem::parameter("query", error.text).at(error.at))?;
    query.conditions.extend(conditions);
    Ok(query)
}

/// Refuses parameters other than these.
pub fn only(params: &Params, known: &[&str]) -> Result<(), Problem> {
    let Some(unknown) = params.names().find(|name| !known.contains(name)) else { return Ok(()) };
    let there_are =
        if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) };
    Err(Problem::parameter(unknown, format!("there is no parameter {unknown}{there_are}")))
}

/// Reads the spans of one trace.
pub async fn trace(api: &Api, id: &str) -> Result<Trace, Problem> {
    let id = trace_id(id)?;
    let found = api.storage().traces(vec![id]).await?.pop();
    found.ok_or_else(|| Refusal::not_found(format!("{id} not found")).into())
}

/// Reads a number from 1 to 1000.
pub fn number(params: &Params, name: &'static str, default: usize) -> Result<usize, Problem> {
    let Some(text) = params.get(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (1..=MANY).contains(number));
    number.ok_or_else(|| Problem::parameter(name, format!("{name} is \"{text}\"")))
}
