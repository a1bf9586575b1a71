//! The reference page of all settings, made of the table.

use std::fmt::Write;

use super::table::TABLE;

const HEAD: &str = "# Settings

A flag wins over an environment variable, that over the settings file (TOML, named by `--config` or
`SPANLET_CONFIG`), that over the default. A setting has one name: `http_listen` in the file, `--http-listen` as a
flag, `SPANLET_HTTP_LISTEN` as a variable; where Zipkin has a variable, that is understood too. An empty variable counts
as not set. An unknown key, a misspelt `SPANLET_` variable, or a value that can't be stops the start.

`spanlet config` with the same flags, variables and file prints what holds and where it comes from.

Who has access may also be said by entries in the settings file, or in a file of their own (`access_file`):

```toml
[[access]]
name = \"checkout\"                # for you
token = \"...\"                    # sent as `Authorization: Bearer ...`
scopes = [\"ingest\"]

[[access]]
user = \"ann\"                     # a browser asks for user and password
password = \"...\"
scopes = [\"query\", \"admin\"]
```

As soon as there is one token, password or client authority, only `/health` is answered to those who have none. Scribe
knows no credentials: switch it off (`collector_scribe_enabled = false`), keep it on this machine, or give
`tls_client_ca`.

This page is printed by `spanlet config --reference`.
";

/// Returns the page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut section = "";
    for setting in TABLE {
        if setting.section != section {
            section = setting.section;
            let _ = write!(
                page,
                "\n## {section}\n\n| setting | default | further variables | meaning |\n| --- | --- | --- | --- |\n"
            );
        }
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let variables =
            setting.variables.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let secret = if setting.secret { " A secret: there is no flag." } else { "" };
        let word = setting.word.replace('|', " or ");
        let _ = writeln!(
            page,
            "| `{}` {word} | {default} | {variables} | {}{secret} |",
            setting.name,
            setting.help()
        );
    }
    page
}
