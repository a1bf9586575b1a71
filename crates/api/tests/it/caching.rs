//! What browsers may keep, and for how long.

use api::config::{Config, Ui};

use crate::support::{Server, span};

#[tokio::test]
async fn documents_say_when_a_copy_is_still_right() {
    let server = Server::new(Config::default());
    for (path, cache) in [
        ("/zipkin/", "max-age=60"),
        ("/zipkin/index.html", "max-age=60"),
        ("/zipkin/traces/000000000000000a", "max-age=60"),
        ("/zipkin/dependency", "max-age=60"),
        ("/zipkin/compare", "max-age=60"),
        ("/zipkin/services", "max-age=60"),
        ("/zipkin/status", "max-age=60"),
        ("/zipkin/traceViewer", "max-age=60"),
        ("/zipkin/config.json", "max-age=600"),
        ("/info", ""),
        ("/actuator/info", ""),
        ("/api/spanlet/openapi.json", "max-age=600"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, cache), "{path}");
        let (tag, date) = (answer.header("etag"), answer.header("last-modified"));
        for (name, value, status) in [
            ("if-none-match", tag, 304),
            ("if-none-match", &format!("\"other\", W/{tag}"), 304),
            ("if-none-match", "*", 304),
            ("if-none-match", "\"other\"", 200),
            ("if-modified-since", date, 304),
            ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT", 200),
            ("if-modified-since", "no date", 200),
        ] {
            let again = server.ask("GET", path, &[(name, value)]).await;
            assert_eq!(again.status, status, "{path} {name}: {value}");
            assert_eq!(again.body.is_empty(), status == 304);
            assert_eq!((again.header("etag"), again.header("cache-control")), (tag, cache));
        }
    }
}

#[tokio::test]
async fn another_base_path_is_another_page() {
    let usual = Server::new(Config::default()).get("/zipkin/").await;
    let ui = Ui { base_path: "/elsewhere".into(), ..Ui::default() };
    let moved = Server::new(Config { ui: Some(ui), ..Config::default() }).get("/zipkin/").await;
    // A binary without its page has nothing to move.
    assert_eq!(usual.body.contains("<base"), usual.header("etag") != moved.header("etag"));
    assert_eq!(usual.body.contains("<base"), moved.body.contains("<base href=\"/elsewhere/\""));
}

#[tokio::test]
async fn names_may_be_kept_once_there_are_more_than_three() {
    let config = Config { autocomplete_keys: vec!["env".into()], ..Config::default() };
    let server = Server::new(Config { names_max_age_s: 77, ..config });
    let kept = async |path: &str| server.get(path).await.header("cache-control").to_owned();
    const KEPT: &str = "max-age=77, must-revalidate";
    assert_eq!(kept("/api/v2/autocompleteKeys").await, KEPT);
    server.write((1..=3).map(|it| span(it, 1, &format!("s{it}")))).await;
    assert_eq!(kept("/api/v2/services").await, "");
    server.write([span(4, 1, "s4")]).await;
    // What the latest list of services had decides, not what there is now.
    assert_eq!(kept("/api/v2/spans?serviceName=s1").await, "");
    assert_eq!(kept("/api/v2/services").await, KEPT);
    assert_eq!(kept("/api/v2/spans?serviceName=s1").await, KEPT);
    assert_eq!(kept("/api/v2/remoteServices?serviceName=nobody").await, KEPT);
    assert_eq!(kept("/api/v2/traces").await, "");
}

#[tokio::test]
async fn autocomplete_values_are_kept_by_their_own_number() {
    let config = Config { autocomplete_keys: vec!["env".into()], ..Config::default() };
    let server = Server::new(config);
    for count in 1..=4 {
        server.write([crate::support::tagged(span(count, 1, "s"), "env", &format!("v{count}"))]).await;
        let answer = server.get("/api/v2/autocompleteValues?key=env").await;
        assert_eq!(answer.header("cache-control").is_empty(), count <= 3, "{}", answer.body);
    }
}
