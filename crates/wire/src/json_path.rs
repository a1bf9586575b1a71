//! Says where in a text a reader of JSON stopped, as Zipkin's reader (gson) does: `$[0].tags.http.path`.

/// One step of a path.
enum Step<'a> {
    Element(usize),
    Member(&'a str),
}

/// Returns the path that leads to the end of this text, the part of some JSON that has been read.
///
/// Faults are rare, so that readers keep no path: it is found again when it is asked for.
pub(crate) fn path(read: &str) -> String {
    let mut steps = Vec::new();
    let (mut at, mut key_next) = (0, false);
    while let Some(byte) = read.as_bytes().get(at) {
        let mut end = at + 1;
        match byte {
            b'[' => steps.push(Step::Element(0)),
            b'{' => {
                steps.push(Step::Member(""));
                key_next = true;
            }
            b']' | b'}' => {
                steps.pop();
                value_read(&mut steps);
            }
            b',' => key_next = matches!(steps.last(), Some(Step::Member(_))),
            b':' => key_next = false,
            b'"' => {
                let Some(quote) = closing_quote(read, end) else { break };
                match steps.last_mut() {
                    Some(Step::Member(key)) if key_next => *key = read.get(end..quote).unwrap_or_default(),
                    _ => value_read(&mut steps),
                }
                end = quote + 1;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => {
                let word = read.as_bytes().get(at..).unwrap_or_default();
                end = at + word.iter().take_while(|byte| !b",]} \n\r\t".contains(byte)).count().max(1);
                value_read(&mut steps);
            }
        }
        at = end;
    }
    let mut path = String::from("$");
    for step in steps {
        match step {
            Step::Element(index) => path.push_str(&format!("[{index}]")),
            Step::Member(key) => path.extend([".", key]),
        }
    }
    path
}

/// In an array the next one counts from here on.
fn value_read(steps: &mut [Step<'_>]) {
    if let Some(Step::Element(index)) = steps.last_mut() {
        *index += 1;
    }
}

fn closing_quote(text: &str, mut at: usize) -> Option<usize> {
    loop {
        match text.as_bytes().get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_to_the_end() {
        for (read, wanted) in [
            ("", "$"),
            ("[", "$[0]"),
            ("[{", "$[0]."),
            (r#"[{"a":"1","b""#, "$[0].b"),
            (r#"[{"a":"1","b":null"#, "$[0].b"),
            (r#"[{"a":"1"}"#, "$[1]"),
            (r#"[{"a":"1"} , {"x]\"}": 1.5, "t":{"k.l":"#, "$[1].t.k.l"),
            (r#"[{"t":[1, "2" , true,{}, [], "#, "$[0].t[5]"),
            (r#"[{"t":[1,2]"#, "$[0].t"),
            (r#"[{"cut"#, "$[0]."),
        ] {
            assert_eq!(path(read), wanted, "{read}");
        }
    }
}
