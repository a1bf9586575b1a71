//! Own time: the golden cases that the page must meet as well, and what must hold for any trace.

use model::own_time::{self, OwnTime, Share};

use crate::spans::{from_json, spans, testdata};

#[test]
fn golden_cases() {
    let folder = format!("{}/../../testdata/own-time", env!("CARGO_MANIFEST_DIR"));
    let mut cases = 0;
    for file in std::fs::read_dir(&folder).expect("the golden cases") {
        let name = file.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".json") {
            continue;
        }
        cases += 1;
        let case = testdata(&format!("own-time/{name}"));
        let mut trace = from_json(&case["spans"]);
        check(&own_time::of(&trace), &case["expected"], &name);
        trace.reverse();
        check(&own_time::of(&trace), &case["expected"], &format!("{name} in reverse order of arrival"));
    }
    assert!(cases >= 10, "{cases} cases in {folder}");
}

#[track_caller]
fn check(own: &OwnTime, expected: &serde_json::Value, name: &str) {
    let text = |json: &serde_json::Value| json.as_str().unwrap().to_owned();
    let list = |key: &str| expected[key].as_array().unwrap().iter();
    assert_eq!(Some(own.duration_us), expected["duration_us"].as_u64(), "{name}: duration");
    let services: Vec<_> =
        list("services").map(|it| (text(&it["service"]), it["own_us"].as_u64().unwrap())).collect();
    let found: Vec<_> = own.services.iter().map(|it| (it.service.clone(), it.own_us)).collect();
    assert_eq!(found, services, "{name}: services");
    let operations: Vec<_> = list("operations")
        .map(|it| Share {
            service: text(&it["service"]),
            name: text(&it["name"]),
            own_us: it["own_us"].as_u64().unwrap(),
            network_us: it["network_us"].as_u64().unwrap(),
        })
        .collect();
    assert_eq!(own.operations, operations, "{name}: operations");
    let network = |shares: &[Share]| shares.iter().map(|it| it.network_us).sum::<u64>();
    assert_eq!(network(&own.services), network(&own.operations), "{name}: network");
    assert_eq!(Some(own.aside as u64), expected["aside"].as_u64(), "{name}: aside");
    let path: Vec<_> = list("path")
        .map(|it| (text(&it["id"]), text(&it["service"]), it["own_us"].as_u64().unwrap()))
        .collect();
    let found: Vec<_> =
        own.path.iter().map(|it| (it.id.to_string(), it.service.clone(), it.own_us)).collect();
    assert_eq!(found, path, "{name}: path");
}

#[test]
fn nothing_takes_no_time() {
    assert_eq!(own_time::of(&[]), OwnTime::default());
    let aside = |aside| OwnTime { aside, ..OwnTime::default() };
    assert_eq!(own_time::of(&spans("1 web; 2/1 app")), aside(2));
    assert_eq!(own_time::of(&spans("1 web t5")), aside(1));
}

#[track_caller]
fn check_services(trace: &str, expected: &[(&str, u64)]) {
    let own = own_time::of(&spans(trace));
    let services: Vec<_> = own.services.iter().map(|it| (it.service.as_str(), it.own_us)).collect();
    assert_eq!(services, expected);
    assert_eq!(services.iter().map(|(_, us)| us).sum::<u64>(), own.duration_us);
}

/// Both were still running when their parent ended: the one that started last was waited for.
#[test]
fn of_two_that_overhang_the_later_one_was_waited_for() {
    let trace = "1 web t1 d100; 2/1 a t10 d190; 3/1 b t50 d100";
    check_services(trace, &[("b", 51), ("a", 40), ("web", 9)]);
}

#[test]
fn a_missing_root_that_is_all_covered_takes_no_time() {
    check_services("2/9 web t1 d10; 3/9 app t5 d9", &[("app", 9), ("web", 4)]);
}

/// What it caused ended before it began, by its own clock.
#[test]
fn a_span_without_duration_never_ends_before_it_starts() {
    check_services("1 web t1; 2/1 app t100; 3/2 db t10 d5", &[("web", 99)]);
}

/// Times at the ends of what a number can hold must neither overflow nor take long.
#[test]
fn absurd_times() {
    let max = u64::MAX;
    let trace = format!(
        "1 web t1 d{max}; 2/1 app t{max} d{max}; 3/1 CLIENT web@1.1.1.1 t{max} d1; 3/1 SERVER app@1.1.1.2 +shared t1 d{max}"
    );
    let own = own_time::of(&spans(&trace));
    assert_eq!(own.services.iter().map(|it| it.own_us).sum::<u64>(), own.duration_us);
}

