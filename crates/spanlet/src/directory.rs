//! The data directory that a tool works on, and the settings of its server that concern what lies there.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Args};
use columnar::Config;
use disk::port::Disk;

/// Flags of the tools that read or write spans.
#[derive(Args)]
pub struct Directory {
    /// The data directory, of which no server may run.
    #[arg(long, env = "SPANLET_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// As the directory's server has it.
    #[arg(long, env = "STRICT_TRACE_ID", value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    strict_trace_id: bool,
    /// As the directory's server has them.
    #[arg(long, env = "AUTOCOMPLETE_KEYS", value_name = "KEYS", value_delimiter = ',')]
    autocomplete_keys: Vec<String>,
}

impl Directory {
    /// Returns the disk, and the settings of a store in the directory.
    pub fn lower(&self) -> (Arc<dyn Disk>, Config) {
        let keys = self.autocomplete_keys.iter().map(|key| key.trim().to_owned());
        let config = Config {
            strict_trace_id: self.strict_trace_id,
            autocomplete_keys: keys.filter(|key| !key.is_empty()).collect(),
            ..Config::new(&self.data_dir)
        };
        (Arc::new(disk::Real), config)
    }
}
