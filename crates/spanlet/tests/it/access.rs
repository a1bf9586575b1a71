//! Tokens, passwords and scopes, over every kind of request; separate listeners.

use crate::process::{SPAN, Server, curl, free_ports, spanlet, start, write};

fn guarded() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = write(
        dir.path(),
        "spanlet.toml",
        "[[access]]\nuser = 'ann'\npassword = 'pa55'\nscopes = ['query']\n[[access]]\nuser = 'ops'\npassword = \
         'pa55'\nscopes = ['admin']\n",
    );
    let mut command = spanlet();
    command.args(free_ports()).args(["--config", &file]).env("SPANLET_INGEST_TOKEN", "s3nd");
    (Server::spawn(command), dir)
}

#[test]
fn each_scope_opens_its_paths_and_no_other() {
    let (server, _dir) = guarded();
    let status = |path: &str, flags: &[&str]| {
        let url = server.url(path);
        curl(&[&[url.as_str()], flags].concat()).status
    };
    let (ingest, ann, ops) = (["--oauth2-bearer", "s3nd"], ["--user", "ann:pa55"], ["--user", "ops:pa55"]);
    let post = ["--data", SPAN];
    for path in ["/api/v2/spans", "/api/v1/spans", "/v1/traces", "/api/spanlet/v1/relays"] {
        assert_eq!(status(path, &post), 401, "{path}");
        assert_eq!(status(path, &[&post[..], &ann].concat()), 403, "{path}");
    }
    assert_eq!(status("/api/v2/spans", &[&post[..], &ingest].concat()), 202);
    let said = r#"{"name":"a","backlogBytes":0,"oldestMs":0,"rate":0,"errors":0}"#;
    assert_eq!(status("/api/spanlet/v1/relays", &[&["--data", said][..], &ingest].concat()), 204);
    let shown = curl(&[&ann[..], &[server.url("/api/spanlet/v1/status").as_str()]].concat()).body;
    let part = r#""address":"127.0.0.1","#;
    assert!(shown.contains(part) && !shown.contains("dataDir"), "{shown}");
    for path in [
        "/api/spanlet/v1/counts",
        "/api/spanlet/v1/status",
        "/api/v2/traces",
        "/api/v2/spans?serviceName=x",
        "/zipkin/api/v2/services",
        "/zipkin/config.json",
    ] {
        assert_eq!(status(path, &[]), 401, "{path}");
        assert_eq!(status(path, &ingest), 403, "{path}");
        assert_eq!(status(path, &ops), 403, "{path}");
        assert_eq!(status(path, &ann), 200, "{path}");
    }
    for path in ["/metrics", "/prometheus", "/actuator/prometheus", "/info", "/actuator/info"] {
        assert_eq!(status(path, &[]), 401, "{path}");
        assert_eq!(status(path, &ingest), 403, "{path}");
        assert_eq!(status(path, &ann), 403, "{path}");
        assert_eq!(status(path, &ops), 200, "{path}");
    }
    // Slashes are collapsed before anybody judges.
    assert_eq!(status("//api//v2/traces", &[]), 401);
    assert_eq!(status("/api/v2/traces", &["--user", "ann:wrong"]), 401);
    assert_eq!(status("/health", &[]), 200);
    assert_eq!(status("/actuator/health", &[]), 200);
    for path in ["/actuator/env", "/actuator/heapdump", "/debug/pprof/", "/internal/docs/"] {
        assert_eq!((status(path, &ann), status(path, &ops)), (404, 404), "{path}");
    }
}

#[test]
fn a_refusal_says_how_to_get_in() {
    let (server, _dir) = guarded();
    let answer = curl(&[&server.url("/zipkin/")]);
    assert_eq!(answer.status, 401);
    assert!(answer.head.contains("www-authenticate: bearer realm=\"spanlet\""), "{}", answer.head);
    assert!(answer.head.contains("www-authenticate: basic realm=\"spanlet\""), "{}", answer.head);
    let refused = server.at["http"];
    let text = curl(&["--user", "ops:pa55", &format!("http://{refused}/prometheus")]).body;
    assert!(text.contains("spanlet_http_requests_refused_total 1\n"), "{text}");
}

#[test]
fn grpc_is_refused_in_its_own_words() {
    let (server, _dir) = guarded();
    let url = server.url("/zipkin.proto3.SpanService/Report");
    let call = |flags: &[&str]| {
        let fixed = [
            "--http2-prior-knowledge",
            "-H",
            "content-type: application/grpc",
            "--data-binary",
            "@/dev/null",
        ];
        curl(&[&fixed[..], flags, &[url.as_str()]].concat())
    };
    assert!(call(&[]).head.contains("grpc-status: 16"), "{:?}", call(&[]));
    assert!(call(&["--user", "ann:pa55"]).head.contains("grpc-status: 7"));
    assert!(!call(&["--oauth2-bearer", "s3nd"]).head.contains("grpc-status: 16"));
}

#[test]
fn a_browser_may_ask_before_it_has_credentials() {
    let (server, _dir) = guarded();
    let preflight =
        ["-X", "OPTIONS", "-H", "Origin: http://x.example", "-H", "Access-Control-Request-Method: GET"];
    let answer = curl(&[&preflight[..], &[server.url("/api/v2/traces").as_str()]].concat());
    assert_eq!(answer.status, 200);
}

#[test]
fn what_others_wrote_runs_nowhere() {
    let server = start(&[]);
    let page = curl(&[&server.url("/zipkin/")]);
    let policy = page.head.lines().find(|line| line.starts_with("content-security-policy:")).unwrap();
    for wanted in ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'self'", "object-src 'none'"] {
        assert!(policy.contains(wanted), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for path in ["/zipkin/", "/api/v2/services", "/api/v2/traces?limit=%3Cscript%3E", "/nowhere"] {
        let head = curl(&[&server.url(path)]).head;
        assert!(head.contains("x-content-type-options: nosniff"), "{path}: {head}");
    }
}

#[test]
fn no_secret_is_logged() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "access.toml", "[[access]]\ntoken = 'hushhush'\nscopes = ['query']\n");
    let mut server = start(&["--access-file", &file, "--log-level", "trace"]);
    curl(&["--oauth2-bearer", "hushhush", &server.url("/api/v2/services")]);
    curl(&["--oauth2-bearer", "mistyped-hushhush", &server.url("/api/v2/services")]);
    server.signal("-TERM");
    assert!(server.wait().success());
    let log = server.log.lock().unwrap().clone();
    assert!(!log.contains("hushhush"), "{log}");
}

#[test]
fn listeners_of_their_own_take_their_part_away_from_the_usual_one() {
    let server = start(&["--ingest-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let status = |listener: &str, path: &str, flags: &[&str]| {
        let url = format!("http://{}{path}", server.at[listener]);
        curl(&[flags, &[url.as_str()]].concat()).status
    };
    let post = ["--data", SPAN];
    for (listener, sends, asks, watches) in
        [("http", 404, 200, 404), ("ingest", 202, 404, 404), ("admin", 404, 404, 200)]
    {
        assert_eq!(status(listener, "/api/v2/spans", &post), sends, "{listener}");
        assert_eq!(status(listener, "/api/v2/services", &[]), asks, "{listener}");
        assert_eq!(status(listener, "/prometheus", &[]), watches, "{listener}");
        assert_eq!(status(listener, "/health", &[]), 200, "{listener}");
    }
}
