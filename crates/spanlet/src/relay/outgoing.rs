//! The flags about calls to HTTP destinations, and about announcing the relay there.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use relay::outgoing::Outgoing;

/// How HTTP destinations are called, and who is told of this relay.
#[derive(Args)]
pub struct CallFlags {
    /// Compress what goes out by HTTP.
    #[arg(long, env = "SPANLET_RELAY_GZIP")]
    gzip: bool,
    /// Token for all HTTP destinations; better given by the variable, which other users of the machine don't see.
    #[arg(
        long,
        env = "SPANLET_RELAY_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        conflicts_with = "user"
    )]
    token: Option<String>,
    /// Name and password for all HTTP destinations; better given by the variable.
    #[arg(long, env = "SPANLET_RELAY_USER", value_name = "NAME:PASSWORD", hide_env_values = true)]
    user: Option<String>,
    /// Authorities of the certificates of https destinations, in PEM form [default: the system's].
    #[arg(long, env = "SPANLET_RELAY_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Spanlet servers to be told of this relay, besides those that it reaches by HTTP itself: http://HOST:PORT.
    #[arg(long, env = "SPANLET_RELAY_ANNOUNCE_TO", value_name = "URL", value_delimiter = ',', value_parser = server)]
    announce_to: Vec<String>,
    /// How this relay is called there [default: the machine's name and the port of --http-listen].
    #[arg(long, env = "SPANLET_RELAY_NAME", value_name = "NAME")]
    name: Option<String>,
}

impl CallFlags {
    /// Returns the servers that are told.
    pub fn servers(&self) -> Vec<String> {
        self.announce_to.clone()
    }

    /// Returns the name.
    pub fn name(&self) -> Option<String> {
        self.name.clone()
    }

    /// Returns how destinations are called.
    pub fn lower(self) -> anyhow::Result<Outgoing> {
        let mut outgoing = Outgoing::default().with_gzip(self.gzip);
        if let Some(token) = &self.token {
            outgoing = outgoing.with_token(token);
        }
        if let Some(user) = &self.user {
            outgoing = outgoing.with_user(user);
        }
        if let Some(file) = &self.ca {
            let shown = || format!("--ca {}", file.display());
            let pem = std::fs::read(file).with_context(shown)?;
            outgoing = outgoing.with_authorities(&pem).with_context(shown)?;
        }
        Ok(outgoing)
    }
}

/// Reads the address of a server, without a path.
fn server(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let place = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or_default();
    match place.is_empty() || place.contains(['/', '@', ' ']) {
        true => Err(format!("`{text}` is no server: write http://HOST:PORT or https://HOST:PORT")),
        false => Ok(text.to_owned()),
    }
}
