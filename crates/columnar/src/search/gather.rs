//! Which facts about traces a question needs, so that a look reads no column in vain.

use model::batch::Row;
use storage::facts::Facts;
use storage::order::Order;

/// What to gather besides the timestamps of spans.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gather {
    /// Which spans have no parent.
    pub roots: bool,
    /// Durations.
    pub durations: bool,
    /// Which spans failed.
    pub errors: bool,
}

impl Gather {
    /// Returns what an order needs.
    pub fn for_order(order: Order) -> Self {
        Self { roots: false, durations: order == Order::Duration, errors: order == Order::Errors }
    }

    /// Returns what counts need.
    pub fn for_counts() -> Self {
        Self { roots: true, durations: false, errors: true }
    }

    /// Returns the facts about one span.
    pub fn of_row(self, row: &Row<'_>) -> Facts {
        Facts::of_span(
            self.roots && row.parent_id.is_none(),
            row.timestamp_us,
            row.duration_us.filter(|_| self.durations),
            self.errors && row.tag("error").is_some(),
        )
    }
}
