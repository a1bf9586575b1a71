//! Tail sampling through the buffer: spans wait on disk, and only traces worth keeping are sent.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collector::sampler::Sampler;
use collector::sink::Sink;
use model::batch::Batch;
use model::id::{SpanId, TraceId};
use model::span::Span;
use relay::body::Body;
use relay::far::{Answer, Far};
use relay::queue::{Looks, Queue};
use relay::redact::Redaction;
use relay::sender::Sender;
use relay::tail::{Rules, Tail};

use crate::world::{config, disk, open, retry};

const HOLD: Duration = Duration::from_millis(60);

#[derive(Clone, Default)]
struct Rows {
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Far for Rows {
    fn name(&self) -> &str {
        "rows"
    }

    fn send(&mut self, body: &Body) -> Answer {
        let Body::Batch(batch) = body else { panic!("not decoded") };
        self.spans.lock().unwrap().extend(batch.rows().map(|row| row.to_span()));
        Answer::Taken
    }
}

fn span(trace_id: u128, id: u64, tag: Option<(&str, &str)>) -> Span {
    let mut span = Span::new(TraceId::new(trace_id).unwrap(), SpanId::new(id).unwrap());
    span.tags = tag.map(|(key, value)| (key.into(), value.into())).into_iter().collect();
    span
}

#[test]
fn traces_with_errors_are_sent_whole_after_the_hold_and_others_are_counted() {
    let disk = disk(1);
    let spool = open(&disk, config(), 1).unwrap();
    let tail = Arc::new(Tail::new(Rules {
        hold: HOLD,
        slow_us: None,
        errors: true,
        tags: Vec::new(),
        rest: Sampler::new(0.0).unwrap(),
        traces_max: 10,
    }));
    let looks = Looks {
        redaction: Redaction::new(vec!["error".into()]),
        tail: Some(Arc::clone(&tail)),
        takes_messages: false,
    };
    let (queue, writer) = Queue::start(Arc::clone(&spool), looks).unwrap();
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for spans in
        [[span(1, 1, None), span(2, 2, None)], [span(2, 3, Some(("error", "secret"))), span(1, 4, None)]]
    {
        let batch: Batch = spans.into_iter().collect();
        runtime.block_on(queue.accept(batch)).unwrap();
    }
    writer.end();
    let far = Rows::default();
    let mut sender =
        Sender::new(Arc::clone(&spool), 0, vec![Box::new(far.clone())], retry()).with_tail(Some(tail));
    while spool.figures().routes[0].backlog_spans > 0 {
        assert!(sender.step());
    }
    assert!(started.elapsed() >= HOLD, "sent before the hold was over");
    let sent = far.spans.lock().unwrap().clone();
    assert_eq!(sent, [span(2, 2, None), span(2, 3, Some(("error", "[redacted]")))]);
    let route = &spool.figures().routes[0];
    assert_eq!((route.delivered, route.sampled), (2, 2));
}
