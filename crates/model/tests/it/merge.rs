//! Merging of reports: cases learned from openzipkin/zipkin `zipkin2.internal.TraceTest`.

use model::merge::merge;
use model::span::Span;

use crate::spans::spans;

#[track_caller]
fn check(reported: &str, expected: &str) {
    let (reported, expected) = (spans(reported), spans(expected));
    assert_eq!(merge(&reported), expected);
    assert_eq!(merge(&merge(&reported)), expected, "merging again changes nothing");
}

#[test]
fn order() {
    check("3; 2; 1", "1; 2; 3");
    check("1 SERVER b +shared; 1 b; 1 CLIENT a", "1 CLIENT a; 1 b; 1 SERVER b +shared");
    check("1 z@1.1.1.1; 1 a@2.2.2.2; 1 a@10.2.2.2", "1 a@10.2.2.2; 1 a@2.2.2.2; 1 z@1.1.1.1");
    check("1 @1.1.1.1:2; 1 z@2.2.2.2:1", "1 z@2.2.2.2:1; 1 @1.1.1.1:2");
}

#[test]
fn parts_of_one_span() {
    check("1 web t5; 1 web d3", "1 web t5 d3");
    check("1 web t5 =a; 1 web t6 =b d1", "1 web t5 =a d1");
    check("1 web #a=1 #b=1; 1 web #b=2 #c=3", "1 web #a=1 #b=2 #c=3");
    check("1 web !2=b !3=a; 1 web !1=c !2=b", "1 web !1=c !2=b !3=a");
    check("1; 1 +debug; 1 SERVER; 1/2", "1/2 SERVER +debug");
    check("1 web; 1 web; 1 web", "1 web");
}

#[test]
fn endpoints_fill_each_others_gaps() {
    check("1 web t5; 1 d3", "1 web t5 d3");
    check("1 web@1.2.3.4; 1 @1.2.3.4:80", "1 web@1.2.3.4:80");
    check("1 web>@5.6.7.8; 1 web>db", "1 web>db@5.6.7.8");
    check("1 web@1.2.3.4 t1; 1 web@1.2.3.5 t2", "1 web@1.2.3.4 t1; 1 web@1.2.3.5 t2");
    check("1 web@1.2.3.4:1; 1 web@1.2.3.4:2", "1 web@1.2.3.4:1; 1 web@1.2.3.4:2");
    check("1 web t1; 1 app t2", "1 app t2; 1 web t1");
}

#[test]
fn data_without_endpoint_go_to_the_first_part() {
    check("1 CLIENT web; 1 d7; 1 SERVER app +shared", "1 CLIENT web d7; 1 SERVER app +shared");
    check("1 web t2; 1 app t3; 1 d7 t1", "1 app t1 d7; 1 web t2");
}

#[test]
fn two_servers_of_one_id_stay_apart() {
    check(
        "1 CLIENT web; 1 SERVER app@10.0.0.1 +shared; 1 SERVER app@10.0.0.2 +shared",
        "1 CLIENT web; 1 SERVER app@10.0.0.1 +shared; 1 SERVER app@10.0.0.2 +shared",
    );
}

#[test]
fn the_server_half_gets_what_it_was_not_told() {
    check("2/1 CLIENT web; 2 SERVER app", "2/1 CLIENT web; 2/1 SERVER app +shared");
    check("2/1 CLIENT web; 2 SERVER app +shared", "2/1 CLIENT web; 2/1 SERVER app +shared");
    check("2/1 PRODUCER web; 2 CONSUMER app", "2 CONSUMER app; 2/1 PRODUCER web");
}

#[test]
fn the_long_trace_id_is_everybodys() {
    check(
        "1 *b; 2 *a000000000000000b; 3 *c000000000000000b",
        "1 *a000000000000000b; 2 *a000000000000000b; 3 *c000000000000000b",
    );
}

#[test]
fn tens_of_thousands_of_parts() {
    let parts: Vec<String> = (0..50_000).map(|i| format!("1 web !{}=x #k{i:05}=v", 50_000 - i)).collect();
    let merged: Vec<Span> = merge(&spans(&parts.join(";")));
    assert_eq!(merged.len(), 1);
    assert_eq!((merged[0].annotations.len(), merged[0].tags.len()), (50_000, 50_000));
    assert!(merged[0].annotations.is_sorted());
}
