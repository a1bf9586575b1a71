//! Takes the secrets out of request targets.

/// What stands for a hidden value; OpenTelemetry's word for it.
const REDACTED: &str = "REDACTED";

/// Returns a target as `/path?name=value&..`, where only the values of the names that are shown are as they came.
/// A name of `*` shows all.
pub fn redact(target: &str, shown: &[String]) -> String {
    let target = target.split('#').next().unwrap_or(target);
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let mut text = format!("{path}?");
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            text.push('&');
        }
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && !shows(shown, name) => {
                text.extend([name, "=", REDACTED]);
            }
            // A lone word may be a value as well as a name.
            None if !pair.is_empty() && !shows(shown, pair) => text.push_str(REDACTED),
            _ => text.push_str(pair),
        }
    }
    text
}

fn shows(shown: &[String], name: &str) -> bool {
    shown.iter().any(|known| known == name || known == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_shown_shows() {
        for (target, shown, expected) in [
            ("/a", "", "/a"),
            ("/a?token=secret", "", "/a?token=REDACTED"),
            ("/a?limit=3&token=secret&flag=", "limit", "/a?limit=3&token=REDACTED&flag="),
            ("/a?limit=3&token=s=e=c#r", "*", "/a?limit=3&token=s=e=c"),
            ("/a?secret", "limit", "/a?REDACTED"),
            ("/a?prefix&x=1", "prefix", "/a?prefix&x=REDACTED"),
            ("/a?b=/c?d=e", "", "/a?b=REDACTED"),
            ("/a?", "", "/a?"),
        ] {
            assert_eq!(redact(target, &[shown.to_owned()]), expected);
        }
    }
}
