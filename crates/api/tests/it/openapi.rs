//! Holds `docs/reference/openapi.json` against the server, both ways: what it says is so, and nothing is left unsaid.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::config::Config;
use model::id::SpanId;
use model::span::{Annotation, Kind, Span};
use serde_json::{Map, Value, json};

use crate::support::store::{Ailing, Silent};
use crate::support::{Answer, Server, span, tagged};

/// The document, and which of its answers were seen.
struct Document {
    root: Value,
    seen: BTreeSet<(String, u16)>,
}

/// One question that the document describes.
struct Operation {
    path: String,
    said: Value,
    parameters: Vec<Value>,
}

impl Document {
    fn read() -> Self {
        let root = serde_json::from_str(include_str!("../../../../docs/reference/openapi.json")).unwrap();
        Self { root, seen: BTreeSet::new() }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.root.pointer(reference.trim_start_matches('#')).expect(reference),
            None => value,
        }
    }

    /// Returns all questions; what is posted to collectors is tested with the built binary.
    fn operations(&self) -> Vec<Operation> {
        let paths = self.root["paths"].as_object().unwrap();
        let operation = |(path, item): (&String, &Value)| {
            let said = item.get("get")?.clone();
            let parameters = said["parameters"].as_array().cloned().unwrap_or_default();
            let parameters = parameters.iter().map(|it| self.resolve(it).clone()).collect();
            Some(Operation { path: path.clone(), said, parameters })
        };
        paths.iter().filter_map(operation).collect()
    }

    /// Checks an answer against what is said about its status.
    fn check(&mut self, operation: &Operation, url: &str, answer: &Answer) {
        let responses = &operation.said["responses"];
        let said = responses.get(answer.status.to_string());
        let said = self.resolve(said.unwrap_or_else(|| panic!("{url}: {answer:?} is not described")));
        match said["content"].as_object().and_then(|content| content.iter().next()) {
            None => assert_eq!(answer.header("content-type"), "", "{url}"),
            Some((media_type, content)) => {
                assert_eq!(answer.header("content-type"), media_type, "{url}");
                let is_json = media_type.contains("json");
                let body = if is_json { answer.json() } else { json!(answer.body) };
                self.validate(&content["schema"], &body, url);
            }
        }
        for (name, header) in said["headers"].as_object().unwrap_or(&Map::new()) {
            self.validate(&header["schema"], &json!(answer.header(name)), url);
        }
        // An empty list shows nothing of what would be in it.
        if answer.body != "[]" {
            self.seen.insert((operation.path.clone(), answer.status));
        }
    }

    fn validate(&self, schema: &Value, value: &Value, url: &str) {
        let mut schema = schema.clone();
        schema["components"] = self.root["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{url}: {errors:?} in {value}");
    }
}

impl Operation {
    fn is(&self, tag: &str) -> bool {
        self.said["tags"][0] == tag
    }

