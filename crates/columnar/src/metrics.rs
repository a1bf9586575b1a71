//! What the store counts about itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use storage::port::Metric;

use crate::engine::{Engine, lock};
use crate::memtable::Memtable;
use crate::merge::Tally;
use crate::retain::Reason;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub batches: AtomicU64,
    pub spans: AtomicU64,
    pub commits_failed: AtomicU64,
    pub seals: AtomicU64,
    pub seals_failed: AtomicU64,
    pub quarantined: AtomicU64,
    pub names_left_out: AtomicU64,
    pub figures_left_out: AtomicU64,
    pub answers_too_large: AtomicU64,
    pub reads_abandoned: AtomicU64,
    pub parts_looked_at: AtomicU64,
    pub rewrites: AtomicU64,
    pub tending_failed: AtomicU64,
    pub removed_by_age: AtomicU64,
    pub removed_by_bytes: AtomicU64,
    pub removed_unpinned: AtomicU64,
    pub removed_deleted: AtomicU64,
    pub removed_repeated: AtomicU64,
}

impl Counters {
    /// Counts a step in the background: so many rows went for this reason.
    pub fn tended(&self, reason: Option<Reason>, gone: u64, tally: Tally, dropped: bool) {
        let counter = match reason {
            Some(Reason::Age) => &self.removed_by_age,
            Some(Reason::Bytes) => &self.removed_by_bytes,
            None => &self.removed_unpinned,
        };
        counter.fetch_add(gone, Relaxed);
        self.removed_deleted.fetch_add(tally.deleted, Relaxed);
        self.removed_repeated.fetch_add(tally.repeated, Relaxed);
        self.rewrites.fetch_add(u64::from(!dropped), Relaxed);
    }
}

impl Engine {
    /// Returns what is counted.
    pub fn metrics(&self) -> Vec<Metric> {
        let view = self.catalog.view();
        let (journal_bytes, syncs) = {
            let journal = lock(&self.journal);
            (journal.bytes(), journal.syncs())
        };
        let load = |counter: &AtomicU64| counter.load(Relaxed) as f64;
        let sum = |of: fn(&Memtable) -> usize| view.memtables().map(of).sum::<usize>() as f64;
        let entries = || view.segments.iter().map(|segment| segment.entry());
        let metric = |name, help, value| Metric { name, help, value };
        let counters = &self.counters;
        let mut metrics = vec![
            metric("spanlet_journal_bytes", "Bytes of the journal's files.", journal_bytes as f64),
            metric("spanlet_journal_syncs_total", "Groups of batches written and synced.", syncs as f64),
            metric(
                "spanlet_journal_batches_total",
                "Batches made durable; over syncs: the group's size.",
                load(&counters.batches),
            ),
            metric("spanlet_journal_spans_total", "Spans made durable.", load(&counters.spans)),
            metric(
                "spanlet_journal_commits_failed_total",
                "Groups of batches that were turned away whole.",
                load(&counters.commits_failed),
            ),
            metric("spanlet_memtable_bytes", "Bytes of spans not yet in segments.", sum(Memtable::bytes)),
            metric("spanlet_memtable_spans", "Spans not yet in segments.", sum(Memtable::spans)),
            metric(
                "spanlet_memtables_sealed",
                "Memtables that wait to become segments.",
                view.sealed.len() as f64,
            ),
            metric("spanlet_segments", "Segments that are served.", view.segments.len() as f64),
            metric(
                "spanlet_segment_bytes",
                "Bytes of the segments that are served.",
                entries().map(|it| it.bytes).sum::<u64>() as f64,
            ),
            metric(
                "spanlet_segment_spans",
                "Spans in segments.",
                entries().map(|it| it.extent.rows).sum::<u64>() as f64,
            ),
            metric("spanlet_seals_total", "Memtables that became segments.", load(&counters.seals)),
            metric(
                "spanlet_seals_failed_total",
                "Attempts to seal that failed and were tried again.",
                load(&counters.seals_failed),
            ),
            metric(
                "spanlet_quarantined_total",
                "Damaged files and batches that were put aside.",
                load(&counters.quarantined),
            ),
            metric(
                "spanlet_names_left_out_total",
                "Names of spans that are in no list, since a part already lists as many as it may.",
                load(&counters.names_left_out),
            ),
            metric(
                "spanlet_figures_left_out_total",
                "Spans and calls that are in no statistics under their own names, since a part has too many names.",
                load(&counters.figures_left_out),
            ),
            metric(
                "spanlet_parts_looked_at_total",
                "Segments and memtables that were looked through to answer questions.",
                load(&counters.parts_looked_at),
            ),
            metric(
                "spanlet_answers_too_large_total",
                "Questions about traces that were not answered, since the answer had too many bytes.",
                load(&counters.answers_too_large),
            ),
            metric(
                "spanlet_reads_abandoned_total",
                "Questions that were given up, since nobody waited for the answer any more.",
                load(&counters.reads_abandoned),
            ),
        ];
        metrics.extend(self.metrics_of_tending());
        metrics
    }

    fn metrics_of_tending(&self) -> Vec<Metric> {
        let counters = &self.counters;
        let (pins, deletions) = {
            let manifest = lock(&self.manifest);
            (manifest.pins.len() as f64, manifest.deletions.len() as f64)
        };
        let count =
            |name, help, counter: &AtomicU64| Metric { name, help, value: counter.load(Relaxed) as f64 };
        vec![
            Metric { name: "spanlet_pins", help: "Pinned traces.", value: pins },
            Metric {
                name: "spanlet_deletions_waiting",
                help: "Deletions that every answer shows, and that files are still to be written anew for.",
                value: deletions,
            },
            count(
                "spanlet_rewrites_total",
                "Segments written of others: merged, without what was deleted, or for what is pinned.",
                &counters.rewrites,
            ),
            count(
                "spanlet_rewrites_failed_total",
                "Attempts to write segments anew or to drop them that failed and were tried again.",
                &counters.tending_failed,
            ),
            count(
                "spanlet_spans_removed_by_age_total",
                "Spans that went since they were older than retention_age.",
                &counters.removed_by_age,
            ),
            count(
                "spanlet_spans_removed_by_bytes_total",
                "Spans that went since all took more than retention_bytes.",
                &counters.removed_by_bytes,
            ),
            count(
                "spanlet_spans_removed_unpinned_total",
                "Spans past retention that went when their trace was no longer pinned.",
                &counters.removed_unpinned,
            ),
            count(
                "spanlet_spans_removed_deleted_total",
                "Spans removed from files since somebody deleted them.",
                &counters.removed_deleted,
            ),
            count(
                "spanlet_spans_removed_repeated_total",
                "Repeated reports of a span, removed when segments were merged.",
                &counters.removed_repeated,
            ),
        ]
    }
}
