//! Spans as compact rows in one buffer: what decoders fill, stores accept, and the journal writes as it is.
//!
//! Byte for byte (all numbers little-endian, `text` = LEB128 length and UTF-8):
//!
//! ```text
//! row        u32 length of the rest | u128 trace id | u64 id | u64 parent or 0 | u64 timestamp or 0
//!            | u64 duration or 0 | u8 kind or 0 | u8 flags: 1 debug, 2 shared, 4 name, 8 local, 16 remote
//!            | [text name] [endpoint local] [endpoint remote]
//!            | u32 length of the annotations | (u64 timestamp, text value)* | (text key, text value)* to the end
//! endpoint   u8 flags: 1 service name, 2 ipv4, 4 ipv6, 8 port | [text] [4 bytes] [16 bytes] [u16]
//! ```

use std::borrow::Cow;
use std::fmt;

use crate::draft::Draft;
use crate::endpoint::EndpointRef;
use crate::id::{SpanId, TraceId};
use crate::span::{Annotation, Kind, Span};

/// Most bytes a batch may hold. Larger than any body a collector takes, so that lengths fit 32 bits.
pub const BATCH_BYTES_MAX: usize = 256 << 20;

/// The batch has reached [`BATCH_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchFull;

/// These bytes are no batch; says at which byte the first bad row starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchCorrupt {
    /// Offset of the first bad row.
    pub at: usize,
}

impl fmt::Display for BatchFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch is larger than {BATCH_BYTES_MAX} bytes")
    }
}

impl fmt::Display for BatchCorrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad span row at byte {}", self.at)
    }
}

impl std::error::Error for BatchFull {}
impl std::error::Error for BatchCorrupt {}

/// Spans in normal form, in order of arrival. Its bytes are valid by construction.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
    count: usize,
}

/// A place in a batch to go back to, from [`Batch::mark`].
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    bytes: usize,
    count: usize,
}

/// One span of a batch; text is borrowed from it.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The span that caused this one.
    pub parent_id: Option<SpanId>,
    /// Its side of the call.
    pub kind: Option<Kind>,
    /// Lower-cased; never empty.
    pub name: Option<&'a str>,
    /// Start, microseconds since the epoch.
    pub timestamp_us: Option<u64>,
    /// Microseconds.
    pub duration_us: Option<u64>,
    /// Who recorded it.
    pub local_endpoint: Option<EndpointRef<'a>>,
    /// Who was at the other end.
    pub remote_endpoint: Option<EndpointRef<'a>>,
    /// Must be kept whatever the sampler says.
    pub debug: bool,
    /// The server half of a span id that the client made.
    pub shared: bool,
    bytes: &'a [u8],
    annotations: &'a [u8],
    tags: &'a [u8],
}

impl Batch {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes that a batch once held, checking every row.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, BatchCorrupt> {
        let (mut at, mut count) = (0, 0);
        while at < bytes.len() {
            at += check_row(&bytes[at..]).ok_or(BatchCorrupt { at })?;
            count += 1;
        }
        Ok(Self { bytes, count })
    }

    /// Returns the rows as bytes, for [`from_bytes`](Self::from_bytes).
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of spans.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Says whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the spans in order of arrival.
    pub fn rows(&self) -> Rows<'_> {
        Rows { bytes: &self.bytes }
    }

    /// Returns the spans from the one on whose row starts at a byte; none when no row starts there.
    pub fn rows_at(&self, at: usize) -> Rows<'_> {
        Rows { bytes: self.bytes.get(at..).unwrap_or_default() }
    }

    /// Remembers how far the batch is filled.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), count: self.count }
    }

    /// Forgets all spans appended since a mark of this batch: how decoders stay all-or-nothing.
    pub fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.count = mark.count;
    }

    /// Returns the span whose row starts at a byte; nothing when no row starts there.
    pub fn row_at(&self, at: usize) -> Option<Row<'_>> {
        read_row(self.bytes.get(at..)?).map(|(row, _)| row)
    }

    /// Appends a draft that is in normal form already ([`Draft::push_into`] sees to that).
    pub(crate) fn push(&mut self, draft: &Draft<'_>) -> Result<(), BatchFull> {
        let start = self.bytes.len();
        write_row(&mut self.bytes, draft);
        if self.bytes.len() > BATCH_BYTES_MAX {
            self.bytes.truncate(start);
            return Err(BatchFull);
        }
        let length = (self.bytes.len() - start - 4) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
        Ok(())
    }

    /// Appends a finished span.
    pub fn push_span(&mut self, span: &Span) -> Result<(), BatchFull> {
        Draft::from_span(span).push_into(self)
    }

    /// Appends a row of another batch as it is.
    pub fn push_row(&mut self, row: &Row<'_>) -> Result<(), BatchFull> {
        if self.bytes.len() + row.bytes.len() > BATCH_BYTES_MAX {
            return Err(BatchFull);
        }
        self.bytes.extend_from_slice(row.bytes);
        self.count += 1;
        Ok(())
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} spans, {} bytes)", self.count, self.bytes.len())
    }
}

