//! The collectors' part of `docs/reference/openapi.json`; what is asked with GET is held by `crates/api`.

use std::path::Path;

use e2e::server::{Server, agent};
use serde_json::Value;

#[test]
fn what_is_posted_is_answered_as_described() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = Server::start(data_dir.path(), &[]).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/openapi.json");
    let file = std::fs::read_to_string(file).unwrap();
    let served = server.get("/api/spanlet/openapi.json").unwrap();
    assert!(served == (200, file.clone()), "the binary holds another document: build it again");
    let document: Value = serde_json::from_str(&file).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let posts: Vec<_> = paths.iter().filter_map(|(path, item)| Some((path, item.get("post")?))).collect();
    assert_eq!(posts.len(), 6, "{posts:?}");
    for (path, said) in posts {
        for media_type in said["requestBody"]["content"].as_object().unwrap().keys() {
            for (body, well) in bodies(path, media_type) {
                let status = post(&server, path, media_type, &body);
                let (what, start) = (format!("{path} {media_type}"), &body[..body.len().min(9)]);
                assert!(said["responses"].get(status.to_string()).is_some(), "{what} {start:?}: {status}");
                assert_eq!(status < 300, well, "{what} {start:?}: {status}");
            }
        }
        if said["responses"].get("415").is_some() {
            assert_eq!(post(&server, path, "text/plain", b""), 415, "{path}");
        }
    }
}

fn post(server: &Server, path: &str, media_type: &str, body: &[u8]) -> u16 {
    let request = agent().post(format!("{}{path}", server.url())).content_type(media_type);
    request.send(body).unwrap().status().as_u16()
}

/// Returns bodies for a path, and whether each is well.
fn bodies(path: &str, media_type: &str) -> Vec<(Vec<u8>, bool)> {
    let of = |well: &[u8], bad: &[u8]| vec![(well.to_vec(), true), (bad.to_vec(), false)];
    match media_type {
        "application/json" if path == "/v1/traces" => of(b"{}", b"["),
        "application/json" if path == "/api/spanlet/v1/relays" => {
            of(br#"{"name":"a","backlogBytes":0,"oldestMs":0,"rate":0,"errors":0}"#, b"{}")
        }
        "application/json" => of(b"[]", b"{}"),
        "application/x-protobuf" => of(b"", &[10, 1]),
        "application/x-thrift" => of(&[12, 0, 0, 0, 0], &[12, 0, 0, 0, 1]),
        // An empty message. What is wrong with another one is said in a trailer, below a status of 200.
        _ => vec![(vec![0; 5], true)],
    }
}
