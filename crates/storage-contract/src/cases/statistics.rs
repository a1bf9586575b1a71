//! Statistics of operations: how often, how well and how fast they ran, minute by minute.

use model::span::{Kind, Span};
use storage::query::Window;
use storage::statistics::{KEYS_MAX, Operation, OperationKey, Series};

use crate::spans::{DAY_MS, MINUTE_MS, Make, START_MS, START_US, bare, day, span};
use crate::subject::Subject;

const MINUTE_US: u64 = MINUTE_MS * 1000;

/// Says `service name>remote KIND calls/errors`, as far as there is something to say.
fn said(it: &Operation) -> String {
    let OperationKey { service_name, span_name, remote_service_name, kind } = &it.key;
    let remote = remote_service_name.as_ref().map_or(String::new(), |name| format!(">{name}"));
    let kind = kind.map_or("", Kind::name);
    let errors = if it.total.errors > 0 { format!("/{}", it.total.errors) } else { String::new() };
    format!("{service_name} {span_name}{remote} {kind} {}{errors}", it.total.calls)
}

async fn all(it: &Subject) -> Vec<String> {
    it.statistics(day(), None).await.operations.iter().map(said).collect()
}

/// Server of the trace, its name and duration.
fn server(trace: u128, name: &str, duration_us: u64) -> Span {
    span(trace, 1, "web").kind(Kind::Server).named(name).lasting(duration_us)
}

/// By service, name, remote service and kind.
pub async fn of_each_operation(it: Subject) {
    assert!(all(&it).await.is_empty());
    for trace in 1..=100 {
        let client = span(trace, 2, "web").under(1).kind(Kind::Client).named("get").lasting(500);
        let client = if trace % 2 == 0 { client.remote("db") } else { client };
        let failed = if trace % 10 == 0 { client.tag_with("error", "") } else { client };
        it.write([server(trace, "get", 1000 * trace as u64), failed.note("error")]).await;
    }
    it.write([span(101, 1, "app")]).await;
    let found = it.statistics(day(), None).await;
    let texts: Vec<_> = found.operations.iter().map(said).collect();
    assert_eq!(texts, ["app   1", "web get CLIENT 50", "web get SERVER 100", "web get>db CLIENT 50/10"]);
    let Series { durations, .. } = &found.operations[2].total;
    for (share, exact_us) in [(0.5, 50_000), (0.95, 95_000), (0.99, 99_000)] {
        let us = durations.quantile(share).expect("a duration");
        assert!(us.abs_diff(exact_us) <= exact_us / 32, "{share}: {us}");
    }
    assert_eq!(found.operations[0].total.durations.quantile(0.5), None);
}

/// The others are not there.
pub async fn are_of_one_service_when_asked(it: Subject) {
    it.write([server(1, "get", 1), span(1, 2, "app").under(1), span(2, 1, "app").remote("web")]).await;
    let of = async |service| {
        it.statistics(day(), Some(service)).await.operations.iter().map(said).collect::<Vec<_>>()
    };
    assert_eq!(of("web").await, ["web get SERVER 1"]);
    assert_eq!(of("app").await, ["app   1", "app >web  1"]);
    assert!(of("we").await.is_empty());
}

/// However often and in however many parts it was reported. The halves of a call share an id, and are two spans.
pub async fn a_span_counts_once_and_each_half_of_a_call(it: Subject) {
    let halves = || [span(1, 1, "web").kind(Kind::Client).lasting(9), span(1, 1, "app").shared().lasting(7)];
    it.write(halves()).await;
    it.write(halves()).await;
    it.write([span(1, 1, "web").kind(Kind::Client).tag_with("error", "late")]).await;
    assert_eq!(all(&it).await, ["app  SERVER 1", "web  CLIENT 1/1"]);
    let found = it.statistics(day(), None).await;
    assert!(found.operations.iter().all(|it| it.total.durations.total() == 1), "{found:?}");
}

/// Its name, duration or error may come later, and so may its start.
pub async fn a_late_part_of_a_span_moves_it(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Server)]).await;
    assert_eq!(all(&it).await, ["web  SERVER 1"]);
    it.write([bare(1, 1).service("web").named("get").lasting(70)]).await;
    assert_eq!(all(&it).await, ["web get SERVER 1"]);
    it.write([bare(1, 1).service("web").tag_with("error", "")]).await;
    assert_eq!(all(&it).await, ["web get SERVER 1/1"]);
    it.write([bare(2, 1).service("app").named("put")]).await;
    assert_eq!(all(&it).await, ["web get SERVER 1/1"]);
    it.write([bare(2, 1).service("app").at(START_US)]).await;
    assert_eq!(all(&it).await, ["app put  1", "web get SERVER 1/1"]);
}