impl FromIterator<Span> for Batch {
    /// Collects spans; those past [`BATCH_BYTES_MAX`] would not fit, so this is for tests and small sets.
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut batch = Self::new();
        for span in spans {
            batch.push_span(&span).expect("spans that fit a batch");
        }
        batch
    }
}

/// Iterator over the spans of a batch.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        let (row, rest) = read_row(self.bytes)?;
        self.bytes = rest;
        Some(row)
    }
}

impl<'a> Row<'a> {
    /// Reads one row as [`bytes`](Self::bytes) gave it.
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        check_row(bytes)?;
        read_row(bytes).map(|(row, _)| row)
    }

    /// Returns the row's bytes: equal for byte-identical reports.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns time in microseconds and value of each annotation, sorted.
    pub fn annotations(&self) -> impl Iterator<Item = (u64, &'a str)> + use<'a> {
        let mut cursor = Cursor { bytes: self.annotations };
        std::iter::from_fn(move || Some((cursor.u64()?, cursor.text()?)))
    }

    /// Returns key and value of each tag, sorted by key.
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut cursor = Cursor { bytes: self.tags };
        std::iter::from_fn(move || Some((cursor.text()?, cursor.text()?)))
    }

    /// Returns the value of a tag.
    pub fn tag(&self, key: &str) -> Option<&'a str> {
        self.tags().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Returns the name of the service that recorded it.
    pub fn local_service(&self) -> Option<&str> {
        self.local_endpoint.as_ref()?.service_name.as_deref()
    }

    /// Returns the name of the service at the other end.
    pub fn remote_service(&self) -> Option<&str> {
        self.remote_endpoint.as_ref()?.service_name.as_deref()
    }

    /// Returns a span that owns its text.
    pub fn to_span(&self) -> Span {
        Span {
            trace_id: self.trace_id,
            id: self.id,
            parent_id: self.parent_id,
            kind: self.kind,
            name: self.name.map(str::to_owned),
            timestamp_us: self.timestamp_us,
            duration_us: self.duration_us,
            local_endpoint: self.local_endpoint.as_ref().map(EndpointRef::to_owned),
            remote_endpoint: self.remote_endpoint.as_ref().map(EndpointRef::to_owned),
            annotations: self
                .annotations()
                .map(|(timestamp_us, value)| Annotation { timestamp_us, value: value.to_owned() })
                .collect(),
            tags: self.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            debug: self.debug,
            shared: self.shared,
        }
    }
}

const DEBUG: u8 = 1;
const SHARED: u8 = 2;
const NAME: u8 = 4;
const LOCAL: u8 = 8;
const REMOTE: u8 = 16;

fn write_row(out: &mut Vec<u8>, draft: &Draft<'_>) {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&draft.trace_id.get().to_le_bytes());
    out.extend_from_slice(&draft.id.get().to_le_bytes());
    out.extend_from_slice(&draft.parent_id.map_or(0, SpanId::get).to_le_bytes());
    out.extend_from_slice(&draft.timestamp_us.to_le_bytes());
    out.extend_from_slice(&draft.duration_us.to_le_bytes());
    out.push(draft.kind.map_or(0, |kind| kind as u8));
    out.push(
        flag(draft.debug, DEBUG)
            | flag(draft.shared, SHARED)
            | flag(draft.name.is_some(), NAME)
            | flag(!draft.local_endpoint.is_empty(), LOCAL)
            | flag(!draft.remote_endpoint.is_empty(), REMOTE),
    );
    if let Some(name) = &draft.name {
        write_text(out, name);
    }
    for endpoint in [&draft.local_endpoint, &draft.remote_endpoint] {
        if !endpoint.is_empty() {
            write_endpoint(out, endpoint);
        }
    }
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    for (timestamp_us, value) in &draft.annotations {
        out.extend_from_slice(&timestamp_us.to_le_bytes());
        write_text(out, value);
    }
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    for (key, value) in &draft.tags {
        write_text(out, key);
        write_text(out, value);
    }
}

fn write_endpoint(out: &mut Vec<u8>, endpoint: &EndpointRef<'_>) {
    let at = out.len();
    out.push(0);
    let mut flags = 0;
    if let Some(name) = &endpoint.service_name {
        flags |= 1;
        write_text(out, name);
    }
    if let Some(ip) = endpoint.ipv4 {
        flags |= 2;
        out.extend_from_slice(&ip.octets());
    }
    if let Some(ip) = endpoint.ipv6 {
        flags |= 4;
        out.extend_from_slice(&ip.octets());
    }
    if let Some(port) = endpoint.port {
        flags |= 8;
        out.extend_from_slice(&port.to_le_bytes());
    }
    out[at] = flags;
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(text.as_bytes());
}

