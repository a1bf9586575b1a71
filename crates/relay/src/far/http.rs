//! A Zipkin server's `POST /api/v2/spans`, and `POST /v1/traces` of OpenTelemetry's protocol.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::batch::Batch;
use model::draft::Draft;
use ureq::Agent;
use ureq::http::Response;

use super::{Answer, Far, decode};
use crate::announce::{INVITATION, Invitation};
use crate::body::Body;
use crate::outgoing::Outgoing;

/// Longest answer that is read: only a sentence is expected.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// How spans are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// zipkin.proto.
    Proto3,
    /// JSON v2.
    Json,
    /// OpenTelemetry's protocol in protocol buffers.
    Otlp,
}

/// A client, connected when needed.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    url: String,
    name: String,
    form: Form,
    outgoing: Outgoing,
    invitation: Invitation,
}

impl Client {
    /// Returns a client of a URL.
    pub fn new(
        agent: Agent,
        url: String,
        name: &str,
        form: Form,
        outgoing: Outgoing,
        invitation: Invitation,
    ) -> Self {
        Self { agent, url, name: name.to_owned(), form, outgoing, invitation }
    }

    /// Takes note whether the far side wants to hear of this relay. Only a path counts: nobody is sent elsewhere.
    fn invited<B>(&self, response: &Response<B>) {
        let path = response.headers().get(INVITATION).and_then(|value| value.to_str().ok());
        let origin = self.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let path = path.filter(|path| path.starts_with('/'));
        self.invitation.set(path.map(|path| format!("{origin}{path}")));
    }

    fn post(&self, bytes: &[u8]) -> Result<Answer, ureq::Error> {
        let media_type = match self.form {
            Form::Proto3 | Form::Otlp => "application/x-protobuf",
            Form::Json => "application/json",
        };
        let mut request = self.agent.post(&self.url).content_type(media_type);
        if let Some(authorization) = self.outgoing.authorization() {
            request = request.header("Authorization", authorization);
        }
        let packed = if self.outgoing.gzip() { pack(bytes) } else { None };
        if packed.is_some() {
            request = request.header("Content-Encoding", "gzip");
        }
        let mut response = request.send(packed.as_deref().unwrap_or(bytes))?;
        if response.status().is_success() {
            self.invited(&response);
        }
        // Read to its end, so that the connection can be used again.
        let text =
            response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().unwrap_or_default();
        if self.form == Form::Otlp && response.status().is_success() && rejects_spans(&text) {
            // Which ones is found by halves: what was taken comes twice, and reads once.
            return Ok(Answer::Refused("the far side rejected spans".into()));
        }
        Ok(judge(&response, &String::from_utf8_lossy(&text)))
    }
}

impl Far for Client {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&mut self, body: &Body) -> Answer {
        let decoded;
        let batch = match body {
            Body::Batch(batch) => batch,
            Body::Messages(messages) => match decode(messages) {
                Ok(batch) => {
                    decoded = batch;
                    &decoded
                }
                Err(why) => return Answer::Refused(why),
            },
        };
        let later = |error| Answer::Later { why: format!("{}: {error}", self.name), after: None };
        self.post(&write(batch, self.form)).unwrap_or_else(later)
    }
}

fn write(batch: &Batch, form: Form) -> Vec<u8> {
    match form {
        Form::Proto3 => {
            let mut bytes = Vec::with_capacity(batch.as_bytes().len());
            wire::proto3_write::write_list(&mut bytes, batch.rows());
            bytes
        }
        Form::Otlp => {
            let mut bytes = Vec::with_capacity(2 * batch.as_bytes().len());
            for row in batch.rows() {
                wire::otlp_write::write_draft(&mut bytes, &Draft::from_span(&row.to_span()));
            }
            bytes
        }
        Form::Json => {
            let mut text = String::with_capacity(2 * batch.as_bytes().len());
            for row in batch.rows() {
                text.push(if text.is_empty() { '[' } else { ',' });
                wire::json_v2::write_span(&mut text, &row.to_span());
            }
            text.push(']');
            text.into_bytes()
        }
    }
}

/// Compresses; what can't be is sent as it is.
fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Says whether an answer is ExportTraceServiceResponse with `partial_success` (field 1) whose `rejected_spans` (field
/// 1 in it) is not 0: opentelemetry-proto `collector/trace/v1/trace_service.proto`.
fn rejects_spans(answer: &[u8]) -> bool {
    matches!(answer, [0x0a, _, 0x08, rejected, ..] if *rejected != 0)
}

/// Only statuses that speak of the spans themselves refuse them; all others may be mended on the far side: a wrong
/// path, missing rights, overload.
fn judge<B>(response: &Response<B>, text: &str) -> Answer {
    let status = response.status();
    let why = format!("{status}: {}", text.trim());
    match status.as_u16() {
        200..300 => Answer::Taken,
        400 | 413 | 415 | 422 => Answer::Refused(why),
        _ => {
            let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            Answer::Later { why, after: after.and_then(|text| text.parse().ok()).map(Duration::from_secs) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::Response;

    #[test]
    fn only_statuses_about_the_spans_refuse_them() {
        for (status, refused) in
            [(400, true), (413, true), (401, false), (404, false), (429, false), (500, false), (503, false)]
        {
            let response = Response::builder().status(status).header("retry-after", "7").body(()).unwrap();
            match judge(&response, "text") {
                Answer::Refused(why) => assert!(refused && why.contains("text"), "{status}"),
                Answer::Later { after, .. } => {
                    assert_eq!((refused, after), (false, Some(Duration::from_secs(7))))
                }
                Answer::Taken => panic!("{status}"),
            }
        }
        let response = Response::builder().status(202).body(()).unwrap();
        assert_eq!(judge(&response, ""), Answer::Taken);
    }

    #[test]
    fn only_who_asks_is_told_of_the_relay() {
        let (url, invitation) = ("https://z:1/api/v2/spans", Invitation::default());
        let (outgoing, form) = (Outgoing::default(), Form::Json);
        let agent = outgoing.agent("http://z", std::time::Duration::from_secs(1));
        let client = Client::new(agent, url.into(), url, form, outgoing, invitation.clone());
        let answer = |path: Option<&str>| {
            let response = Response::builder().status(202);
            client.invited(
                &path.map_or(response, |path| Response::builder().header(INVITATION, path)).body(()).unwrap(),
            );
            invitation.get()
        };
        assert_eq!(answer(None), None);
        assert_eq!(answer(Some("/relays")).as_deref(), Some("https://z:1/relays"));
        assert_eq!(answer(Some("http://elsewhere/")), None);
        assert_eq!(answer(Some("//elsewhere/")).as_deref(), Some("https://z:1//elsewhere/"));
        assert_eq!(answer(None), None);
    }

    #[test]
    fn a_partial_success_of_otlp_is_seen() {
        for (answer, rejects) in [
            (&b""[..], false),
            (b"\x0a\x02\x08\x00", false),
            (b"\x0a\x02\x08\x03", true),
            (b"\x0a\x04\x12\x02ab", false),
        ] {
            assert_eq!(rejects_spans(answer), rejects, "{answer:?}");
        }
    }
}
