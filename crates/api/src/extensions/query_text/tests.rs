//! What texts mean, and what is said about those that mean nothing.

use proptest::prelude::*;

use super::*;

/// Writes conditions in a form that leaves no doubt.
fn show(conditions: &[Condition]) -> String {
    let one = |condition: &Condition| match condition {
        Condition::Has(text) => text.clone(),
        Condition::Tag(key, value) => format!("{key}={value}"),
        Condition::Prefix(key, text) => format!("{key}^{text}"),
        Condition::Contains(key, text) => format!("{key}*{text}"),
        Condition::Regex(key, pattern) => format!("{key}~{}", pattern.as_str()),
        Condition::Not(inner) => format!("!{}", show(std::slice::from_ref(inner))),
        Condition::Any(any) => {
            let any: Vec<_> = any.iter().map(|one| show(std::slice::from_ref(one))).collect();
            format!("[{}]", any.join("|"))
        }
    };
    conditions.iter().map(one).collect::<Vec<_>>().join(" & ")
}

#[test]
fn texts_that_mean_something() {
    for (text, meaning) in [
        ("", ""),
        ("  ", ""),
        ("error", "error"),
        ("http.path=/a", "http.path=/a"),
        ("http.path = /a=b", "http.path=/a=b"),
        ("a=1 and b=2", "a=1 & b=2"),
        ("a=1 or b=2", "[a=1|b=2]"),
        ("a=1 and b or c", "[![!a=1|!b]|c]"),
        ("a and (b or c)", "a & [b|c]"),
        ("not error", "!error"),
        ("not not error", "error"),
        ("not (a or b)", "![a|b]"),
        ("not (a and b)", "[!a|!b]"),
        ("not(a)or(b)", "[!a|b]"),
        ("p^=/api q*=x", "err"),
        ("p^=/api and q*=x and r~=^[0-9]+$", "p^/api & q*x & r~^[0-9]+$"),
        (r#""Cache miss""#, "Cache miss"),
        (r#"sql="select \"a\\b\" (1)""#, r#"sql=select "a\b" (1)"#),
        (r#""a=b"=c"#, "a=b=c"),
        ("order=1 and android and nothing", "order=1 & android & nothing"),
        ("or=1 and not=2", "or=1 & not=2"),
        ("k=", "k^"),
        ("(k=)", "k^"),
        ("k= or a", "[k^|a]"),
        ("k=or and a=and", "k=or & a=and"),
        ("k = and a", "k^ & a"),
        (r#"k = "and""#, "k=and"),
        ("ä=ü and é", "ä=ü & é"),
        ("a AND b", "err"),
        ("url=/x?a=(1", "url=/x?a=(1"),
    ] {
        match parse(text) {
            Ok(conditions) => assert_eq!(show(&conditions), meaning, "{text}"),
            Err(error) => assert_eq!("err", meaning, "{text}: {error:?}"),
        }
    }
}

#[test]
fn errors_name_their_place() {
    for (text, at, word) in [
        ("a b", 2, "expected and, or"),
        ("a and", 5, "expected a tag's key"),
        ("and a", 0, "before and"),
        ("a or or b", 5, "before or"),
        ("(a", 2, "expected )"),
        ("a)", 1, "a ) without"),
        ("a and =b", 6, "expected a tag's key"),
        ("k=\"open", 2, "does not end"),
        ("k~=a( and b", 3, ""),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error:?}");
        assert!(error.text.contains(word), "{text}: {error:?}");
    }
}

#[test]
fn limits() {
    let many = |count: usize| vec!["a=1"; count].join(" or ");
    assert!(parse(&many(CONDITIONS_MAX)).is_ok());
    assert!(parse(&many(CONDITIONS_MAX + 1)).unwrap_err().text.contains("more than 64"));
    let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&deep(DEPTH_MAX)).is_ok());
    assert!(parse(&deep(DEPTH_MAX + 1)).unwrap_err().text.contains("deeper than 16"));
    assert!(parse(&"not ".repeat(1000)).is_err());
    assert!(parse(&"a".repeat(BYTES_MAX + 1)).unwrap_err().text.contains("longer than 4096"));
}

/// Texts of the language's own pieces, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = ["and", "or", "not", "(", ")", "\"", "\\", "=", "^=", "*=", "~=", "k", "ü", "[a", " ", " "];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in prop_oneof![".{0,60}", pieces()]) {
        match parse(&text) {
            Ok(conditions) => prop_assert!(conditions.len() <= CONDITIONS_MAX),
            Err(error) => prop_assert!(error.at <= text.len() && !error.text.is_empty()),
        }
    }

    #[test]
    fn quoted_texts_come_back_as_they_were(key in ".{1,20}", value in ".{1,20}") {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let text = format!("{}={} and {}", quoted(&key), quoted(&value), quoted(&key));
        prop_assert_eq!(parse(&text), Ok(vec![Condition::Tag(key.clone(), value), Condition::Has(key)]));
    }
}