/// Returns the length of the row at the start of the bytes when all of it can be read back.
fn check_row(bytes: &[u8]) -> Option<usize> {
    let (row, rest) = read_row(bytes)?;
    let mut annotations = Cursor { bytes: row.annotations };
    while !annotations.bytes.is_empty() {
        annotations.u64()?;
        annotations.text()?;
    }
    let mut tags = Cursor { bytes: row.tags };
    while !tags.bytes.is_empty() {
        tags.text()?;
        tags.text()?;
    }
    Some(bytes.len() - rest.len())
}

fn read_row(bytes: &[u8]) -> Option<(Row<'_>, &[u8])> {
    let mut cursor = Cursor { bytes };
    let length = cursor.u32()? as usize;
    let mut cursor = Cursor { bytes: cursor.take(length)? };
    let trace_id = TraceId::new(u128::from_le_bytes(cursor.array()?))?;
    let id = SpanId::new(cursor.u64()?)?;
    let parent_id = SpanId::new(cursor.u64()?);
    let timestamp_us = Some(cursor.u64()?).filter(|us| *us > 0);
    let duration_us = Some(cursor.u64()?).filter(|us| *us > 0);
    let [kind, flags] = cursor.array()?;
    let name = if flags & NAME != 0 { Some(cursor.text()?) } else { None };
    let local_endpoint = if flags & LOCAL != 0 { Some(cursor.endpoint()?) } else { None };
    let remote_endpoint = if flags & REMOTE != 0 { Some(cursor.endpoint()?) } else { None };
    let annotations_length = cursor.u32()? as usize;
    let annotations = cursor.take(annotations_length)?;
    let (bytes, rest) = bytes.split_at(4 + length);
    let row = Row {
        trace_id,
        id,
        parent_id,
        kind: Kind::from_number(kind),
        name,
        timestamp_us,
        duration_us,
        local_endpoint,
        remote_endpoint,
        debug: flags & DEBUG != 0,
        shared: flags & SHARED != 0,
        bytes,
        annotations,
        tags: cursor.bytes,
    };
    Some((row, rest))
}

/// Reads from the front of a slice; nothing when it is too short.
struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let mut length = 0usize;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return std::str::from_utf8(self.take(length)?).ok();
            }
        }
        None
    }

    fn endpoint(&mut self) -> Option<EndpointRef<'a>> {
        let [flags] = self.array()?;
        Some(EndpointRef {
            service_name: if flags & 1 != 0 { Some(Cow::Borrowed(self.text()?)) } else { None },
            ipv4: if flags & 2 != 0 { Some(self.array::<4>()?.into()) } else { None },
            ipv6: if flags & 4 != 0 { Some(self.array::<16>()?.into()) } else { None },
            port: if flags & 8 != 0 { Some(u16::from_le_bytes(self.array()?)) } else { None },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    fn full() -> Span {
        let mut span = Span::new(TraceId::new(7 << 64 | 1).unwrap(), SpanId::new(2).unwrap());
        span.parent_id = SpanId::new(3);
        span.kind = Some(Kind::Server);
        span.name = Some("get /ü".into());
        span.timestamp_us = Some(1_700_000_000_000_000);
        span.duration_us = Some(12);
        let endpoint = Endpoint {
            service_name: Some("shop".into()),
            ipv4: Some([10, 0, 0, 1].into()),
            ipv6: Some("2001:db8::c001".parse().unwrap()),
            port: Some(8080),
        };
        span.remote_endpoint = Some(Endpoint { service_name: None, ..endpoint.clone() });
        span.local_endpoint = Some(endpoint);
        span.annotations = vec![Annotation { timestamp_us: 5, value: "x".repeat(300) }];
        span.tags = vec![("a".into(), "".into()), ("error".into(), "no \u{1f525}".into())];
        span.debug = true;
        span.shared = true;
        span
    }

    #[test]
    fn spans_come_back_as_they_were_pushed() {
        let spans = [Span::new(TraceId::new(1).unwrap(), SpanId::new(1).unwrap()), full()];
        let batch: Batch = spans.iter().cloned().collect();
        let again = Batch::from_bytes(batch.as_bytes().to_vec()).unwrap();
        assert_eq!(again, batch);
        assert_eq!(again.rows().map(|row| row.to_span()).collect::<Vec<_>>(), spans);
        let mut copy = Batch::new();
        batch.rows().for_each(|row| copy.push_row(&row).unwrap());
        assert_eq!(copy, batch);
    }

    #[test]
    fn cut_or_flipped_bytes_never_panic() {
        let batch: Batch = [full(), full()].into_iter().collect();
        let bytes = batch.as_bytes();
        for cut in 1..bytes.len() {
            if cut != bytes.len() / 2 {
                assert!(Batch::from_bytes(bytes[..cut].to_vec()).is_err(), "cut at {cut}");
            }
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 1 << bit;
                if let Ok(batch) = Batch::from_bytes(flipped) {
                    batch.rows().for_each(|row| drop(row.to_span()));
                }
            }
        }
    }
}
