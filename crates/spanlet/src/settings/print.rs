//! `spanlet config`: every value in force and where it comes from, as a settings file.

use std::fmt::Write;

use server::access::Access;

use super::sources::{Said, Sources};
use super::table::{Setting, TABLE};

/// Returns a settings file that says what holds. Secrets are not in it.
pub fn print(sources: &Sources, access: &Access) -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in TABLE {
        if setting.section != section {
            section = setting.section;
            let _ = writeln!(text, "{}# {section}", if text.is_empty() { "" } else { "\n" });
        }
        let said = sources.said(setting);
        let _ = writeln!(text, "{:<46} # {}", value(setting, &said), said.origin);
    }
    for credential in &access.credentials {
        let scopes = credential.scopes.names().collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "\n# access of {:?}: {scopes} (secret hidden)", credential.name);
    }
    text
}

fn value(setting: &Setting, said: &Said) -> String {
    match said.text.as_str() {
        "" => format!("# {} is not set", setting.name),
        _ if setting.secret => format!("# {} = (hidden)", setting.name),
        text => format!("{} = {}", setting.name, quoted(text)),
    }
}

/// Returns a value as TOML writes it.
fn quoted(text: &str) -> String {
    match matches!(text, "true" | "false") || text.parse::<i64>().is_ok() {
        true => text.to_owned(),
        false => toml::Value::from(text).to_string(),
    }
}
