//! Random numbers for ids and samplers: a xoshiro256++ per thread, seeded by the operating system and again after a fork.
//!
//! Algorithm: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2019). Ids are no
//! secrets; they must only never repeat, whatever the application does with its own seeds.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use model::id::{SpanId, TraceId};

use crate::clock::now_us;
use crate::fork;

/// State of a generator and the fork generation it was seeded in.
type State = ([u64; 4], u64);

thread_local! {
    static STATE: Cell<State> = const { Cell::new(([0; 4], 0)) };
}

/// Returns a new span id.
pub fn span_id() -> SpanId {
    loop {
        if let Some(id) = SpanId::new(random()) {
            return id;
        }
    }
}

/// Returns a new trace id and the id of its root span, which is the trace id's lower half.
pub fn root(trace_id_128: bool) -> (TraceId, SpanId) {
    let span_id = span_id();
    // Seconds first, as brave and AWS do: old traces sort before new ones.
    let high = if trace_id_128 { ((now_us() / 1_000_000) << 32) | (random() >> 32) } else { 0 };
    match TraceId::from_halves(high, span_id.get()) {
        Some(trace_id) => (trace_id, span_id),
        None => root(trace_id_128),
    }
}

/// Draws whether to keep something with this probability; certain ones draw nothing.
pub fn chance(rate: f64) -> bool {
    rate >= 1.0 || (rate > 0.0 && fraction() < rate)
}

/// Returns a number from 0 up to, but not, 1.
pub fn fraction() -> f64 {
    // 53 bits are what a double holds exactly.
    (random() >> 11) as f64 / (1u64 << 53) as f64
}

fn random() -> u64 {
    STATE.with(|state| {
        let (mut s, seeded) = state.get();
        let generation = fork::generation();
        if seeded != generation {
            s = seed();
        }
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        state.set((s, generation));
        result
    })
}

/// Returns a seed that is never all zeros, which the generator could not leave.
fn seed() -> [u64; 4] {
    let mut bytes = [0; 32];
    if getrandom::fill(&mut bytes).is_err() {
        // No entropy, as before Linux 3.17 in a chroot: the process, the thread and the time differ still.
        let hasher = RandomState::new();
        for (at, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&hasher.hash_one((at, std::process::id(), now_us())).to_le_bytes());
        }
    }
    let mut words = [1; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    if words == [0; 4] { [1; 4] } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_kept() {
        assert!((0..1000).all(|_| chance(1.0) && !chance(0.0)));
        let kept = (0..100_000).filter(|_| chance(0.25)).count();
        assert!((24_000..26_000).contains(&kept), "{kept} of 100000 at rate 0.25");
    }

    #[test]
    fn certain_decisions_draw_no_number() {
        random();
        let before = STATE.get();
        chance(1.0);
        chance(0.0);
        assert_eq!(STATE.get(), before);
        chance(0.5);
        assert_ne!(STATE.get(), before);
    }

    #[test]
    fn ids_differ_and_use_all_bits() {
        let ids: std::collections::HashSet<u64> = (0..10_000).map(|_| span_id().get()).collect();
        assert_eq!(ids.len(), 10_000);
        assert_eq!(ids.iter().fold(0, |bits, id| bits | id), u64::MAX);
        assert_eq!(ids.iter().fold(u64::MAX, |bits, id| bits & id), 0);
    }

    #[test]
    fn a_new_generation_is_seeded_again() {
        random();
        let before = STATE.get();
        fork::forked_child();
        random();
        // The generation's own mark differs in any case; the point is that the sequence does not go on.
        let after = STATE.get();
        STATE.set((before.0, after.1));
        random();
        assert_ne!(STATE.get().0, after.0);
    }

    #[test]
    fn long_trace_ids_start_with_the_time() {
        let (trace_id, span_id) = root(true);
        assert_eq!(trace_id.low(), span_id.get());
        let seconds = trace_id.high() >> 32;
        assert!(seconds.abs_diff(now_us() / 1_000_000) < 60);
        let (short, _) = root(false);
        assert_eq!(short.high(), 0);
    }
}
