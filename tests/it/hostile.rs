//! Bytes that mean harm, at every door of the running server: afterwards what was stored before is there, memory has
//! kept its bound, and the server takes and gives spans as before.
//!
//! One process for each group of inputs. A peak of memory is of the whole group.

mod bodies;
mod calls;
mod floods;
mod http2;
mod requests;
mod slow;

use std::net::SocketAddr;

use e2e::server::{Server, command};
use e2e::{load, raw};
use model::batch::Batch;
use model::span::Span;
use wire::scribe::ResultCode;

/// Traces that are there before; as many are sent afterwards.
const EARLIER: u64 = 20;

/// A server that has spans to lose.
struct Siege {
    name: &'static str,
    server: Server,
    data_dir: tempfile::TempDir,
}

impl Siege {
    /// Starts a server with these settings and stores the earlier traces through both doors.
    fn begin(name: &'static str, settings: &[(&str, &str)]) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let mut command = command(data_dir.path(), &[]);
        command.envs(settings.iter().copied());
        let siege = Self { name, server: Server::spawn(command).unwrap(), data_dir };
        siege.store(0..EARLIER);
        siege
    }

    fn http(&self) -> SocketAddr {
        self.server.http
    }

    fn scribe(&self) -> SocketAddr {
        self.server.scribe
    }

    fn store(&self, numbers: std::ops::Range<u64>) {
        let mut stream = raw::connect(self.scribe());
        for number in numbers {
            let spans = load::trace(number);
            if number % 2 == 0 {
                let mut body = String::new();
                wire::json_v2::write_list(&mut body, &spans);
                assert_eq!(self.server.post("/api/v2/spans", body.as_bytes()).unwrap(), 202, "{}", self.name);
            } else {
                let answer = crate::doors::scribe_log(&mut stream, &spans).unwrap();
                assert_eq!(answer, ResultCode::Ok, "{}", self.name);
            }
        }
    }

    /// Says that the server answers right now.
    fn answers(&self) {
        assert_eq!(self.server.get("/health").unwrap().0, 200, "{}", self.name);
    }

    /// Ends the group: everything that was acknowledged is there, also after a restart, and memory kept its bound.
    fn end(self, peak_max_mib: u64) {
        self.answers();
        self.store(EARLIER..2 * EARLIER);
        intact(&self.server, self.name);
        let peak = self.server.memory_peak_bytes().unwrap() >> 20;
        println!("hostile {}: {peak} MiB of memory at most, bound {peak_max_mib} MiB", self.name);
        assert!(peak <= peak_max_mib, "{}: {peak} MiB of memory, bound {peak_max_mib} MiB", self.name);
        assert!(self.server.terminate().unwrap().success(), "{}", self.name);
        intact(&Server::start(self.data_dir.path(), &[]).unwrap(), self.name);
    }
}

fn intact(server: &Server, name: &str) {
    for number in 0..2 * EARLIER {
        let (status, body) = server.get(&format!("/api/v2/trace/{}", load::trace_id(number))).unwrap();
        assert_eq!(status, 200, "{name}: trace {number}: {body}");
        let mut batch = Batch::new();
        wire::json_v2::decode_list(body.as_bytes(), &mut batch).unwrap();
        let mut spans: Vec<Span> = batch.rows().map(|row| row.to_span()).collect();
        spans.sort_by_key(|span| span.timestamp_us);
        assert_eq!(spans, load::trace(number), "{name}: trace {number}");
    }
}
