//! Brings the target of a request into the one form that routes know, or refuses it.

use std::borrow::Cow;

use axum::http::Uri;

/// Reads `//` as `/` and `%61` as `a`, or returns nothing for a target that Zipkin's server does not take either: one
/// with `%` that stands for nothing, or with a path that climbs by `..`.
pub fn normal(uri: &Uri) -> Option<Cow<'_, Uri>> {
    if !is_encoded_well(uri.path()) || !uri.query().is_none_or(is_encoded_well) {
        return None;
    }
    let path = normal_path(uri.path());
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    if path == uri.path() {
        return Some(Cow::Borrowed(uri));
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{path}{query}").parse().ok().map(Cow::Owned)
}

fn is_encoded_well(text: &str) -> bool {
    let mut parts = text.split('%').skip(1);
    parts.all(|part| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

fn normal_path(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(next) = rest.chars().next() {
        let (next, length) = match next {
            '%' => unreserved(rest).map_or((next, 1), |decoded| (decoded, 3)),
            other => (other, other.len_utf8()),
        };
        if !(next == '/' && normal.ends_with('/')) {
            normal.push(next);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Cow::Owned(normal)
}

/// Returns the character that an escape at the start stands for, if it need not have been escaped (RFC 3986, 2.3).
fn unreserved(escape: &str) -> Option<char> {
    let byte = u8::from_str_radix(escape.get(1..3)?, 16).ok()?;
    (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)).then_some(char::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_target_has_at_most_one_normal_form(text in "/[a./%1-3 ]{0,20}(\\?[a%1./]{0,9})?") {
            if let Ok(uri) = text.parse::<Uri>()
                && let Some(once) = normal(&uri)
            {
                prop_assert!(!once.path().contains("//"));
                prop_assert_eq!(normal(&once).map(Cow::into_owned), Some(once.clone().into_owned()));
            }
        }
    }

    #[test]
    fn targets() {
        for (target, expected) in [
            ("/api/v2/traces?a=%2f//..", Some("/api/v2/traces?a=%2f//..")),
            ("//api///v2/x?y", Some("/api/v2/x?y")),
            ("/%61pi/v2/tr%61ce/%20a%2Fb%C3%A9", Some("/api/v2/trace/%20a%2Fb%C3%A9")),
            ("/a..b/...", Some("/a..b/...")),
            ("/a%zz", None),
            ("/a%2", None),
            ("/a?b=%", None),
            ("/zipkin/../health", None),
            ("/zipkin/%2e%2E/health", None),
        ] {
            let uri = target.parse().unwrap();
            assert_eq!(normal(&uri).map(|uri| uri.to_string()).as_deref(), expected, "{target}");
        }
    }
}
