//! Mended clocks: which rows are moved, and by how much.

use model::skew::shifts_us;
use model::tree::{Rules, Tree};

use crate::spans::spans;

#[track_caller]
fn check(trace: &str, expected: &[i64]) {
    assert_eq!(shifts_us(&Tree::build(&spans(trace), Rules::SameHost)), expected);
}

#[test]
fn a_server_that_starts_before_its_client_is_centred_in_it() {
    check("1 CLIENT a@10.0.0.1 t100 d50; 1 SERVER b@10.0.0.2 +shared t40 d30", &[0, -70]);
    check("1 CLIENT a@10.0.0.1 t100 d50; 1 SERVER b@10.0.0.2 +shared t40 d31", &[0, -69]);
}

#[test]
fn an_unknown_or_too_long_duration_moves_it_right_after_its_client() {
    check("1 CLIENT a@10.0.0.1 t100; 1 SERVER b@10.0.0.2 +shared t40 d30", &[0, -61]);
    check("1 CLIENT a@10.0.0.1 t100 d20; 1 SERVER b@10.0.0.2 +shared t40 d30", &[0, -61]);
}

#[test]
fn what_is_left_alone() {
    check("1 CLIENT a@10.0.0.1 t100 d50; 1 SERVER b@10.0.0.2 +shared t101 d30", &[0, 0]);
    check("1 CLIENT a@10.0.0.1 t100 d50; 1 SERVER b@10.0.0.1 +shared t40 d30", &[0, 0]);
    check("1 CLIENT a t100 d50; 1 SERVER b@10.0.0.2 +shared t40 d30", &[0, 0]);
    check("1 CLIENT a@10.0.0.1 d50; 1 SERVER b@10.0.0.2 +shared t40 d30", &[0, 0]);
    check("1 PRODUCER a@10.0.0.1 t100 d50; 2/1 CONSUMER b@10.0.0.2 t40 d30", &[0, 0]);
}

#[test]
fn without_exactly_one_root_no_clock_can_be_trusted() {
    check("2/1 CLIENT a@10.0.0.1 t100 d50; 2/1 SERVER b@10.0.0.2 +shared t40 d30", &[0, 0, 0]);
    check("1 CLIENT a@10.0.0.1 t100 d50; 1 SERVER b@10.0.0.2 +shared t40 d30; 9 t200", &[0, 0, 0]);
}

#[test]
fn what_the_host_recorded_below_moves_with_it() {
    check(
        "1 CLIENT a@10.0.0.1 t100 d50; 1 SERVER b@10.0.0.2 +shared t40 d30; \
         2/1 b@10.0.0.2 t45; 3/2 t46; 4/3 c@10.0.0.3 t47; 5/4 b@10.0.0.2 t48",
        &[0, -70, -70, -70, 0, 0],
    );
}

#[test]
fn a_second_host_is_measured_by_the_mended_clock_of_the_first() {
    check(
        "1 CLIENT a@10.0.0.1 t100 d50; 1 SERVER b@10.0.0.2 +shared t40 d30; \
         2/1 CLIENT b@10.0.0.2 t45 d20; 2/1 SERVER c@10.0.0.3 +shared t105 d10",
        &[0, -70, -70, -15],
    );
}