/// A span changes what is known of the others: here who was called, and when.
pub async fn late_spans_correct_what_was_counted(it: Subject) {
    let at = |minute: u64| Window { end_ms: START_MS + minute * MINUTE_MS, lookback_ms: 1 };
    it.write([span(1, 2, "web").under(1).kind(Kind::Client).remote("proxy").at(START_US + MINUTE_US)]).await;
    assert_eq!(it.links(at(1)).await, ["web>proxy 1"]);
    it.write([span(1, 2, "app").under(1).shared().at(START_US + MINUTE_US)]).await;
    assert_eq!(it.links(at(1)).await, ["web>app 1"]);
    it.write([span(1, 1, "web").kind(Kind::Server)]).await;
    assert!(it.links(at(1)).await.is_empty());
    assert_eq!(it.links(at(0)).await, ["web>app 1"]);
    assert_eq!(all(&it).await, ["app  SERVER 1", "web  SERVER 1", "web >proxy CLIENT 1"]);
}

/// Not in that of their trace; those without a time do.
pub async fn spans_count_in_their_own_minutes(it: Subject) {
    it.write([
        server(1, "get", 5),
        server(2, "get", 5).at(START_US + 3 * MINUTE_US),
        span(1, 2, "web")
            .under(1)
            .kind(Kind::Server)
            .named("get")
            .at(START_US + MINUTE_US)
            .tag_with("error", ""),
        bare(1, 3).under(2).service("web").kind(Kind::Server).named("get"),
    ])
    .await;
    let found =
        it.statistics(Window { end_ms: START_MS + 3 * MINUTE_MS, lookback_ms: 4 * MINUTE_MS }, None).await;
    assert_eq!((found.steps.count, found.steps.minutes), (5, 1));
    assert_eq!(found.steps.start_ms(), START_MS / MINUTE_MS * MINUTE_MS - MINUTE_MS);
    let steps: Vec<_> = found.operations[0].steps.iter().map(|step| (step.calls, step.errors)).collect();
    assert_eq!(steps, [(0, 0), (2, 0), (1, 1), (0, 0), (1, 0)]);
    let durations: Vec<_> =
        found.operations[0].steps.iter().map(|step| step.durations.quantile(0.95)).collect();
    assert_eq!(durations, [None, Some(5), None, None, Some(5)]);
    let window = |end_ms| Window { end_ms, lookback_ms: 1 };
    let minute_ms = START_MS / MINUTE_MS * MINUTE_MS;
    for (end_ms, calls) in [(minute_ms - 1, 0), (minute_ms, 2), (minute_ms + MINUTE_MS + 1, 1)] {
        let found = it.statistics(window(end_ms), None).await;
        assert_eq!(found.operations.iter().map(|it| it.total.calls).sum::<u64>(), calls, "{end_ms}");
    }
}

/// Steps grow, but what lies outside of the window is in none of them.
pub async fn steps_of_long_windows(it: Subject) {
    let end_ms = START_MS + 20 * DAY_MS;
    for day in 0..=20 {
        it.write([server(1 + day, "get", 5).at(START_US + day as u64 * DAY_MS * 1000)]).await;
    }
    for (lookback_ms, minutes, calls) in [
        (60 * MINUTE_MS, 1, 1),
        (61 * MINUTE_MS, 2, 1),
        (DAY_MS - MINUTE_MS, 30, 1),
        (DAY_MS, 30, 2),
        (7 * DAY_MS, 180, 8),
        (20 * DAY_MS - MINUTE_MS, 720, 20),
        (20 * DAY_MS, 720, 21),
        (50 * DAY_MS, 1440, 21),
        (u64::MAX, end_ms.div_ceil(60 * DAY_MS) * 1440, 21),
    ] {
        let found = it.statistics(Window { end_ms, lookback_ms }, None).await;
        assert_eq!(found.steps.minutes, minutes, "{lookback_ms}");
        let operation = found.operations.first().expect("an operation");
        assert_eq!(operation.total.calls, calls, "{lookback_ms}");
        assert_eq!(operation.steps.iter().map(|step| step.calls).sum::<u64>(), calls, "{lookback_ms}");
        assert_eq!(operation.steps.len() as u64, found.steps.count);
    }
}

/// Spans of no service, and of traces that no search can find.
pub async fn nothing_of_nobody_and_of_no_time(it: Subject) {
    it.write([bare(1, 1).at(START_US).named("get"), bare(2, 1).service("web").named("get").lasting(1)]).await;
    assert!(all(&it).await.is_empty());
    let ever = Window { end_ms: u64::MAX, lookback_ms: u64::MAX };
    assert!(it.statistics(ever, None).await.operations.is_empty());
}

/// Whoever puts ids into names: what there is no room for is counted together.
pub async fn of_more_operations_than_there_is_room_for(it: Subject) {
    let more = KEYS_MAX as u64 + 50;
    it.write((0..more).map(|id| span(1, 1 + id, "web").named(&format!("get {id}")))).await;
    let found = it.statistics(day(), None).await;
    assert_eq!(found.operations.len(), KEYS_MAX + 1);
    assert_eq!(found.operations.iter().map(|it| it.total.calls).sum::<u64>(), more);
    assert_eq!(said(&found.operations[0]), format!(" {}  50", OperationKey::OTHER));
}