/// Traces made of a simple pseudo-random sequence: whatever their shape, the parts add up.
#[test]
fn the_parts_add_up_to_the_whole() {
    let mut state = 1u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..500 {
        let count = 1 + next(30);
        let trace: Vec<String> = (1..=count)
            .map(|id| {
                let parent = if id > 1 { format!("/{:x}", 1 + next(id)) } else { String::new() };
                let kind = ["CLIENT", "SERVER", "CONSUMER", ""][next(4) as usize];
                let time = if next(5) > 0 { format!("t{}", 1 + next(1000)) } else { String::new() };
                let length = if next(5) > 0 { format!("d{}", 1 + next(500)) } else { String::new() };
                let shared = if kind == "SERVER" && next(2) > 0 { "+shared" } else { "" };
                let service = next(4);
                format!("{id:x}{parent} {kind} s{service}@10.0.0.{service} {time} {length} {shared}")
            })
            .collect();
        let own = own_time::of(&spans(&trace.join(";")));
        let by_service: u64 = own.services.iter().map(|it| it.own_us).sum();
        let by_operation: u64 = own.operations.iter().map(|it| it.own_us).sum();
        assert_eq!(by_operation, own.duration_us, "round {round}: {trace:?}");
        assert_eq!(by_service, own.duration_us, "round {round}: {trace:?}");
        let unknown = own.services.iter().find(|it| it.service.is_empty()).map_or(0, |it| it.own_us);
        assert_eq!(
            own.path.iter().map(|it| it.own_us).sum::<u64>() + unknown,
            own.duration_us,
            "round {round}"
        );
        assert!(own.operations.iter().all(|it| it.network_us <= it.own_us), "round {round}: {trace:?}");
        check_invariance(&trace, &own);
        assert!(
            own.services.is_sorted_by(|a, b| (b.own_us, &a.service) <= (a.own_us, &b.service)),
            "round {round}"
        );
    }
}

/// Neither the order of reports nor the time of day says anything.
#[track_caller]
fn check_invariance(trace: &[String], own: &OwnTime) {
    let mut reported = spans(&trace.join(";"));
    for span in &mut reported {
        span.timestamp_us = span.timestamp_us.map(|us| us + 1_760_000_000_000_000);
    }
    assert_eq!(&own_time::of(&reported), own, "another day: {trace:?}");
    let middle = reported.len() / 2;
    reported.rotate_left(middle);
    assert_eq!(&own_time::of(&reported), own, "another order: {trace:?}");
    let twice = [reported.clone(), reported].concat();
    assert_eq!(&own_time::of(&twice), own, "all twice: {trace:?}");
}

/// What a call spends outside its server half is network; where no server half was waited for it is the client's own.
#[test]
fn network_is_told_apart() {
    let check = |trace: &str, expected: &[(&str, &str, u64, u64)]| {
        let own = own_time::of(&spans(trace));
        let found: Vec<_> =
            own.operations.iter().map(|it| (&*it.service, &*it.name, it.own_us, it.network_us)).collect();
        assert_eq!(found, expected, "{trace}");
    };
    check(
        "1 web t1 d100; 2/1 CLIENT web t11 d80; 2 SERVER app t21 d50 +shared",
        &[("app", "", 50, 0), ("web", "", 50, 30)],
    );
    check(
        "1 web t1 d100; 2/1 CLIENT web t11 d80; 3/2 SERVER app t21 d50",
        &[("app", "", 50, 0), ("web", "", 50, 30)],
    );
    check("1 web t1 d100; 2/1 CLIENT web t11 d80", &[("web", "", 100, 0)]);
    check("1 web t1 d100; 2/1 CLIENT web t11 d80; 3/2 SERVER app t200 d50", &[("web", "", 100, 0)]);
    check(
        "1 web t1 d100; 2/1 PRODUCER web t11 d80; 3/2 CONSUMER app t21 d50",
        &[("app", "", 50, 0), ("web", "", 50, 0)],
    );
}

#[test]
fn a_hundred_thousand_deep() {
    let trace: Vec<String> =
        (1..100_000).map(|i| format!("{:x}/{i:x} s{} t{i} d{}", i + 1, i % 3, 200_000 - 2 * i)).collect();
    let own = own_time::of(&spans(&format!("1 root t1 d200000; {}", trace.join(";"))));
    assert_eq!((own.duration_us, own.path.len()), (200_000, 100_000));
    assert_eq!(own.services.iter().map(|it| it.own_us).sum::<u64>(), 200_000);
}
