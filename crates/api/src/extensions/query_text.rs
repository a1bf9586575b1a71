//! The small language of the parameter `query`: conditions on tags and annotations, joined by and, or, not.
//!
//! ```text
//! any       = all { "or" all }
//! all       = one { "and" one }
//! one       = "not" one | "(" any ")" | condition
//! condition = text                  an annotation with this value, or a tag with this key
//!           | key  "=" value        a tag with this value; nothing after "=": any value
//!           | key "^=" start        a tag whose value starts so
//!           | key "*=" part         a tag whose value holds this
//!           | key "~=" pattern      a tag whose value matches this regular expression somewhere
//! ```
//!
//! Texts are bare words, or in double quotes, where `\"` and `\\` stand for `"` and `\`. A bare key ends at an operator,
//! a bare value at white space or `)`; behind an operator and a space `and` and `or` are no value. Each condition may
//! be met by another span of the trace; `not` means that no span meets it.

use storage::condition::{Condition, Pattern};

/// Longest text that is read.
pub const BYTES_MAX: usize = 4096;
/// Most conditions in one text.
pub const CONDITIONS_MAX: usize = 64;
/// Deepest nesting of parentheses and `not`.
const DEPTH_MAX: usize = 16;
/// What joins conditions.
const JOINTS: [&str; 2] = ["and", "or"];

/// Why a text can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where, in bytes from the start.
    pub at: usize,
    /// What was found or missed there.
    pub text: String,
}

type Parsed<T> = Result<T, Unreadable>;

/// Reads a text: all of the conditions returned must hold.
pub fn parse(text: &str) -> Parsed<Vec<Condition>> {
    if text.len() > BYTES_MAX {
        return Err(Unreadable { at: BYTES_MAX, text: format!("longer than {BYTES_MAX} bytes") });
    }
    let mut reader = Reader { text, at: 0, conditions: 0 };
    reader.skip_space();
    if reader.rest().is_empty() {
        return Ok(Vec::new());
    }
    let found = reader.any(0)?;
    match reader.rest() {
        "" => Ok(found),
        rest if rest.starts_with(')') => Err(reader.error("a ) without its (")),
        _ => Err(reader.error("expected and, or, or the end; texts with spaces go into \"quotes\"")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    conditions: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, text: &str) -> Unreadable {
        Unreadable { at: self.at, text: text.to_owned() }
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Steps over a text and the space behind it, if it comes next.
    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
            self.skip_space();
        }
        found
    }

    /// Says whether a word of the language comes next: a whole one, so not the start of `order`, nor the key of `or=1`.
    fn is_at(&self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word).map(|rest| rest.chars().next());
        after.is_some_and(|next| next.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"')))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.is_at(word) && self.eat(word)
    }

    fn any(&mut self, depth: usize) -> Parsed<Vec<Condition>> {
        let first = self.all(depth)?;
        let mut others = Vec::new();
        while self.eat_word("or") {
            others.push(all_of(self.all(depth)?));
        }
        if others.is_empty() {
            return Ok(first);
        }
        others.insert(0, all_of(first));
        Ok(vec![Condition::Any(others)])
    }

    fn all(&mut self, depth: usize) -> Parsed<Vec<Condition>> {
        let mut found = self.one(depth)?;
        while self.eat_word("and") {
            found.extend(self.one(depth)?);
        }
        Ok(found)
    }

    fn one(&mut self, depth: usize) -> Parsed<Vec<Condition>> {
        if depth > DEPTH_MAX {
            return Err(self.error(&format!("nested deeper than {DEPTH_MAX}")));
        }
        if self.eat_word("not") {
            return Ok(vec![not(all_of(self.one(depth + 1)?))]);
        }
        if self.eat("(") {
            let found = self.any(depth + 1)?;
            return if self.eat(")") { Ok(found) } else { Err(self.error("expected )")) };
        }
        if let Some(word) = JOINTS.into_iter().find(|word| self.is_at(word)) {
            return Err(self.error(&format!("expected a condition before {word}")));
        }
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(self.error(&format!("more than {CONDITIONS_MAX} conditions")));
        }
        Ok(vec![self.condition()?])
    }

    fn condition(&mut self) -> Parsed<Condition> {
        const OPERATORS: [&str; 4] = ["^=", "*=", "~=", "="];
        let ends = |rest: &str| {
            rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
                || OPERATORS.iter().any(|operator| rest.starts_with(operator))
        };
        let key = self.text_until(ends)?;
        if key.is_empty() {
            return Err(self.error("expected a tag's key, or an annotation"));
        }
        self.skip_space();
        let Some(operator) = OPERATORS.into_iter().find(|operator| self.rest().starts_with(operator)) else {
            return Ok(Condition::Has(key));
        };
        self.at += operator.len();
        let behind = self.at;
        self.skip_space();
        let at = self.at;
        let value = match JOINTS.iter().any(|word| self.is_at(word)) && at > behind {
            true => String::new(),
            false => self.text_until(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == ')'))?,
        };
        self.skip_space();
        Ok(match operator {
            _ if value.is_empty() => Condition::Prefix(key, value),
            "^=" => Condition::Prefix(key, value),
            "*=" => Condition::Contains(key, value),
            "~=" => {
                let pattern = Pattern::new(&value);
                Condition::Regex(key, pattern.map_err(|error| Unreadable { at, text: error.to_string() })?)
            }
            _ => Condition::Tag(key, value),
        })
    }

    /// Reads a quoted text, or a bare one up to where it ends.
    fn text_until(&mut self, ends: impl Fn(&str) -> bool) -> Parsed<String> {
        let start = self.at;
        if !self.rest().starts_with('"') {
            while let Some(next) = self.rest().chars().next().filter(|_| !ends(self.rest())) {
                self.at += next.len_utf8();
            }
            return Ok(self.text.get(start..self.at).unwrap_or_default().to_owned());
        }
        let mut found = String::new();
        let mut inside = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = inside.next() {
            match c {
                '"' => {
                    self.at = start + offset + 1;
                    return Ok(found);
                }
                '\\' => found.extend(inside.next().map(|(_, escaped)| escaped)),
                _ => found.push(c),
            }
        }
        Err(self.error("a quote that does not end"))
    }
}

/// Returns one condition that says what all of these say.
fn all_of(mut conditions: Vec<Condition>) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => not(Condition::Any(conditions.into_iter().chain(last).map(not).collect())),
    }
}

fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Not(inner) => *inner,
        other => Condition::Not(Box::new(other)),
    }
}

#[cfg(test)]
mod tests;
