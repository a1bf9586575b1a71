//! Methods, slashes, cross-origin requests, compression.

use api::config::Config;

use crate::support::{Server, span};

#[tokio::test]
async fn other_methods_and_paths_are_not_found() {
    let server = Server::new(Config::default());
    for (method, path, status) in [
        ("GET", "/nosuch", 404),
        ("GET", "/config.json", 404),
        ("GET", "/api/v2/services/", 404),
        ("GET", "/API/v2/services", 404),
        ("GET", "/api/v1/traces", 404),
        ("GET", "/api/v2/trace/", 404),
        ("GET", "/api/v2/trace/a/b", 404),
        ("GET", "/api//v2///services", 200),
        ("GET", "//", 302),
        ("GET", "/%61pi/v2/services", 200),
        ("GET", "/zipkin/%69ndex.html", 200),
        ("GET", "/api/v2%2fservices", 404),
        ("GET", "/api/v2/services?%zz", 400),
        ("GET", "/zipkin/../health", 400),
        ("POST", "/api/v2/services", 404),
        ("DELETE", "/api/v2/trace/a", 404),
        ("HEAD", "/api/v2/services", 404),
        ("OPTIONS", "/api/v2/services", 404),
        ("HEAD", "/nosuch", 404),
        ("HEAD", "/zipkin/config.json", 200),
        ("HEAD", "/info", 200),
        ("HEAD", "/health", 404),
        ("HEAD", "/zipkin/api/v2/services", 405),
        ("POST", "/zipkin/api/v2/services", 405),
        ("POST", "/zipkin/api/v2/spans", 405),
        ("POST", "/zipkin/nosuch", 405),
        ("POST", "/zipkin/", 405),
        ("POST", "/zipkin", 302),
        ("PUT", "/info", 405),
        ("PUT", "/metrics", 404),
        ("TRACE", "/api/v2/services", 405),
        ("TRACE", "/nosuch", 405),
    ] {
        let answer = server.ask(method, path, &[]).await;
        assert_eq!(answer.status, status, "{method} {path}");
        if let Some(text) = [(404, "404 Not Found"), (405, "405 Method Not Allowed")]
            .into_iter()
            .find_map(|(known, text)| (status == known && method != "HEAD").then_some(text))
        {
            assert_eq!(answer.body, text, "{method} {path}");
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        }
    }
}

#[tokio::test]
async fn every_origin_may_ask_unless_some_are_named() {
    let server = Server::new(Config::default());
    for path in ["/api/v2/services", "/health", "/nosuch", "/zipkin/"] {
        let answer = server.ask("GET", path, &[("origin", "http://a.example")]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), "content-type,x-grpc-web");
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, "grpc-status,grpc-message,armeria.grpc.throwableproto-bin");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    assert_eq!(server.get("/health").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn named_origins_are_echoed_and_others_served_unmarked() {
    let allowed_origins = vec!["http://a.example".to_owned(), "http://b.example".to_owned()];
    let server = Server::new(Config { allowed_origins, ..Config::default() });
    for (origin, marked) in
        [("http://a.example", true), ("http://b.example", true), ("http://evil.example", false)]
    {
        let answer = server.ask("GET", "/api/v2/services", &[("origin", origin)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), if marked { origin } else { "" });
        assert_eq!(answer.header("vary"), if marked { "origin" } else { "" });
        let asked = [("origin", origin), ("access-control-request-method", "POST")];
        let answer = server.ask("OPTIONS", "/api/v2/spans", &asked).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-methods"), if marked { "GET,POST" } else { "" });
    }
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_can_read_it() {
    let server = Server::new(Config::default());
    let packed = async |server: &Server| {
        let path = "/api/v2/traces?lookback=10000";
        let answer = server.ask("GET", path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(server.get(path).await.header("content-encoding"), "");
        answer.header("content-encoding").to_owned()
    };
    server.write([span(1, 1, "shop")]).await;
    assert_eq!(packed(&server).await, "");
    server.write((2..40).map(|id| span(1, id, "shop"))).await;
    assert_eq!(packed(&server).await, "gzip");
}

#[tokio::test]
async fn redirects_keep_what_was_asked() {
    let server = Server::new(Config::default());
    for (path, to) in [
        ("/", "/zipkin/"),
        ("/?serviceName=a%20b", "/zipkin/?serviceName=a%20b"),
        ("/zipkin?x", "/zipkin/?x"),
        ("/favicon.ico?1", "/zipkin/favicon.ico?1"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (302, to), "{path}");
    }
}
