//! HTTP to our own programs on loopback.

use std::time::Duration;

use anyhow::{Context, Result};
use ureq::Agent;

/// Longer than a slow call of the shop, and than any answer of the server.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// 10,000 traces of the shop are about 60 MB.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// A client that keeps its connections. Copies share them.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new() -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            // The machine's proxy has no business on loopback.
            .proxy(None)
            .build();
        Self { agent: config.new_agent() }
    }

    /// Asks for an address with some headers.
    pub fn get(&self, address: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let request = headers
            .iter()
            .fold(self.agent.get(address), |request, (name, value)| request.header(*name, *value));
        let mut response = request.call().with_context(|| format!("GET {address}"))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec();
        Ok(Answer { status, body: body.with_context(|| format!("GET {address}"))? })
    }
}
