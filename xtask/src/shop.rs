//! The shop of `examples/shop`: which service calls which, and how to start it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::http::Client;
use crate::log::Log;
use crate::ports;
use crate::process::{Process, until};
use crate::root::root;

/// The service that customers talk to.
pub const FRONT: &str = "shop-front";
/// All services; each is the program of that name in `examples/shop`.
pub const SERVICES: [&str; 6] = [FRONT, "catalog", "cart", "prices", "stock", "payment"];
const START_MAX: Duration = Duration::from_secs(30);

/// A kind of request, and the calls that it makes the services do: caller and callee, one a call.
#[derive(Debug)]
pub struct Route {
    pub path: &'static str,
    pub calls: &'static [(&'static str, &'static str)],
}

/// The call graph. `examples/shop/README.md` draws it.
pub const ROUTES: [Route; 3] = [
    Route {
        path: "/",
        calls: &[
            (FRONT, "catalog"),
            ("catalog", "prices"),
            ("catalog", "stock"),
            (FRONT, "cart"),
            ("cart", "prices"),
        ],
    },
    Route { path: "/search", calls: &[(FRONT, "catalog"), ("catalog", "prices"), ("catalog", "stock")] },
    Route {
        path: "/checkout",
        calls: &[(FRONT, "cart"), ("cart", "prices"), (FRONT, "payment"), ("payment", "stock")],
    },
];

/// The running services.
pub struct Shop {
    processes: Vec<Process>,
    /// The front's address, without a slash at the end.
    pub address: String,
}

impl Shop {
    /// Starts every service, telling one of them to be slow now and then, and waits until all listen.
    pub fn start(python: &Path, scribe_port: u16, slow: &str, log: &Log) -> Result<Self> {
        let ports = ports::free::<{ SERVICES.len() }>()?;
        let mut processes = Vec::new();
        for service in SERVICES {
            let mut command = Command::new(python);
            command
                .arg(root().join("examples/shop").join(service))
                .env("SPANLET_SCRIBE_PORT", scribe_port.to_string());
            for (name, port) in SERVICES.iter().zip(ports) {
                command.env(port_variable(name), port.to_string());
            }
            if service == slow {
                command.env("SHOP_SLOW", "1");
            }
            processes.push(Process::start(service, &mut command, log)?);
        }
        let mut shop = Self { processes, address: format!("http://127.0.0.1:{}", ports[0]) };
        let listens =
            until(START_MAX, || shop.check_alive().is_err() || !ports.into_iter().any(ports::is_free));
        shop.check_alive().with_context(|| log.text())?;
        if !listens {
            bail!("the shop did not open within {} s\n{}", START_MAX.as_secs(), log.text());
        }
        Ok(shop)
    }

    /// Says when a service has ended, which none should by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        for process in &mut self.processes {
            if let Some(status) = process.ended() {
                bail!("{} ended: {status}", process.name());
            }
        }
        Ok(())
    }

    /// Makes one request that carries its own trace id.
    pub fn visit(&self, client: &Client, route: &Route, trace_id: model::id::TraceId) -> Result<()> {
        let (trace, span) = (trace_id.to_string(), format!("{:016x}", trace_id.low()));
        let headers = [("X-B3-TraceId", trace.as_str()), ("X-B3-SpanId", &span), ("X-B3-Sampled", "1")];
        let answer = client.get(&format!("{}{}", self.address, route.path), &headers)?;
        if answer.status != 200 {
            bail!("GET {}: status {}: {}", route.path, answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(())
    }
}

/// The environment variable that tells the services on which port one of them listens.
fn port_variable(service: &str) -> String {
    format!("SHOP_PORT_{}", service.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_called_and_has_its_program() {
        for service in SERVICES {
            assert!(root().join("examples/shop").join(service).exists(), "{service}");
            let is_called = |route: &Route| route.calls.iter().any(|(_, callee)| *callee == service);
            assert!(service == FRONT || ROUTES.iter().any(is_called), "{service}");
        }
    }

    #[test]
    fn every_program_has_exactly_the_two_lines_of_the_readme() {
        let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
        for service in SERVICES {
            let program = std::fs::read_to_string(root().join("examples/shop").join(service)).expect(service);
            let lines: Vec<_> = program.lines().filter(|line| line.contains("patcher")).collect();
            assert_eq!(
                lines,
                ["from eventlet.zipkin import patcher", "patcher.enable_trace_patch()"],
                "{service}"
            );
            assert!(lines.iter().all(|line| readme.lines().any(|shown| shown == *line)));
        }
    }
}
