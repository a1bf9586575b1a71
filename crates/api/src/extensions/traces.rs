//! `GET /api/spanlet/v1/traces`: a page of traces in a chosen order, and where the next page starts.

use axum::extract::State;
use axum::response::Response;
use storage::query::{Cursor, Order};

use super::ask;
use super::problem::Problem;
use crate::params::Params;
use crate::{Api, reply};

/// Answers `{"traces": [[span, ...], ...], "next": "..."}`; where nothing can come any more `next` is null.
pub async fn traces(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let mut query = ask::query(&api, &params, &["limit", "order", "cursor"])?;
    let cursor = params.get("cursor").filter(|text| !text.is_empty());
    query.after = cursor
        .map(|text| {
            text.parse::<Cursor>().map_err(|error| Problem::parameter("cursor", format!("this {error}")))
        })
        .transpose()?;
    query.order = match (params.get("order"), query.after) {
        (None | Some(""), Some(cursor)) => cursor.order(),
        (None | Some("") | Some("newest"), _) => Order::Newest,
        (Some("duration"), _) => Order::Duration,
        (Some("errors"), _) => Order::Errors,
        (Some(other), _) => return Err(Problem::parameter("order", format!("order is \"{other}\""))),
    };
    if query.after.is_some_and(|cursor| cursor.order() != query.order) {
        return Err(Problem::parameter("cursor", "this cursor belongs to another order"));
    }
    let found = api.storage().search(query).await?;
    let mut body = "{\"traces\":".to_owned();
    wire::json_v2::write_traces(&mut body, &found.traces);
    let next = found.next.map_or("null".to_owned(), |cursor| format!("\"{cursor}\""));
    body.push_str(&format!(",\"next\":{next}}}"));
    Ok(reply::json(body))
}
