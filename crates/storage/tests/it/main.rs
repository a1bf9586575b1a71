//! The memory store against the kit, and what only it promises.

use std::sync::Arc;

use storage::memory::{Config, Memory};
use storage_contract::{Settings, Subject, contract};

mod eviction;
mod query;

fn fresh(settings: Settings) -> impl Future<Output = Subject> {
    let memory = Memory::new(Config {
        answer_bytes_max: settings.answer_bytes_max,
        strict_trace_id: settings.strict_trace_id,
        autocomplete_keys: settings.autocomplete_keys(),
        ..Config::default()
    });
    std::future::ready(Subject::new(Arc::new(memory)))
}

contract!(memory, fresh);
