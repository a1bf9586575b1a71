//! Trees: cases learned from openzipkin/zipkin `zipkin2.internal.SpanNodeTest`, and those where our rules differ.

use model::tree::{Node, Rules, Tree};

use crate::spans::{brief, spans};

/// Writes a tree as `root(child(...) child)`; shared halves bear a dash, a root that never came is `?`.
fn shown(tree: &Tree) -> String {
    let mut text = String::new();
    let mut open: Vec<usize> = Vec::new();
    for (row, Node { span, size, parent }) in tree.nodes.iter().enumerate() {
        while open.last().is_some_and(|end| *end == row) {
            text.push(')');
            open.pop();
        }
        if parent.is_some() && !text.ends_with('(') {
            text.push(' ');
        }
        text += &span.as_ref().map_or("?".to_owned(), brief);
        if *size > 1 {
            text.push('(');
            open.push(row + size);
        }
    }
    text + &")".repeat(open.len())
}

#[track_caller]
fn check(rules: &[Rules], trace: &str, expected: &str) {
    let trace = spans(trace);
    let reversed: Vec<_> = trace.iter().rev().cloned().collect();
    for rules in rules {
        assert_eq!(shown(&Tree::build(&trace, *rules)), expected, "{rules:?}");
        assert_eq!(
            shown(&Tree::build(&reversed, *rules)),
            expected,
            "{rules:?}, in reverse order of arrival"
        );
    }
}

const BOTH: &[Rules] = &[Rules::Zipkin, Rules::SameHost];
const ZIPKIN: &[Rules] = &[Rules::Zipkin];
const SAME_HOST: &[Rules] = &[Rules::SameHost];

#[test]
fn children_hang_under_their_parents() {
    check(BOTH, "", "");
    check(BOTH, "1", "1");
    check(BOTH, "1; 2/1; 3/2; 4/1", "1(2(3) 4)");
}

#[test]
fn repeated_reports_are_one_row() {
    check(BOTH, "1 web; 2/1 web; 2/1 web; 1 web", "1(2)");
}

#[test]
fn a_server_half_hangs_under_its_client_half() {
    check(BOTH, "1 CLIENT web; 1 SERVER app +shared; 2/1 CLIENT app", "1(1'(2))");
    check(BOTH, "1; 2/1 CLIENT web; 2/1 SERVER app +shared; 3/2 app", "1(2(2'(3)))");
    check(BOTH, "1; 2/1 CLIENT web; 2 SERVER app; 3/2 app", "1(2(2'(3)))");
}

#[test]
fn of_two_server_halves_a_child_joins_that_on_its_own_host() {
    check(
        BOTH,
        "1 CLIENT web; 1 SERVER app@10.0.0.1 +shared t1; 1 SERVER app@10.0.0.2 +shared t2; \
         2/1 app@10.0.0.1; 3/1 app@10.0.0.2",
        "1(1'(2) 1'(3))",
    );
    check(BOTH, "1 CLIENT web; 1 SERVER app +shared t2; 2/1 web t1", "1(2 1')");
}

#[test]
fn children_are_in_order_of_time_and_absent_times_come_first() {
    check(BOTH, "1; 2/1 t3; 3/1 t2; 4/1; 5/1 t2", "1(4 3 5 2)");
}

#[test]
fn lost_parents() {
    check(BOTH, "1; 3/9; 4/3", "1(3(4))");
    check(BOTH, "2/9; 3/9; 4/3", "?(2 3(4))");
    check(BOTH, "1; 2; 3", "1(2 3)");
}

#[test]
fn nobody_is_lost_when_an_id_is_used_twice() {
    check(BOTH, "1 web; 2/1 PRODUCER web; 2/1 CONSUMER app; 3/2 app", "1(2(3) 2)");
    check(BOTH, "1 a; 1 b; 2/1 b", "1(1 2)");
}

#[test]
fn a_server_half_without_its_client_half() {
    let trace = "1 SERVER web; 2/1 CLIENT web; 3/2 SERVER app +shared; 4/3 CLIENT app";
    check(ZIPKIN, trace, "1(2 3'(4))");
    check(SAME_HOST, trace, "1(2(3'(4)))");
    check(SAME_HOST, "1 web; 2/1 SERVER app +shared; 3/2 db", "1(2'(3))");
}

#[test]
fn a_call_from_another_port() {
    let trace = "1 CLIENT web; 1 SERVER app@10.0.0.1:80 +shared; 2/1 CLIENT app@10.0.0.1:4711";
    check(ZIPKIN, trace, "1(1' 2)");
    check(SAME_HOST, trace, "1(1'(2))");
    check(SAME_HOST, "1 CLIENT web; 1 SERVER app +shared; 2/1", "1(1'(2))");
}

#[test]
fn circles_are_counted_and_left_out() {
    let tree = Tree::build(&spans("1; 2/3; 3/2; 4/3; 5/1"), Rules::Zipkin);
    assert_eq!((shown(&tree).as_str(), tree.unreached, tree.parentless), ("1(5)", 3, 1));
    let tree = Tree::build(&spans("2/3; 3/2"), Rules::SameHost);
    assert_eq!((shown(&tree).as_str(), tree.unreached, tree.parentless), ("?", 2, 0));
}

#[test]
fn children_of_a_row() {
    let tree = Tree::build(&spans("1; 2/1; 3/2; 4/1; 5/1"), Rules::Zipkin);
    assert_eq!(tree.children(0).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(tree.children(1).collect::<Vec<_>>(), [2]);
    assert_eq!(tree.children(4).collect::<Vec<_>>(), [0; 0]);
}

#[test]
fn a_hundred_thousand_deep() {
    let trace: Vec<String> = (1..100_000).map(|i| format!("{:x}/{i:x}", i + 1)).collect();
    let tree = Tree::build(&spans(&format!("1; {}", trace.join(";"))), Rules::SameHost);
    assert_eq!((tree.nodes.len(), tree.nodes[0].size, tree.unreached), (100_000, 100_000, 0));
}