    /// Returns the path with its examples filled in, and with this query.
    fn url(&self, query: &[(&str, String)]) -> String {
        let mut path = self.path.clone();
        for parameter in self.parameters.iter().filter(|it| it["in"] == "path") {
            let name = parameter["name"].as_str().unwrap();
            path = path.replace(&format!("{{{name}}}"), parameter["example"].as_str().unwrap());
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    fn queries(&self) -> impl Iterator<Item = (&str, &Value)> {
        let queries = self.parameters.iter().filter(|it| it["in"] == "query");
        queries.map(|it| (it["name"].as_str().unwrap(), it))
    }

    fn examples(&self, wanted: impl Fn(&Value) -> bool) -> Vec<(&str, String)> {
        let example = |it: &Value| match &it["example"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.queries().filter(|(_, it)| wanted(it)).map(|(name, it)| (name, example(it))).collect()
    }

    fn required(&self) -> Vec<(&str, String)> {
        self.examples(|it| it["required"] == true)
    }

    /// Returns queries that the document forbids.
    fn forbidden(&self) -> Vec<Vec<(&str, String)>> {
        let required = self.required();
        let mut found = Vec::new();
        for (name, parameter) in self.queries() {
            let others = || required.iter().filter(|(other, _)| *other != name).cloned();
            if parameter["required"] == true {
                found.push(others().collect());
            }
            let schema = &parameter["schema"];
            let mut bad: Vec<String> = Vec::new();
            if schema["type"] == "integer" {
                bad.extend(["x", "1.5", "-1", "0"].map(str::to_owned));
                bad.extend(schema["maximum"].as_u64().map(|max| (max + 1).to_string()));
            }
            bad.extend(schema["enum"].is_array().then(|| "none of them".to_owned()));
            bad.extend(schema["maxLength"].as_u64().map(|max| "a".repeat(max as usize + 1)));
            bad.extend((schema["minLength"] == 1).then(String::new));
            found.extend(bad.into_iter().map(|bad| others().chain([(name, bad)]).collect()));
        }
        found
    }
}

async fn filled(config: Config) -> Server {
    let server = Server::new(config);
    let call = Span {
        parent_id: SpanId::new(7),
        kind: Some(Kind::Client),
        remote_endpoint: span(1, 1, "stock").local_endpoint,
        annotations: vec![Annotation { timestamp_us: 1, value: "cache miss".into() }],
        debug: true,
        ..tagged(tagged(span(10, 1, "shop"), "environment", "test"), "error", "")
    };
    let timeless = Span { timestamp_us: None, ..span(12, 1, "shop") };
    server.write([call, span(11, 1, "shop"), timeless]).await;
    server
}

#[tokio::test]
async fn every_path_is_described() {
    let document = Document::read();
    let described: BTreeSet<_> = document.operations().into_iter().map(|it| it.path).collect();
    let served: BTreeSet<_> = api::paths().map(|path| path.replace('*', "")).collect();
    assert_eq!(served, described);
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_as_described() {
    let mut document = Document::read();
    let config = || Config { autocomplete_keys: vec!["environment".into()], ..Config::default() };
    let server = filled(config()).await;
    let silenced = filled(Config { search_enabled: false, ..config() }).await;
    let ailing = Server::over(config(), Arc::new(Ailing));
    let silent = Server::over(config(), Arc::new(Silent));
    let operations = document.operations();
    for operation in &operations {
        let required = operation.required();
        let url = operation.url(&required);
        for base in operation.said["servers"].as_array().unwrap_or(&vec![json!({"url": "/"})]) {
            let url = format!("{}{url}", base["url"].as_str().unwrap().trim_end_matches('/'));
            let answer = server.get(&url).await;
            assert!(answer.status < 400 || operation.path.contains("{path}"), "{url}: {answer:?}");
            document.check(operation, &url, &answer);
        }
        let all = operation.url(&operation.examples(|_| true));
        let answer = server.get(&all).await;
        assert!(answer.status < 400 || operation.path.contains("{path}"), "{all}: {answer:?}");
        document.check(operation, &all, &answer);
        for bad in operation.forbidden() {
            let url = operation.url(&bad);
            let answer = server.get(&url).await;
            assert_eq!(answer.status, 400, "{url}: {}", answer.body);
            document.check(operation, &url, &answer);
        }
        for (server, what) in [(&silenced, "silenced"), (&ailing, "ailing"), (&silent, "silent")] {
            let answer = server.get(&url).await;
            document.check(operation, &format!("{what} {url}"), &answer);
        }
        if operation.said["responses"].get("304").is_some() && !operation.path.contains("{path}") {
            let answer = server.ask("GET", &url, &[("if-none-match", "*")]).await;
            assert_eq!(answer.status, 304, "{url}");
            document.check(operation, &url, &answer);
        }
        if operation.path.contains("/api/") && operation.path.contains("{traceId}") {
            for id in ["ffff", "none"] {
                let url = url.replace("000000000000000a", id);
                document.check(operation, &url, &server.get(&url).await);
            }
        }
    }
    // A binary of tests may be without the page's files.
    let files = "/zipkin/{path}";
    document.seen.extend([(files.to_owned(), 200), (files.to_owned(), 304)]);
    for operation in &operations {
        for status in operation.said["responses"].as_object().unwrap().keys() {
            let status = status.parse().unwrap();
            let seen = document.seen.contains(&(operation.path.clone(), status));
            assert!(seen, "{}: nothing answers {status}", operation.path);
        }
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored_by_zipkin_and_refused_by_extensions() {
    let server = filled(Config::default()).await;
    for operation in Document::read().operations() {
        let mut query = operation.required();
        query.push(("limt", "5".to_owned()));
        let answer = server.get(&operation.url(&query)).await;
        if operation.is("zipkin") {
            assert_eq!(answer.status, 200, "{}", operation.path);
        } else if operation.is("extensions") && operation.queries().next().is_some() {
            assert_eq!(answer.status, 400, "{}", operation.path);
            assert_eq!(answer.json()["parameter"], "limt");
        }
    }
}
