//! Who may do what: bearer tokens, passwords and client certificates grant scopes.

pub mod layer;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// What a request needs and a credential grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Sending spans.
    Ingest,
    /// Asking: the query API and the web page.
    Query,
    /// Figures and build information.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Query, Self::Admin];

    /// Returns its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Query => "query",
            Self::Admin => "admin",
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(0b111);

    /// Returns the set of these.
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |set, scope| set | 1 << *scope as u8))
    }

    /// Says whether a scope is in the set.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Returns those that are in this set and not in the other.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the names of those that are in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope)).map(Scope::name)
    }
}

/// A token or password and what it grants. It holds a digest only, so nothing can print the secret.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Says in `spanlet config` who it is for.
    pub name: String,
    digest: [u8; 32],
    /// What it grants.
    pub scopes: Scopes,
}

impl Credential {
    /// Returns a bearer token.
    pub fn bearer(name: &str, token: &str, scopes: &[Scope]) -> Self {
        Self { name: name.into(), digest: digest("bearer", token.as_bytes()), scopes: Scopes::of(scopes) }
    }

    /// Returns a user with a password.
    pub fn basic(user: &str, password: &str, scopes: &[Scope]) -> Self {
        let pair = format!("{user}:{password}");
        Self { name: user.into(), digest: digest("basic", pair.as_bytes()), scopes: Scopes::of(scopes) }
    }
}

/// Who may do what. Without any way to get in, everybody may do everything.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Tokens and passwords.
    pub credentials: Vec<Credential>,
    /// What a client certificate grants; nothing if no authority for them was named.
    pub certificate: Option<Scopes>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Granted,
    /// Nobody knows who asks.
    Unknown,
    /// Whoever asks may not ask this.
    Forbidden,
}

impl Access {
    /// Says whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.credentials.is_empty() && self.certificate.is_none()
    }

    /// Judges a request by its `Authorization` header and whether it came with a client certificate.
    pub fn judge(&self, scope: Scope, authorization: Option<&[u8]>, certificate: bool) -> Verdict {
        if self.is_open() {
            return Verdict::Granted;
        }
        let by_certificate = self.certificate.filter(|_| certificate);
        let by_secret = authorization.and_then(presented).and_then(|digest| self.find(&digest));
        match (by_certificate, by_secret) {
            (None, None) => Verdict::Unknown,
            (one, other) if [one, other].into_iter().flatten().any(|scopes| scopes.contains(scope)) => {
                Verdict::Granted
            }
            _ => Verdict::Forbidden,
        }
    }

    /// Looks at every credential in full, so that the time it takes says nothing about any of them.
    fn find(&self, digest: &[u8; 32]) -> Option<Scopes> {
        let (mut known, mut scopes) = (Choice::from(0), 0);
        for credential in &self.credentials {
            let same = credential.digest.ct_eq(digest);
            known |= same;
            scopes = u8::conditional_select(&scopes, &(scopes | credential.scopes.0), same);
        }
        bool::from(known).then_some(Scopes(scopes))
    }
}

/// Returns the digest of what an `Authorization` header presents (RFC 6750, RFC 7617).
fn presented(authorization: &[u8]) -> Option<[u8; 32]> {
    let space = authorization.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = authorization.split_at(space);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        Some(digest("bearer", rest))
    } else if scheme.eq_ignore_ascii_case(b"basic") {
        let pair = base64_simd::STANDARD.decode_to_vec(rest).ok()?;
        Some(digest("basic", &pair))
    } else {
        None
    }
}

fn digest(scheme: &str, secret: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(scheme).chain_update([0]).chain_update(secret).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let credentials = vec![
            Credential::bearer("senders", "s3cret", &[Scope::Ingest]),
            Credential::basic("ann", "pass:word", &[Scope::Query, Scope::Admin]),
        ];
        Access { credentials, certificate: None }
    }

    #[test]
    fn open_to_all_without_credentials() {
        assert_eq!(Access::default().judge(Scope::Admin, None, false), Verdict::Granted);
    }

    #[test]
    fn secrets_grant_their_scopes_only() {
        let basic = |pair: &str| format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair));
        for (scope, authorization, verdict) in [
            (Scope::Ingest, "Bearer s3cret".to_owned(), Verdict::Granted),
            (Scope::Ingest, "bearer  s3cret ".to_owned(), Verdict::Granted),
            (Scope::Query, "Bearer s3cret".to_owned(), Verdict::Forbidden),
            (Scope::Query, basic("ann:pass:word"), Verdict::Granted),
            (Scope::Admin, basic("ann:pass:word"), Verdict::Granted),
            (Scope::Ingest, basic("ann:pass:word"), Verdict::Forbidden),
            (Scope::Query, basic("ann:pass"), Verdict::Unknown),
            (Scope::Query, "Bearer ann:pass:word".to_owned(), Verdict::Unknown),
            (Scope::Ingest, "Bearer S3cret".to_owned(), Verdict::Unknown),
            (Scope::Ingest, "Bearer ".to_owned(), Verdict::Unknown),
            (Scope::Ingest, "s3cret".to_owned(), Verdict::Unknown),
            (Scope::Query, "Basic ???".to_owned(), Verdict::Unknown),
            (Scope::Query, "Digest s3cret".to_owned(), Verdict::Unknown),
        ] {
            let said = access().judge(scope, Some(authorization.as_bytes()), false);
            assert_eq!(said, verdict, "{scope:?} {authorization}");
        }
        assert_eq!(access().judge(Scope::Ingest, None, false), Verdict::Unknown);
    }

    #[test]
    fn a_certificate_counts_only_where_an_authority_was_named() {
        assert_eq!(access().judge(Scope::Ingest, None, true), Verdict::Unknown);
        let with = Access { certificate: Some(Scopes::of(&[Scope::Ingest])), ..access() };
        assert_eq!(with.judge(Scope::Ingest, None, true), Verdict::Granted);
        assert_eq!(with.judge(Scope::Query, None, true), Verdict::Forbidden);
        assert_eq!(with.judge(Scope::Ingest, None, false), Verdict::Unknown);
        let only = Access { credentials: Vec::new(), ..with };
        assert_eq!(only.judge(Scope::Ingest, None, false), Verdict::Unknown);
    }

    #[test]
    fn nothing_prints_a_secret() {
        assert!(!format!("{:?}", access()).contains("s3cret"));
    }
}
