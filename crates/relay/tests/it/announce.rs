//! What a relay says of itself, and to whom.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use relay::announce::{Announcer, Invitation};
use relay::outgoing::Outgoing;

use crate::world::{accept, config, disk, open};

/// Answers one request. Returns its head in lower case, and its body.
fn answer(listener: &TcpListener, status: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        head.push_str(&line.to_lowercase());
        line.clear();
    }
    let length = head.split_once("content-length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn who_invites_is_told_and_who_has_gone_is_left_alone() {
    let disk = disk(1);
    let spool = open(&disk, config(), 2).unwrap();
    (0..3).for_each(|number| accept(&spool, &[number]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let invitations = [Invitation::default(), Invitation::default()];
    invitations[1].set(Some(format!("{url}/relays")));
    let announcer = Announcer {
        name: "beside the shop".into(),
        urls: vec![format!("{url}/named")],
        invitations: invitations.iter().map(|invitation| vec![invitation.clone()]).collect(),
        outgoing: Outgoing::default().with_token("s3cret"),
        spool: std::sync::Arc::clone(&spool),
    };
    let thread = std::thread::spawn(move || announcer.run());
    let (head, body) = answer(&listener, "404 Not Found");
    assert!(head.starts_with("post /relays "), "{head}");
    assert!(head.contains("authorization: bearer s3cret"), "{head}");
    let said: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(said["name"], "beside the shop");
    let backlog = said["backlogBytes"].as_u64().unwrap();
    assert!(backlog > 0, "{said}");
    assert_eq!((&said["rate"], &said["errors"]), (&serde_json::json!(0.0), &serde_json::json!(0)));
    // The next is the server that was named, which hears of both routes.
    let (head, body) = answer(&listener, "204 No Content");
    assert!(head.starts_with("post /named "), "{head}");
    let said: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(said["backlogBytes"], 2 * backlog);
    let deadline = Instant::now() + Duration::from_secs(60);
    while invitations[1].get().is_some() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    spool.stop();
    thread.join().unwrap();
}
