//! The memory store against the kit, and what only it promises.

use std::sync::Arc;

use storage::memory::Memory;
use storage_contract::{Subject, contract};

mod eviction;

contract!(memory, || async { Subject::new(Arc::new(Memory::new(500_000))) });
