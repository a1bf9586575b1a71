//! JSON v2: every row of the rules, as text in and text out.

use model::batch::Batch;
use model::span::Span;
use wire::json_v2::{decode_list, write_traces};

use crate::support;

fn decode(body: &[u8]) -> Result<Vec<Span>, String> {
    support::decode(decode_list, body)
}

/// Decodes a body and writes it again; the text of the error when it is turned away.
fn check(body: &str, expected: &str) {
    assert_eq!(support::answer(decode_list, body.as_bytes()), expected, "{body}");
}

/// Checks the fields of one span besides its ids.
fn check_fields(fields: &str, expected: &str) {
    let span = |fields: &str| {
        let comma = if fields.is_empty() { "" } else { "," };
        format!(r#"[{{"traceId":"000000000000000a","id":"000000000000000b"{comma}{fields}}}]"#)
    };
    check(&span(fields), &span(expected));
}

/// Checks that a span with these fields is turned away with this message, wherever the place is.
fn refuse_fields(fields: &str, expected: &str) {
    let got = decode(format!(r#"[{{"traceId":"a","id":"b",{fields}}}]"#).as_bytes()).expect_err(fields);
    let got = got.strip_suffix(" reading List<Span> from json").expect(&got);
    let place = [" at line 1 column ", " at $"].into_iter().find_map(|place| got.split_once(place));
    let message = place.map_or(got, |(message, _)| message);
    assert_eq!(message, expected, "{fields}");
}

const SPAN: &str = r#"{"traceId":"000000000000000a","id":"000000000000000b"}"#;

#[test]
fn lists() {
    for (body, spans) in [
        ("", 0),
        ("[]", 0),
        ("[ ]", 0),
        ("[\n\t{\"traceId\" : \"a\" ,\r\n \"id\":\"b\"} , {\"traceId\":\"a\",\"id\":\"c\"} ]", 2),
        ("[{\"traceId\":\"a\",\"id\":\"b\"}] trailing", 1),
        ("[{\"traceId\":\"a\",\"id\":\"b\"}],", 1),
        ("\n[{\"traceId\":\"a\",\"id\":\"b\"}]", 1),
    ] {
        assert_eq!(decode(body.as_bytes()).map(|list| list.len()), Ok(spans), "{body}");
    }
    for body in [" []", "{}", "hello", "\u{feff}[]", "<html>", "\u{1f}\u{8b}\u{8}", "\n", "\n\0[]"] {
        check(body, "Expected a JSON_V2 encoded list\n");
    }
    for body in [
        "[null]",
        "[[]]",
        "[\"a\"]",
        "[{'traceId':'a','id':'b'}]",
        "[{\"traceId\":\"a\",\"id\":\"b\"},]",
        "[{\"traceId\":\"a\",\"id\":\"b\",}]",
        "[{\"traceId\":\"a\" \"id\":\"b\"}]",
        "[{\"traceId\":\"a\",\"id\":\"b\"} {}]",
        "[,]",
        "[{,}]",
        "[{\"a\" 1}]",
        "[{a:1}]",
        "[{\"a\":tru}]",
        "[{\"a\":01}]",
        "[{\"a\":-}]",
        "[{\"a\":1.}]",
        "[{\"a\":1e}]",
        "[{\"a\":[1}}]",
        "[{\"a\":\"\\x\"}]",
        "[{\"a\":\"\\u12g4\"}]",
        // Zipkin calls a string or an escape that never ends so too.
        "[{\"",
        "[{\"traceId",
        "[{\"a\":\"\\",
        "[\n{\n  nope",
    ] {
        check(body, "Malformed reading List<Span> from json");
    }
    for (body, path) in [
        ("[", "$[0]"),
        ("[{", "$[0]."),
        ("[{\"traceId\":", "$[0].traceId"),
        ("[{\"traceId\":\"a\",\"id\":\"b\"}", "$[1]"),
    ] {
        let place = format!("line 1 column {} path {path}", body.len() + 1);
        check(body, &format!("End of input at {place} reading List<Span> from json"));
    }
    check("[\n{\n  ", "End of input at line 3 column 3 path $[0]. reading List<Span> from json");
}

#[test]
fn a_v1_list_is_told_apart_by_a_substring() {
    let expected = "Expected a JSON_V2 encoded list, but received: JSON_V1\n";
    check(r#"[{"traceId":"a","id":"b","binaryAnnotations":[]}]"#, expected);
    check(r#"[{"traceId":"a","id":"b"}] yAnnotations""#, expected);
    check_fields(r#""tags":{"a":"binaryAnnotations\""}"#, r#""tags":{"a":"binaryAnnotations\""}"#);
}

fn unexpected(found: &str, chapter: &str) -> String {
    let guide = "https://github.com/google/gson/blob/main/Troubleshooting.md";
    format!("Expected a string but was {found}\nSee {guide}#{chapter}")
}

#[test]
fn ids() {
    for (trace_id, id, trace_printed, id_printed) in [
        ("1", "2", "0000000000000001", "0000000000000002"),
        ("504c0000000a20001", "1", "000000000000000504c0000000a20001", "0000000000000001"),
        ("0000000000000000463ac35c9f6413ad", "0000000000000001", "463ac35c9f6413ad", "0000000000000001"),
        ("5eed00000000a40104c0000000a40001", "f", "5eed00000000a40104c0000000a40001", "000000000000000f"),
    ] {
        check(
            &format!(r#"[{{"traceId":"{trace_id}","id":"{id}"}}]"#),
            &format!(r#"[{{"traceId":"{trace_printed}","id":"{id_printed}"}}]"#),
        );
    }
    check(r#"[{"traceId":12345,"id":1}]"#, r#"[{"traceId":"0000000000012345","id":"0000000000000001"}]"#);
    check(r#"[{"tr\u0061ceId":"\u0061","id":"b"}]"#, &format!("[{SPAN}]"));
    let ones = "1".repeat(33);
    for (fields, expected) in [
        (r#""id":"1""#, "Missing : traceId"),
        (r#""traceId":"1""#, "Missing : id"),
        ("", "Missing : traceId id"),
        (
            r#""traceId":null,"id":"1""#,
            &unexpected("NULL at line 1 column 17 path $[0].traceId", "adapter-not-null-safe"),
        ),
        (
            r#""traceId":"1","id":null"#,
            &unexpected("NULL at line 1 column 26 path $[0].id", "adapter-not-null-safe"),
        ),
        (
            r#""traceId":"1","id":true"#,
            &unexpected("BOOLEAN at line 1 column 26 path $[0].id", "unexpected-json-structure"),
        ),
        (r#""traceId":"""#, "traceId is empty"),
        (&format!(r#""traceId":"{ones}""#), "traceId.length > 32"),
        (r#""traceId":"0000000000000000""#, "traceId is all zeros"),
        (r#""traceId":"0""#, "traceId is all zeros"),
        (r#""traceId":"zzzz""#, "zzzz should be lower-hex encoded with no prefix"),
        (r#""traceId":"0x12""#, "0x12 should be lower-hex encoded with no prefix"),
        (r#""traceId":1.5"#, "1.5 should be lower-hex encoded with no prefix"),
        (r#""id":"""#, "id is empty"),
        (r#""id":"11111111111111111""#, "id.length > 16"),
        (r#""id":"0000000000000000""#, "id is all zeros"),
        // Zipkin stores sixteen zeros here, by a slip; the contract lets us refuse it.
        (r#""id":"0""#, "id is all zeros"),
        (r#""id":"ABC""#, "ABC should be lower-hex encoded with no prefix"),
        (r#""parentId":"""#, "parentId is empty"),
        (r#""parentId":"11111111111111111""#, "parentId.length > 16"),
        (r#""parentId":"ABC""#, "ABC should be lower-hex encoded with no prefix"),
    ] {
        check(&format!("[{{{fields}}}]"), &format!("{expected} reading List<Span> from json"));
    }
    check_fields(r#""parentId":"0000000000000000""#, "");
    check_fields(r#""parentId":"b""#, "");
    check(
        r#"[{"traceId":"a","id":"b","parentId":"c"}]"#,
        r#"[{"traceId":"000000000000000a","parentId":"000000000000000c","id":"000000000000000b"}]"#,
    );
}

#[test]
fn kinds_names_and_flags() {
    for kind in ["CLIENT", "SERVER", "PRODUCER", "CONSUMER"] {
        let field = format!(r#""kind":"{kind}""#);
        check_fields(&field, &field);
    }
    for kind in ["client", "FOO", "INTERNAL", ""] {
        refuse_fields(&format!(r#""kind":"{kind}""#), &format!("No enum constant zipkin2.Span.Kind.{kind}"));
    }
    check_fields(r#""name":"GeT À""#, r#""name":"get à""#);
    check_fields(r#""name":"""#, "");
    check_fields(r#""name":1.50"#, r#""name":"1.50""#);
    for name in ["{}", "[]", "true"] {
        let got = decode(format!(r#"[{{"traceId":"a","id":"b","name":{name}}}]"#).as_bytes());
        assert!(got.is_err_and(|text| text.starts_with("Expected a string but was ")), "{name}");
    }
    check_fields(r#""debug":true,"shared":true"#, r#""debug":true,"shared":true"#);
    check_fields(r#""debug":false,"shared":false"#, "");
    check_fields(r#""kind":"SERVER","shared":true"#, r#""kind":"SERVER","shared":true"#);
    check_fields(r#""kind":"CLIENT","shared":true"#, r#""kind":"CLIENT""#);
    for word in ["\"true\"", "1", "{}", "\"yes\""] {
        for flag in ["debug", "shared"] {
            let got = decode(format!(r#"[{{"traceId":"a","id":"b","{flag}":{word}}}]"#).as_bytes());
            assert!(got.is_err_and(|text| text.starts_with("Expected a boolean but was ")), "{flag} {word}");
        }
    }
    let nulls = r#""parentId":null,"kind":null,"name":null,"timestamp":null,"duration":null,"localEndpoint":null,
        "remoteEndpoint":null,"annotations":null,"tags":null,"debug":null,"shared":null,"other":null"#;
    check_fields(nulls, "");
}

#[test]
fn numbers() {
    for (text, expected) in [
        ("5", "5"),
        ("\"123\"", "123"),
        ("123.0", "123"),
        ("4.2e1", "42"),
        ("\"4.2E+1\"", "42"),
        ("1700108460000000.0", "1700108460000000"),
        ("9223372036854775807", "9223372036854775807"),
        ("999999999999999999", "999999999999999999"),
        ("1000000000000000000", "1000000000000000000"),
        ("7 ", "7"),
        ("\" 12 \"", "12"),
    ] {
        for field in ["timestamp", "duration"] {
            check_fields(&format!(r#""{field}":{text}"#), &format!(r#""{field}":{expected}"#));
        }
    }
    for text in ["0", "-1", "-0", "\"-5\"", "-9223372036854775808"] {
        check_fields(&format!(r#""timestamp":{text},"duration":{text}"#), "");
    }
    for text in ["00", "01", "1x", "-", "+1", "1 2"] {
        refuse_fields(&format!(r#""timestamp":{text}"#), "Malformed");
    }
    refuse_fields(r#""timestamp":1.5"#, "Expected a long but was 1.5");
    refuse_fields(r#""duration":"0.5""#, "Expected a long but was 0.5");
    refuse_fields(r#""duration":100000000000000000000"#, "Expected a long but was 100000000000000000000");
    refuse_fields(r#""timestamp":"abc""#, "For input string: \"abc\"");
    refuse_fields(r#""timestamp":"""#, "For input string: \"\"");
    refuse_fields(r#""timestamp":{}"#, "Expected a long but was BEGIN_OBJECT");
    refuse_fields(r#""timestamp":"NaN""#, "Expected a long but was NaN");
}

#[test]
fn endpoints() {
    for (text, expected) in [
        ("{}", ""),
        (r#"{"foo":"bar","x":[{"y":[]}]}"#, ""),
        (r#"{"serviceName":""}"#, ""),
        (r#"{"serviceName":null,"ipv4":null,"port":null}"#, ""),
        (r#"{"serviceName":"P-MiXeD"}"#, r#"{"serviceName":"p-mixed"}"#),
        (r#"{"serviceName":7}"#, r#"{"serviceName":"7"}"#),
        (
            r#"{"port":8080,"ipv4":"10.1.2.3","serviceName":"a","ipv6":"2001:db8::c001"}"#,
            r#"{"serviceName":"a","ipv4":"10.1.2.3","ipv6":"2001:db8::c001","port":8080}"#,
        ),
        (r#"{"serviceName":"a","port":0}"#, r#"{"serviceName":"a"}"#),
        (r#"{"serviceName":"a","port":-1}"#, r#"{"serviceName":"a"}"#),
        (r#"{"port":"80"}"#, r#"{"port":80}"#),
        (r#"{"port":65535}"#, r#"{"port":65535}"#),
        (r#"{"ipv4":"2001:DB8:0::1","ipv6":"1.2.3.4"}"#, r#"{"ipv4":"1.2.3.4","ipv6":"2001:db8::1"}"#),
        (r#"{"ipv6":"::ffff:1.2.3.4"}"#, r#"{"ipv4":"1.2.3.4"}"#),
        (r#"{"ipv6":"::1.2.3.4"}"#, r#"{"ipv4":"1.2.3.4"}"#),
        (r#"{"ipv6":"::1"}"#, r#"{"ipv6":"::1"}"#),
        (r#"{"ipv6":"2001:0:0:4:0:0:0:8"}"#, r#"{"ipv6":"2001:0:0:4::8"}"#),
        (r#"{"ipv6":"fe80::1%eth0"}"#, ""),
        (r#"{"ipv4":"localhost"}"#, ""),
    ] {
        for field in ["localEndpoint", "remoteEndpoint"] {
            let expected = match expected {
                "" => String::new(),
                _ => format!(r#""{field}":{expected}"#),
            };
            check_fields(&format!(r#""{field}":{text}"#), &expected);
        }
    }
    refuse_fields(r#""localEndpoint":{"port":65536}"#, "invalid port 65536");
    refuse_fields(r#""localEndpoint":{"port":"abc"}"#, "For input string: \"abc\"");
    refuse_fields(r#""localEndpoint":"a""#, "Malformed");
    refuse_fields(r#""localEndpoint":{"serviceName":{}}"#, "Expected a string but was BEGIN_OBJECT");
}

#[test]
fn annotations_and_tags() {
    check_fields(
        r#""annotations":[{"value":"b","timestamp":2},{"timestamp":1,"value":"z","endpoint":{"serviceName":"s"}},
            {"timestamp":2,"value":"a"},{"timestamp":2,"value":"b"},{"timestamp":0,"value":""}],"tags":{}"#,
        r#""annotations":[{"timestamp":0,"value":""},{"timestamp":1,"value":"z"},{"timestamp":2,"value":"a"},{"timestamp":2,"value":"b"}]"#,
    );
    refuse_fields(r#""annotations":[{"value":"a"}]"#, "Incomplete annotation");
    refuse_fields(r#""annotations":[{"timestamp":1}]"#, "Incomplete annotation");
    refuse_fields(r#""annotations":[{"timestamp":1,"value":null}]"#, "Expected a string but was NULL");
    refuse_fields(r#""annotations":{}"#, "Malformed");
    check_fields(r#""tags":{"b":"1","a":1.5,"Z":"","b":"last"}"#, r#""tags":{"Z":"","a":"1.5","b":"last"}"#);
    refuse_fields(r#""tags":{"a":null}"#, "No value");
    refuse_fields(r#""tags":{"a":true}"#, "Expected a string but was BOOLEAN");
    refuse_fields(r#""tags":{"a":{}}"#, "Expected a string but was BEGIN_OBJECT");
    refuse_fields(r#""tags":{"a":[]}"#, "Expected a string but was BEGIN_ARRAY");
    refuse_fields(r#""tags":[]"#, "Malformed");
}

#[test]
fn repeated_and_unknown_fields() {
    check_fields(
        r#""name":"x","name":"y","timestamp":5,"timestamp":null,"duration":1,"duration":2,"kind":"CLIENT","kind":"SERVER",
            "localEndpoint":{"serviceName":"a","port":1},"localEndpoint":{"serviceName":"b"}"#,
        r#""kind":"SERVER","name":"y","timestamp":5,"duration":2,"localEndpoint":{"serviceName":"b"}"#,
    );
    check(r#"[{"id":"9","traceId":"9","id":"b","traceId":"a"}]"#, &format!("[{SPAN}]"));
    check_fields(
        r#""foo":{"a":[1,{"b":null},[],{},"]}\""],"c":-0.5e-3},"bar":null,"baz":[[[]]],"":true"#,
        "",
    );
}

#[test]
fn nesting_has_a_limit_and_no_stack() {
    let nested = |depth: usize| format!(r#""x":{}1{}"#, "[".repeat(depth), "]".repeat(depth));
    check_fields(&nested(64), "");
    refuse_fields(&nested(65), "Nested deeper than 64");
    refuse_fields(&nested(100_000), "Nested deeper than 64");
    refuse_fields(&format!(r#""x":{}"#, r#"{"a":["#.repeat(100_000)), "Nested deeper than 64");
    let body = "[".repeat(100_000);
    check(&body, "Malformed reading List<Span> from json");
}

#[test]
fn escapes_both_ways() {
    check_fields(
        r#""tags":{"x":"<a href='x'>&</a>\u2028\u2029\u0001\/\"\\\n\t\b\f\r\u007f\u00e9\ud83d\ude00é"}"#,
        "\"tags\":{\"x\":\"<a href='x'>&</a>\\u2028\\u2029\\u0001/\\\"\\\\\\n\\t\\b\\f\\r\u{7f}é😀é\"}",
    );
    check_fields(r#""name":"a\u2029b""#, r#""name":"a\u2029b""#);
    // Half a pair of surrogates is no character.
    check_fields(
        r#""tags":{"x":"\ud83d!\ude00\ud83d\u0041"}"#,
        "\"tags\":{\"x\":\"\u{fffd}!\u{fffd}\u{fffd}A\"}",
    );
    check_fields(r#""name":"a\'b""#, r#""name":"a'b""#);
    // Each place of a quote within a word of eight bytes, and escapes across such words.
    for length in 0..40 {
        let text = "x".repeat(length);
        check_fields(
            &format!(r#""name":"{text}""#),
            &if length == 0 { String::new() } else { format!(r#""name":"{text}""#) },
        );
        check_fields(&format!(r#""name":"{text}\"y\\""#), &format!(r#""name":"{text}\"y\\""#));
    }
}

#[test]
fn bytes_that_are_no_utf8_are_replaced() {
    let spans = decode(b"[{\"traceId\":\"a\",\"id\":\"b\",\"name\":\"x\xffy\xc3\"}]").unwrap();
    assert_eq!(spans[0].name.as_deref(), Some("x\u{fffd}y\u{fffd}"));
}

#[test]
fn one_bad_span_leaves_the_batch_as_it_was() {
    let mut batch = Batch::new();
    decode_list(b"[{\"traceId\":\"a\",\"id\":\"b\"}]", &mut batch).unwrap();
    let before = batch.clone();
    let error =
        decode_list(b"[{\"traceId\":\"a\",\"id\":\"c\"},{\"traceId\":\"bad!\",\"id\":\"2\"}]", &mut batch);
    assert_eq!(
        error.map_err(|error| error.to_string()),
        Err("bad! should be lower-hex encoded with no prefix reading List<Span> from json".to_owned())
    );
    assert_eq!(batch, before);
}

#[test]
fn what_a_sender_wrote_is_quoted_only_in_part() {
    let long = "é".repeat(100_000);
    for fields in
        [format!(r#""kind":"{long}""#), format!(r#""timestamp":"{long}""#), format!(r#""parentId":"{long}""#)]
    {
        let error = decode(format!(r#"[{{"traceId":"a","id":"b",{fields}}}]"#).as_bytes()).unwrap_err();
        assert!(error.len() < 300, "{}", error.len());
    }
}

#[test]
fn traces_are_lists_of_lists() {
    let spans = decode(format!("[{SPAN},{SPAN}]").as_bytes()).unwrap();
    let mut out = String::new();
    write_traces(&mut out, &[spans.clone(), spans[..1].to_vec(), Vec::new()]);
    assert_eq!(out, format!("[[{SPAN},{SPAN}],[{SPAN}],[]]"));
    out.clear();
    write_traces(&mut out, &[]);
    assert_eq!(out, "[]");
}
