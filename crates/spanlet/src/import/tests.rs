//! How a text is cut into objects, however its reader hands it out.

use std::io::BufReader;

use super::objects::{Broken, Objects};

/// Returns the objects with their places, and why they end.
fn cut(text: &str, at_once: usize) -> (Vec<(String, u64, u64)>, Option<Broken>) {
    let mut objects = Objects::new(BufReader::with_capacity(at_once, text.as_bytes()));
    let mut found = Vec::new();
    loop {
        let mut out = Vec::new();
        match objects.next(&mut out) {
            Ok(true) => {
                found.push((String::from_utf8(out).unwrap(), objects.place().0, objects.place().1));
            }
            Ok(false) => return (found, None),
            Err(broken) => return (found, Some(broken)),
        }
    }
}

#[test]
fn objects_are_found_with_their_places() {
    let first = r#"{"tags":{"}":"\"}]\\","ü":"{"}}"#;
    let (line, byte) = (2, first.len() as u64 + 5);
    for text in [format!("[{first},\n ,{{}}]"), format!("[{first}]\n, {{}}"), format!("[{first},\n[{{}}]]")] {
        for at_once in [1, 2, 7, 1000] {
            let (found, broken) = cut(&text, at_once);
            assert!(broken.is_none(), "{text}: {broken:?}");
            assert_eq!(found[0], (first.to_owned(), 1, 2), "{text}");
            assert_eq!((found.len(), &found[1].0[..], found[1].1), (2, "{}", line), "{text}");
        }
    }
    assert_eq!(cut(&format!("[{first},\n ,{{}}]"), 3).0[1].2, byte + 1);
}

#[test]
fn what_is_no_list_of_objects_is_said() {
    let broken = |text: &str| cut(text, 3).1;
    assert!(broken("").is_none() && broken(" [ ]\n").is_none());
    assert!(matches!(broken("[{}"), Some(Broken::EndsInList)));
    assert!(matches!(broken(r#"[{"a":"}"#), Some(Broken::EndsInSpan)));
    assert!(matches!(broken("[{}]]"), Some(Broken::NoSpan)));
    assert!(matches!(broken("<html>"), Some(Broken::NoSpan)));
    let large = format!("[{{\"a\":\"{}\"}}]", "x".repeat(64 << 20));
    assert!(matches!(cut(&large, 1 << 20).1, Some(Broken::TooLarge)));
}
