//! The kit that every store must pass. Its cases are learned from openzipkin/zipkin `zipkin2.storage.IT*`.
//!
//! ```text
//! contract!(memory, |settings: Settings| async move { Subject::new(Arc::new(Memory::new(config(settings)))) });
//! contract!(columnar_sealed, |settings: Settings| async move {
//!     let (store, dir) = open(settings).await;
//!     let sealing = store.clone();
//!     Subject::new(store).settled_by(move || Box::pin(seal(sealing.clone()))).holding(dir)
//! });
//! ```

pub mod cases;
pub mod settings;
pub mod spans;
pub mod subject;

pub use settings::Settings;
pub use subject::{Subject, run};

/// Makes a module with one test for each case. The second argument is called for each test with its [`Settings`] and
/// returns a future of a fresh [`Subject`].
#[macro_export]
macro_rules! contract {
    ($name:ident, $subject:expr) => {
        mod $name {
            use super::*;

            $crate::tests! { $subject =>
                autocomplete (STRICT) {
                    all_of_many,
                    are_sorted_and_each_once,
                    come_from_any_span,
                    of_configured_keys_only,
                }
                conditions (STRICT) {
                    alternatives,
                    hold_for_a_trace_in_several_writes,
                    many_at_once,
                    negations,
                    parts,
                    patterns,
                    prefixes,
                }
                counts (STRICT) {
                    bands_of_durations,
                    errors,
                    hints_at_traces_at_other_times,
                    hints_at_traces_without_time,
                    of_odd_windows,
                    of_what_matches,
                    slices_of_a_window,
                }
                dependencies (STRICT) {
                    a_broker_is_linked_with_both_ends,
                    a_call_in_two_halves_is_one_link,
                    a_circle_of_parents_is_survived,
                    a_client_without_its_server_half,
                    a_missing_span_in_between,
                    a_service_that_calls_itself,
                    a_trace_counts_whole_in_the_minute_of_its_start,
                    a_trace_without_its_head,
                    addresses_on_both_sides_count_once,
                    an_error_is_a_tag_and_not_an_annotation,
                    both_ends_of_the_window_count,
                    calls_have_durations,
                    calls_of_many_traces_add_up,
                    ends_that_do_not_report,
                    local_spans_are_looked_through,
                    many_links,
                    nobody_without_a_name_is_linked,
                    one_way_calls,
                    reports_in_several_writes_are_one_trace,
                    servers_that_all_report,
                    spans_without_a_timestamp_do_not_select,
                    the_sample_trace,
                    trace_ids_of_both_lengths_are_one_trace,
                    written_twice_counts_once,
                }
                lenient (LENIENT) {
                    a_long_id_is_found_by_both_forms,
                    a_mixed_trace_is_found_by_any_form,
                    a_mixed_trace_is_one,
                    a_search_joins_the_halves,
                    halves_in_several_writes_are_one_trace,
                    links_are_the_same,
                    many_are_found_by_any_form_and_each_once,
                    other_ids_stay_apart,
                    the_root_of_either_half_decides,
                }
                limits (SMALL) {
                    a_too_large_trace_is_refused_alone,
                    too_large_answers_are_refused,
                    what_is_not_returned_does_not_count,
                }
                names (STRICT) {
                    a_remote_service_has_no_names_of_its_own,
                    all_of_many,
                    are_sorted_and_each_once,
                    come_from_spans_without_timestamps_too,
                    of_a_service_nobody_knows,
                    of_remote_services,
                    of_services,
                    of_spans,
                }
                order (STRICT) {
                    among_equals_the_newest_first,
                    every_order_finds_the_same,
                    new_traces_do_not_disturb_later_pages,
                    pages_show_each_trace_once,
                    the_last_page_has_no_next,
                    the_longest_first,
                    the_most_errors_first,
                }
                search (STRICT) {
                    a_condition_on_a_tag,
                    a_condition_on_an_annotation,
                    a_duration_that_comes_later,
                    conditions_are_case_sensitive_and_whole,
                    conditions_must_all_hold,
                    different_spans_may_meet_different_conditions,
                    durations_are_inclusive_and_of_one_span,
                    names_are_whole,
                    nothing_in_an_empty_store,
                    only_spans_of_the_asked_service_count,
                    remote_service,
                    repeated_reports_change_nothing,
                    service,
                    span_name,
                    spans_with_ids_only,
                    trace_ids_are_strict,
                    traces_come_whole,
                }
                statistics (STRICT) {
                    a_late_part_of_a_span_moves_it,
                    a_span_counts_once_and_each_half_of_a_call,
                    are_of_one_service_when_asked,
                    late_spans_correct_what_was_counted,
                    nothing_of_nobody_and_of_no_time,
                    of_each_operation,
                    of_more_operations_than_there_is_room_for,
                    spans_count_in_their_own_minutes,
                    steps_of_long_windows,
                }
                traces (STRICT) {
                    are_in_the_order_asked,
                    are_strict_about_ids,
                    came_from_many_writers_at_once,
                    come_from_several_writes_in_order_of_arrival,
                    contain_both_halves_of_a_call,
                    keep_partial_reports_apart,
                    of_many_spans,
                    show_repeated_reports_once,
                    tell_debug_from_shared,
                }
                values (STRICT) {
                    all_at_once,
                    large,
                    many_tags_and_annotations,
                    of_all_languages,
                    problematic,
                    smallest_and_largest_numbers,
                }
                window (STRICT) {
                    a_limit_counts_only_matching_traces,
                    a_limit_keeps_the_newest,
                    a_timestamp_that_comes_later,
                    a_trace_that_ends_later_is_whole,
                    both_ends_are_inclusive,
                    equal_times_are_ordered_by_id,
                    lookback_may_reach_before_the_epoch,
                    newest_first_by_the_newest_span,
                    the_earliest_span_decides_without_a_root,
                    the_root_decides,
                    thousands_of_traces,
                    traces_without_timestamps_are_not_found,
                }
            }
        }
    };
}

/// Makes the tests of [`contract!`].
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($subject:expr => $($topic:ident ($settings:ident) { $($case:ident,)* })*) => { $(
        mod $topic {
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::run($subject, $crate::Settings::$settings, $crate::cases::$topic::$case);
                }
            )*
        }
    )* };
}
