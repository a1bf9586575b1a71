//! Cursors and patterns: what they are made of may come from anyone.

use model::id::TraceId;
use storage::condition::{PATTERN_BYTES_MAX, Pattern};
use storage::facts::Facts;
use storage::order::{Cursor, Order, TraceKey};

fn cursor(order: Order, value: u64, newest_us: u64, id: u128) -> Cursor {
    let facts = Facts { newest_us: Some(newest_us), longest_us: value, errors: value, ..Facts::default() };
    Cursor::behind(order, order.rank(TraceKey::new(TraceId::new(id).expect("an id"), true), &facts))
}

#[test]
fn cursors_are_read_back_from_what_a_url_holds() {
    for order in [Order::Newest, Order::Duration, Order::Errors] {
        for id in [1, 7 << 64, u128::MAX] {
            let cursor = cursor(order, u64::MAX, u64::MAX, id);
            let text = cursor.to_string();
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{text}");
            assert_eq!(text.parse(), Ok(cursor));
            assert_eq!(cursor.order(), order);
        }
    }
}

#[test]
fn what_is_no_cursor_is_refused() {
    let good = cursor(Order::Duration, 5, 7_000, 9).to_string();
    assert_eq!(good, "d5-7-90000000000000000");
    for bad in [
        "",
        "d",
        "x5-7-90000000000000000",
        "5-7-90000000000000000",
        "d5-7",
        "d5-7-90000000000000000-1",
        "d05-7-90000000000000000",
        "d+5-7-90000000000000000",
        "d5-7-9000000000000000G",
        "D5-7-90000000000000000",
        "d5-7-90000000000000000 ",
        "d10000000000000000-7-9",
        "d5-7-1ffffffffffffffffffffffffffffffff",
        "d5--9",
        "ü5-7-9",
        "d\u{ff15}-7-9",
    ] {
        assert!(bad.parse::<Cursor>().is_err(), "{bad}");
    }
}

#[test]
fn patterns_that_cost_too_much_are_refused() {
    assert!(Pattern::new(&"a".repeat(PATTERN_BYTES_MAX)).is_ok());
    for (pattern, why) in [
        ("a".repeat(PATTERN_BYTES_MAX + 1), "is longer than 1000 bytes"),
        ("(".to_owned(), "unclosed group"),
        ("(?=look)".to_owned(), "look-around"),
        (r"(a)\1".to_owned(), "backreferences"),
        ("((a{100}){100}){100}".to_owned(), "size limit"),
        (r"\pL{5000}".to_owned(), "size limit"),
        (format!("{}a{}", "(".repeat(100), ")".repeat(100)), "maximum number of nested"),
    ] {
        let error = Pattern::new(&pattern).expect_err(&pattern).to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// What lets other engines try for ever ends at once here, since time grows with the text only.
#[test]
fn patterns_do_not_go_back() {
    let text = "a".repeat(100_000);
    for pattern in ["(a+)+$b", "(a*)*b", "(a|aa)+$b", "(.*)(.*)(.*)[^a]"] {
        assert!(!Pattern::new(pattern).expect(pattern).is_found_in(&text), "{pattern}");
    }
}
