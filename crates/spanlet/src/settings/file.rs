//! The TOML file: one key a setting, and `[[access]]` entries.

use std::collections::HashMap;
use std::path::Path;

use server::access::Credential;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::kinds;
use super::sources::{Origin, Problem, Said, nearest};
use super::table::TABLE;

const ACCESS: &str = "access";

/// What a file says: settings, and who has access.
pub type Contents = (HashMap<&'static str, Said>, Vec<Credential>);

/// Reads a file; what is wrong in it is named with its line.
pub fn read(path: &Path) -> Result<Contents, Problem> {
    let unreadable = |error| Problem(format!("can't read the settings file {}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let place = Place { path, text: &text };
    let table = DeTable::parse(&text)
        .map_err(|error| place.problem(error.span().map_or(0, |span| span.start), error.message()))?;
    let (mut said, mut access) = (HashMap::new(), Vec::new());
    for (key, value) in table.get_ref() {
        if key.get_ref() == ACCESS {
            access = credentials(&place, value)?;
            continue;
        }
        let Some(setting) = TABLE.iter().find(|setting| setting.name == key.get_ref()) else {
            let names = TABLE.iter().map(|setting| setting.name.to_owned());
            let near = nearest(key.get_ref(), names.chain([ACCESS.to_owned()]));
            return Err(place.problem(key.span().start, &format!("unknown key {}{near}", key.get_ref())));
        };
        let Some(text) = scalar(value.get_ref()) else {
            let wrong = format!("{}: a single value or a list is wanted here", key.get_ref());
            return Err(place.problem(value.span().start, &wrong));
        };
        let origin = Origin::File { path: path.to_owned(), line: place.line(key.span().start) };
        said.insert(setting.name, Said { text, origin });
    }
    Ok((said, access))
}

/// Reads a file that holds `[[access]]` entries only.
pub fn read_access(path: &Path) -> Result<Vec<Credential>, Problem> {
    let (said, access) = read(path)?;
    match said.values().next() {
        Some(Said { origin, .. }) => {
            Err(Problem(format!("{origin}: only [[access]] entries may stand here")))
        }
        None => Ok(access),
    }
}

struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn problem(&self, at: usize, wrong: &str) -> Problem {
        Problem(format!("{}:{}: {wrong}", self.path.display(), self.line(at)))
    }
}

/// Returns a value as it would be written in a variable.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(items) => items
            .iter()
            .map(|item| scalar(item.get_ref()))
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(",")),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn credentials(place: &Place<'_>, value: &Spanned<DeValue<'_>>) -> Result<Vec<Credential>, Problem> {
    let not_entries = || place.problem(value.span().start, "access: write each entry under [[access]]");
    let entries = value.get_ref().as_array().ok_or_else(not_entries)?;
    entries
        .iter()
        .map(|entry| {
            let table = entry.get_ref().as_table().ok_or_else(not_entries)?;
            credential(table).map_err(|wrong| place.problem(entry.span().start, &format!("access: {wrong}")))
        })
        .collect()
}

/// Reads one entry. What is wrong is said without its values, which are secrets.
fn credential(entry: &DeTable<'_>) -> Result<Credential, String> {
    const KEYS: [&str; 5] = ["name", "token", "user", "password", "scopes"];
    if let Some((key, _)) = entry.iter().find(|(key, _)| !KEYS.contains(&key.get_ref().as_ref())) {
        return Err(format!("unknown key {}; known are {}", key.get_ref(), KEYS.join(", ")));
    }
    let text = |key: &str| match entry.get(key).map(Spanned::get_ref) {
        None => Ok(None),
        Some(DeValue::String(text)) if !text.is_empty() => Ok(Some(text.as_ref())),
        Some(_) => Err(format!("{key} must be a text that is not empty")),
    };
    let scopes = match entry.get("scopes").map(Spanned::get_ref) {
        Some(DeValue::Array(scopes)) => scopes
            .iter()
            .map(|scope| kinds::scope(scope.get_ref().as_str().unwrap_or("")))
            .collect::<Result<Vec<_>, _>>()?,
        _ => return Err("scopes is missing: a list of ingest, query, admin".into()),
    };
    match (text("token")?, text("user")?, text("password")?) {
        (Some(token), None, None) => Ok(Credential::bearer(text("name")?.unwrap_or("token"), token, &scopes)),
        (None, Some(user), Some(password)) => Ok(Credential::basic(user, password, &scopes)),
        _ => Err("give either token, or user and password".into()),
    }
}
