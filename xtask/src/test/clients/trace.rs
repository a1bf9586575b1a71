//! A stored trace without what is different each time: ids become names, times count from the trace's start.

use serde_json::Value;

/// Returns the spans in the order of their times, with the ids that a program printed as the names it gave them.
pub fn plain(spans: &Value, ids: &Value, start_us: u64) -> Value {
    let mut spans = spans.clone();
    rename(&mut spans, ids, start_us);
    if let Some(list) = spans.as_array_mut() {
        list.sort_by_key(|span| span["timestamp"].as_i64());
    }
    spans
}

fn rename(value: &mut Value, ids: &Value, start_us: u64) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| rename(item, ids, start_us)),
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), &*value) {
                    ("traceId", id) if *id == ids["trace"] => *value = "trace".into(),
                    // The halves of a call may share an id: the first name is the one.
                    ("id" | "parentId", id) => {
                        if let Some(name) = ["client", "server"].into_iter().find(|name| ids[name] == *id) {
                            *value = name.into();
                        }
                    }
                    ("timestamp", Value::Number(us)) => {
                        let since_us = us.as_i64().map(|us| us - start_us as i64);
                        *value = since_us.into();
                    }
                    _ => rename(value, ids, start_us),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_become_names_and_times_offsets() {
        let ids = json!({"trace": "0a", "client": "1", "server": "2"});
        let spans = json!([
            {"traceId": "0a", "parentId": "1", "id": "2", "timestamp": 1010, "tags": {"id": "2"}},
            {"traceId": "0b", "id": "1", "timestamp": 1000, "annotations": [{"timestamp": 1005, "value": "1"}]},
        ]);
        let expected = json!([
            {"traceId": "0b", "id": "client", "timestamp": 0, "annotations": [{"timestamp": 5, "value": "1"}]},
            {"traceId": "trace", "parentId": "client", "id": "server", "timestamp": 10, "tags": {"id": "server"}},
        ]);
        assert_eq!(plain(&spans, &ids, 1000), expected);
    }
}
