//! JSON v1: what is told of its fields in the rules. What v1 spans become is in the recorded answers too.

use wire::json_v1::decode_list;

use crate::support::answer;

/// Checks what one span's fields become.
fn check(fields: &str, expected: &str) {
    assert_eq!(answer(decode_list, format!("[{{{fields}}}]").as_bytes()), expected, "{fields}");
}

/// Checks that a list of one span with these fields is turned away with this message, wherever the place is.
fn refuse(fields: &str, expected: &str) {
    let got = answer(decode_list, format!("[{{{fields}}}]").as_bytes());
    let got = got.strip_suffix(" reading List<Span> from json").expect(&got);
    let message = got.split(" at line ").next().and_then(|message| message.split(" at $").next());
    assert_eq!(message, Some(expected), "{fields}");
}

const IDS: &str = r#""traceId":"000000000000000a","id":"000000000000000b""#;

#[test]
fn ids() {
    let expected = |trace_id, id| format!(r#"[{{"traceId":"{trace_id}","id":"{id}"}}]"#);
    for (trace_id, id, trace_printed, id_printed) in [
        ("1", "2", "0000000000000001", "0000000000000002"),
        ("5eed00000000a40104c0000000a40001", "b", "5eed00000000a40104c0000000a40001", "000000000000000b"),
        // The right-most 16 digits of a span id count.
        ("a", "5eed00000000a40104c0000000a40001", "000000000000000a", "04c0000000a40001"),
    ] {
        check(&format!(r#""traceId":"{trace_id}","id":"{id}""#), &expected(trace_printed, id_printed));
    }
    refuse(r#""traceId":"a""#, "id == 0");
    refuse(r#""id":"b""#, "traceId == 0");
    refuse(r#""traceId":"a","id":"0""#, "id == 0");
    refuse(r#""traceId":"00000000000000010000000000000000","id":"b""#, "traceId == 0");
    refuse(r#""traceId":"a","id":null"#, "Expected a string but was NULL");
    for id in ["ABC", "", "0x1", &"1".repeat(33)] {
        let message = format!("{id} should be a 1 to 32 character lower-hex string with no prefix");
        refuse(&format!(r#""traceId":"a","id":"{id}""#), &message);
        refuse(&format!(r#""traceId":"{id}","id":"b""#), &message);
        refuse(&format!(r#"{IDS},"parentId":"{id}""#), &message);
    }
    check(&format!(r#"{IDS},"parentId":"0""#), &format!("[{{{IDS}}}]"));
}

#[test]
fn fields() {
    let nulls = r#""parentId":null,"name":null,"timestamp":null,"duration":null,"annotations":null,
        "binaryAnnotations":null,"debug":null,"other":{"a":[null]}"#;
    check(&format!("{IDS},{nulls}"), &format!("[{{{IDS}}}]"));
    check(
        &format!(r#"{IDS},"name":"Unknown","timestamp":"5","duration":4.2e1,"debug":true"#),
        &format!(r#"[{{{IDS},"name":"unknown","timestamp":5,"duration":42,"debug":true}}]"#),
    );
    check(&format!(r#"{IDS},"timestamp":-5,"duration":-5"#), &format!("[{{{IDS}}}]"));
    refuse(&format!(r#"{IDS},"annotations":[{{"value":"cs"}}]"#), "Incomplete annotation");
    refuse(&format!(r#"{IDS},"annotations":[{{"timestamp":1}}]"#), "Incomplete annotation");
    refuse(&format!(r#"{IDS},"binaryAnnotations":[{{"value":"cs"}}]"#), "No key");
    refuse(&format!(r#"{IDS},"binaryAnnotations":[{{"key":"a","endpoint":"b"}}]"#), "Malformed");
    refuse(&format!(r#"{IDS},"x":{}"#, "[".repeat(100_000)), "Nested deeper than 64");
    let v2 = "Expected a JSON_V1 encoded list, but received: JSON_V2\n";
    check(&format!(r#"{IDS},"localEndpoint":{{}}"#), v2);
    check(&format!(r#"{IDS},"tags":{{}}"#), v2);
}

#[test]
fn binary_annotations() {
    let tag = |value: &str| format!(r#"{IDS},"binaryAnnotations":[{{"key":"k","value":{value}}}]"#);
    check(&tag(r#""v""#), &format!(r#"[{{{IDS},"tags":{{"k":"v"}}}}]"#));
    for dropped in ["true", "false", "5", "1.5", "null", "[1]", r#"{"a":"b"}"#] {
        check(&tag(dropped), &format!("[{{{IDS}}}]"));
    }
    // An address needs an endpoint, and only these three keys are addresses.
    for (key, value, endpoint, expected) in [
        ("sa", "true", r#","endpoint":{"serviceName":"DB"}"#, r#","remoteEndpoint":{"serviceName":"db"}"#),
        ("sa", r#""1""#, r#","endpoint":{"serviceName":"db"}"#, r#","remoteEndpoint":{"serviceName":"db"}"#),
        ("sa", "false", r#","endpoint":{"serviceName":"db"}"#, ""),
        ("sa", "true", r#","endpoint":{}"#, ""),
        ("sa", "true", r#","endpoint":null"#, ""),
        ("sa", r#""x""#, "", ""),
        ("xa", "true", r#","endpoint":{"serviceName":"db"}"#, ""),
        ("ca", "true", r#","endpoint":{"port":5}"#, r#","kind":"SERVER","remoteEndpoint":{"port":5}"#),
    ] {
        check(
            &format!(r#"{IDS},"binaryAnnotations":[{{"value":{value},"key":"{key}"{endpoint}}}]"#),
            &format!("[{{{IDS}{expected}}}]"),
        );
    }
}

#[test]
fn one_span_becomes_one_for_each_service_up_to_a_limit() {
    let events = |services: usize| {
        let event =
            |n| format!(r#"{{"timestamp":{},"value":"x","endpoint":{{"serviceName":"s{n}"}}}}"#, n + 1);
        format!(r#"{IDS},"annotations":[{}]"#, (0..services).map(event).collect::<Vec<_>>().join(","))
    };
    let got = answer(decode_list, format!("[{{{}}}]", events(256)).as_bytes());
    assert_eq!(got.matches("\"traceId\"").count(), 256);
    refuse(&events(257), "A span of more than 256 services");
}

#[test]
fn services_differ_by_name_only_and_not_by_case() {
    check(
        &format!(
            r#"{IDS},"annotations":[{{"timestamp":1,"value":"a","endpoint":{{"serviceName":"Été","port":1}}}},
               {{"timestamp":2,"value":"b","endpoint":{{"serviceName":"éTÉ","port":2}}}}]"#
        ),
        &format!(
            r#"[{{{IDS},"localEndpoint":{{"serviceName":"été","port":1}},"annotations":[{{"timestamp":1,"value":"a"}},{{"timestamp":2,"value":"b"}}]}}]"#
        ),
    );
}

/// Two spans in one list: nothing of the first is left in the second.
#[test]
fn spans_of_one_list_do_not_mix() {
    let rpc = |id: &str| {
        let event = |value, time, service| {
            format!(r#"{{"timestamp":{time},"value":"{value}","endpoint":{{"serviceName":"{service}"}}}}"#)
        };
        let events = [event("cs", 1, "a"), event("sr", 2, "b"), event("ss", 4, "b"), event("cr", 5, "a")];
        format!(r#"{{"traceId":"a","id":"{id}","debug":true,"annotations":[{}]}}"#, events.join(","))
    };
    let body = format!(r#"[{},{},{{"traceId":"a","id":"3"}}]"#, rpc("1"), rpc("2"));
    let half = |id: u64, rest: &str| format!(r#"{{"traceId":"000000000000000a","id":"{id:016x}"{rest}}}"#);
    let client =
        r#","kind":"CLIENT","timestamp":1,"duration":4,"localEndpoint":{"serviceName":"a"},"debug":true"#;
    let server = r#","kind":"SERVER","timestamp":2,"duration":2,"localEndpoint":{"serviceName":"b"},"debug":true,"shared":true"#;
    let expected =
        [half(1, client), half(1, server), half(2, client), half(2, server), half(3, "")].join(",");
    assert_eq!(answer(decode_list, body.as_bytes()), format!("[{expected}]"));
}
