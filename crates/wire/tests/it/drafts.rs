//! What the tracer writes in JSON v2 and proto3 is read as it was meant; OTLP holds what its schema says.

use model::batch::Batch;
use model::draft::Draft;
use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};
use proptest::prelude::*;
use wire::{json_v2, otlp, otlp_write, proto3, proto3_draft};

use crate::support::{decode, written};

fn endpoint() -> impl Strategy<Value = Option<Endpoint>> {
    let parts = ("[a-zé\"]{1,8}", any::<Option<[u8; 4]>>(), any::<bool>(), any::<u16>());
    proptest::option::of(parts.prop_map(|(name, ipv4, v6, port)| Endpoint {
        service_name: Some(name),
        ipv4: ipv4.map(Into::into),
        ipv6: v6.then(|| "2001:db8::1".parse().unwrap()),
        port: Some(port).filter(|port| *port > 0),
    }))
}

prop_compose! {
    fn span()(
        ids in (1..u128::MAX, 1..u64::MAX, any::<u64>()),
        kind in 0..5u8,
        name in "[a-zé/\\n]{0,10}",
        times in (1..1u64 << 53, 0..1u64 << 40),
        ends in (endpoint(), endpoint()),
        annotations in proptest::collection::btree_set((1..1u64 << 53, "[a-z\\t\"\u{2028}]{1,8}"), 0..3),
        tags in proptest::collection::btree_map("[a-z.]{1,8}", ".{0,8}", 0..4),
        flags in any::<(bool, bool)>(),
    ) -> Span {
        let (id, kind) = (SpanId::new(ids.1).unwrap(), Kind::from_number(kind));
        Span {
            parent_id: SpanId::new(ids.2).filter(|parent| *parent != id),
            kind,
            name: Some(name).filter(|name| !name.is_empty()),
            timestamp_us: Some(times.0),
            duration_us: Some(times.1).filter(|duration| *duration > 0),
            local_endpoint: ends.0,
            remote_endpoint: ends.1,
            annotations: annotations.into_iter().map(|(timestamp_us, value)| Annotation { timestamp_us, value }).collect(),
            tags: tags.into_iter().collect(),
            debug: flags.0,
            shared: flags.1 && kind != Some(Kind::Client),
            ..Span::new(TraceId::new(ids.0).unwrap(), id)
        }
    }
}

proptest! {
    #[test]
    fn json_is_that_of_spans(span in span()) {
        let mut out = String::from("[");
        json_v2::write_draft(&mut out, &Draft::from_span(&span));
        out.push(']');
        prop_assert_eq!(out, written(&[span]));
    }

    #[test]
    fn proto3_is_read_as_it_was_written(spans in proptest::collection::vec(span(), 1..4)) {
        let mut out = Vec::new();
        spans.iter().for_each(|span| proto3_draft::write_draft(&mut out, &Draft::from_span(span)));
        prop_assert_eq!(written(&decode(proto3::decode_list, &out).unwrap()), written(&spans));
    }
}

/// Reads a message as a list of field numbers and values, depth first, by the rules of protocol buffers alone.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => varint(&mut bytes).to_be_bytes().to_vec(),
            kind => {
                let length = if kind == 1 { 8 } else { varint(&mut bytes) as usize };
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                value.to_vec()
            }
        };
        found.push((key >> 3, value));
    }
    found
}

fn within(message: &[u8], path: &[u64]) -> Vec<Vec<u8>> {
    let Some((number, rest)) = path.split_first() else { return vec![message.to_vec()] };
    let matching = fields(message).into_iter().filter(|(found, _)| found == number);
    matching.flat_map(|(_, value)| within(&value, rest)).collect()
}

#[test]
fn otlp_has_a_resource_a_scope_and_the_span() {
    let mut draft = Draft::new(TraceId::new(0xab).unwrap(), SpanId::new(0xcd).unwrap());
    draft.parent_id = SpanId::new(0xef);
    draft.kind = Some(Kind::Client);
    draft.name = Some("get".into());
    (draft.timestamp_us, draft.duration_us) = (1_000_000, 5);
    draft.local_endpoint.service_name = Some("shop".into());
    draft.remote_endpoint.ipv4 = Some([10, 0, 0, 1].into());
    draft.remote_endpoint.port = Some(8080);
    draft.annotations.push((1_000_001, "wire.send".into()));
    draft.tags.push(("error".into(), "boom".into()));
    let mut out = Vec::new();
    otlp_write::write_draft(&mut out, &draft);
    assert_eq!(within(&out, &[1, 1, 1, 1]), [b"service.name"]);
    assert_eq!(within(&out, &[1, 1, 1, 2, 1]), [b"shop"]);
    assert_eq!(within(&out, &[1, 2, 1, 1]), [b"spanlet"]);
    let spans = within(&out, &[1, 2, 2]);
    let [span] = spans.as_slice() else { panic!("{} spans", spans.len()) };
    assert_eq!(within(span, &[1]), [0xab_u128.to_be_bytes()]);
    assert_eq!(within(span, &[2]), [0xcd_u64.to_be_bytes()]);
    assert_eq!(within(span, &[4]), [0xef_u64.to_be_bytes()]);
    assert_eq!(within(span, &[5]), [b"get"]);
    assert_eq!(within(span, &[6]), [3_u64.to_be_bytes()]);
    assert_eq!(within(span, &[7]), [1_000_000_000_u64.to_le_bytes()]);
    assert_eq!(within(span, &[8]), [1_000_005_000_u64.to_le_bytes()]);
    assert_eq!(within(span, &[9, 1]), [b"error".as_slice(), b"network.peer.address", b"network.peer.port"]);
    assert_eq!(within(span, &[9, 2, 1]), [b"boom".as_slice(), b"10.0.0.1"]);
    assert_eq!(within(span, &[9, 2, 3]), [8080_u64.to_be_bytes()]);
    assert_eq!(within(span, &[11, 2]), [b"wire.send"]);
    assert_eq!(within(span, &[15, 3]), [2_u64.to_be_bytes()]);
}

proptest! {
    #[test]
    fn otlp_is_read_by_the_door_for_it(span in span()) {
        let mut out = Vec::new();
        otlp_write::write_draft(&mut out, &Draft::from_span(&span));
        let mut batch = Batch::new();
        let rejected = otlp::decode_protobuf(&out, &mut batch).unwrap();
        prop_assert_eq!((rejected.spans, batch.len()), (0, 1));
        let read = batch.rows().next().unwrap().to_span();
        prop_assert_eq!((read.trace_id, read.id, read.parent_id, read.kind), (span.trace_id, span.id, span.parent_id, span.kind));
        prop_assert_eq!((read.timestamp_us, read.name.as_ref()), (span.timestamp_us, span.name.as_ref()));
        if let Some(service) = span.local_service() {
            prop_assert_eq!(read.local_service(), Some(service));
        }
        for annotation in &span.annotations {
            prop_assert!(read.annotations.contains(annotation), "{:?} of {:?}", annotation, read.annotations);
        }
        for (key, value) in &span.tags {
            prop_assert_eq!(read.tag(key), Some(value.as_str()));
        }
    }
}
