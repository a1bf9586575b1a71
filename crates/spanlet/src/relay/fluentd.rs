//! Reads a fluentd configuration of scribe and forward sources and scribe matches, and says it in our flags.
//!
//! What else is in it is named and refused: a relay that left out half of a configuration would lose spans.

use anyhow::{Result, bail, ensure};

/// A `<source>` or `<match>` with its settings.
#[derive(Debug, Default)]
struct Section<'a> {
    name: &'a str,
    pattern: &'a str,
    line: usize,
    settings: Vec<(usize, &'a str, &'a str)>,
}

/// Returns the flags that mean the same.
pub fn flags(text: &str) -> Result<Vec<String>> {
    let (mut flags, mut doors, mut destinations) = (Vec::new(), Vec::new(), 0);
    for section in sections(text)? {
        let (kind, line) = (section.kind()?, section.line);
        match (section.name, kind) {
            ("source", "scribe") => doors.push(("--scribe-listen", section.listen(9999)?)),
            ("source", "forward") => doors.push(("--forward-listen", section.listen(24224)?)),
            ("match", "scribe") => {
                ensure!(
                    matches!(section.pattern, "zipkin" | "zipkin.*" | "zipkin.**" | "**" | "*"),
                    "line {line}: <match {}> is not understood: only zipkin.** is passed on",
                    section.pattern
                );
                destinations += 1;
                flags.extend(section.scribe_destination()?);
            }
            (name, kind) => bail!(
                "line {line}: <{name}> of type {kind} is not understood: only sources of type scribe and forward, and matches of type scribe"
            ),
        }
    }
    ensure!(destinations > 0, "there is no <match zipkin.**> of type scribe");
    ensure!(
        destinations == 1,
        "there is more than one match: fluentd would use only the first; remove the others"
    );
    for flag in ["--scribe-listen", "--forward-listen"] {
        let mut same = doors.iter().filter(|(name, _)| *name == flag);
        match (same.next(), same.next()) {
            (Some((_, address)), None) => flags.extend([flag.to_owned(), address.clone()]),
            (None, _) => flags.extend([flag.to_owned(), "off".to_owned()]),
            _ => bail!("there is more than one source for {flag}"),
        }
    }
    Ok(flags)
}

fn sections(text: &str) -> Result<Vec<Section<'_>>> {
    let mut sections = Vec::new();
    let mut open: Option<Section<'_>> = None;
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(name) = content.strip_prefix("</").and_then(|rest| rest.strip_suffix('>')) {
            match open.take() {
                Some(section) if section.name == name => sections.push(section),
                _ => bail!("line {line}: </{name}> closes nothing"),
            }
        } else if let Some(head) = content.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            ensure!(open.is_none(), "line {line}: <{head}> within a section is not understood");
            let (name, pattern) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
            open = Some(Section { name, pattern: pattern.trim(), line, settings: Vec::new() });
        } else {
            let (key, value) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
            let Some(section) = &mut open else { bail!("line {line}: {key} is not understood") };
            section.settings.push((line, key, value.trim()));
        }
    }
    if let Some(section) = open {
        bail!("line {}: <{}> is not closed", section.line, section.name);
    }
    Ok(sections)
}

impl<'a> Section<'a> {
    fn kind(&self) -> Result<&'a str> {
        let kind = self.settings.iter().find(|(_, key, _)| matches!(*key, "type" | "@type"));
        let Some((_, _, kind)) = kind else { bail!("line {}: <{}> has no type", self.line, self.name) };
        Ok(kind)
    }

    fn listen(&self, port_default: u16) -> Result<String> {
        // Fluentd listens on all addresses; a relay beside an application need not.
        let (mut host, mut port) = ("127.0.0.1", port_default.to_string());
        for (line, key, value) in &self.settings {
            match *key {
                "type" | "@type" | "@id" => {}
                "bind" => host = value,
                "port" => port = (*value).to_owned(),
                other => bail!("line {line}: {other} is not understood"),
            }
        }
        Ok(format!("{host}:{port}"))
    }

    fn scribe_destination(&self) -> Result<Vec<String>> {
        let (mut host, mut port, mut flags) = ("localhost", "1463", Vec::new());
        for (line, key, value) in &self.settings {
            let flag = match *key {
                "type" | "@type" | "@id" => continue,
                "host" => {
                    host = value;
                    continue;
                }
                "port" => {
                    port = value;
                    continue;
                }
                "flush_interval" => "--flush-interval",
                "buffer_chunk_limit" | "chunk_limit_size" => "--chunk-limit",
                "total_limit_size" => "--disk-limit",
                "retry_wait" => "--retry-wait",
                "max_retry_wait" | "retry_max_interval" => "--retry-max-wait",
                "retry_timeout" => "--retry-max-age",
                "timeout" => "--timeout",
                other => bail!("line {line}: {other} is not understood"),
            };
            flags.extend([flag.to_owned(), (*value).to_owned()]);
        }
        flags.splice(0..0, ["--to".to_owned(), format!("scribe://{host}:{port}")]);
        Ok(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of eventlet.zipkin's README.
    const SAMPLE: &str = "# in_scribe\n<source>\n  type scribe\n  port 9999\n</source>\n\n# out_scribe\n<match zipkin.**>\n  \
        type scribe\n  host Zipkin_collector_IP\n  port 9410\n  flush_interval 60s\n  buffer_chunk_limit 256m\n</match>\n";

    #[test]
    fn the_readmes_configuration_is_understood() {
        let flags = flags(SAMPLE).unwrap().join(" ");
        assert_eq!(
            flags,
            "--to scribe://Zipkin_collector_IP:9410 --flush-interval 60s --chunk-limit 256m --scribe-listen 127.0.0.1:9999 \
             --forward-listen off"
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, named) in [
            ("<source>\ntype tail\n</source>", "line 1: <source> of type tail"),
            ("<source>\ntype scribe\nadd_prefix x\n</source>", "line 3: add_prefix"),
            ("<match app.**>\ntype scribe\n</match>", "line 1: <match app.**>"),
            ("<match zipkin.**>\ntype scribe\n<buffer>\n</buffer>\n</match>", "line 3: <buffer>"),
            ("<source>\ntype scribe\n", "line 1: <source> is not closed"),
            ("@include x", "line 1: @include"),
            ("<source>\ntype scribe\n</source>", "no <match zipkin.**>"),
        ] {
            let error = flags(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
