//! Pulls JSON values out of text in one pass; strings are borrowed unless they hold escapes.
//!
//! Takes what Zipkin's reader takes (gson's JsonReader in its default mode): strings for numbers and numbers for
//! strings, raw control characters in strings, but no comments, single quotes or trailing commas.

use std::borrow::Cow;

use crate::error::{Excerpt, Fault, Read};
use crate::json_path::path;

/// How deep a value that nobody asked for may be nested.
const SKIP_DEPTH_MAX: u32 = 64;

/// Reads JSON from the front to the back. A clone is a place to come back to.
#[derive(Clone)]
pub(crate) struct JsonReader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> JsonReader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Goes into an array.
    pub(crate) fn begin_array(&mut self) -> Read<()> {
        self.expect(b'[')
    }

    /// Goes into an object.
    pub(crate) fn begin_object(&mut self) -> Read<()> {
        self.expect(b'{')
    }

    /// Moves to the next element of an array, or past its end. `first` is true before the first element.
    #[inline]
    pub(crate) fn next_element(&mut self, first: &mut bool) -> Read<bool> {
        let byte = self.peek()?;
        match byte {
            b']' => self.at += 1,
            b',' if !*first => self.at += 1,
            _ if *first => {}
            _ => return Err(self.malformed()),
        }
        *first = false;
        Ok(byte != b']')
    }

    /// Moves to the value of the next member of an object and returns its key, or moves past the object's end.
    #[inline]
    pub(crate) fn next_key(&mut self, first: &mut bool) -> Read<Option<Cow<'a, str>>> {
        match self.peek()? {
            b'}' => {
                self.at += 1;
                *first = false;
                return Ok(None);
            }
            b',' if !*first => self.at += 1,
            _ if *first => {}
            _ => return Err(self.malformed()),
        }
        *first = false;
        if self.peek()? != b'"' {
            return Err(self.malformed());
        }
        let key = self.quoted()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Reads a string, or a number as its text.
    #[inline]
    pub(crate) fn string(&mut self) -> Read<Cow<'a, str>> {
        match self.peek()? {
            b'"' => self.quoted(),
            b'-' | b'0'..=b'9' => self.number().map(Cow::Borrowed),
            _ => Err(self.unexpected("a string")),
        }
    }

    /// Reads a whole number, also from text, with a fraction of zero, or with an exponent.
    pub(crate) fn long(&mut self) -> Read<i64> {
        self.whole("a long")
    }

    /// Reads a whole number of 32 bits.
    pub(crate) fn int(&mut self) -> Read<i32> {
        let at = self.at;
        let value = self.whole("an int")?;
        i32::try_from(value).map_err(|_| {
            Fault::new(at, format!("Expected an int but was {value} at {}", self.place(self.at)))
        })
    }

    /// Reads a number of any size, also from text, also NaN and the infinities, which JSON has as text only.
    pub(crate) fn double(&mut self) -> Read<f64> {
        let text = match self.peek()? {
            b'"' => self.quoted()?,
            b'-' | b'0'..=b'9' => Cow::Borrowed(self.number()?),
            _ => return Err(self.unexpected("a double")),
        };
        text.parse().map_err(|_| self.bad(format!("Expected a double but was {}", Excerpt(&text))))
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Read<bool> {
        match self.peek()? {
            b't' => self.literal("true").map(|()| true),
            b'f' => self.literal("false").map(|()| false),
            _ => Err(self.unexpected("a boolean")),
        }
    }

    /// Moves past a `null`, if there is one.
    #[inline]
    pub(crate) fn null(&mut self) -> Read<bool> {
        let null = self.peek()? == b'n';
        if null {
            self.literal("null")?;
        }
        Ok(null)
    }

    /// Says whether a string comes next.
    pub(crate) fn at_string(&mut self) -> Read<bool> {
        Ok(self.peek()? == b'"')
    }

    /// Says whether `true` or `false` comes next.
    pub(crate) fn at_boolean(&mut self) -> Read<bool> {
        Ok(matches!(self.peek()?, b't' | b'f'))
    }

    /// Moves past a value of any shape. Keeps one bit for each open bracket, so no input can exhaust the stack.
    pub(crate) fn skip(&mut self) -> Read<()> {
        let (mut objects, mut depth) = (0u64, 0u32);
        let mut first = false;
        loop {
            match self.peek()? {
                bracket @ (b'{' | b'[') => {
                    if depth == SKIP_DEPTH_MAX {
                        return Err(self.deep(SKIP_DEPTH_MAX));
                    }
                    self.at += 1;
                    depth += 1;
                    objects = objects << 1 | u64::from(bracket == b'{');
                    first = true;
                }
                b'"' => drop(self.quoted()?),
                b't' | b'f' => drop(self.boolean()?),
                b'n' => self.literal("null")?,
                _ => drop(self.number()?),
            }
            // After a value, or just inside a bracket: close what ends here, then go on to the next value.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let more = match objects & 1 {
                    1 => self.next_key(&mut first)?.is_some(),
                    _ => self.next_element(&mut first)?,
                };
                if more {
                    break;
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    /// Returns how many bytes have been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns a fault at the place reached so far; the message needs no place of its own.
    pub(crate) fn wrong(&self, what: impl Into<String>) -> Box<Fault> {
        Fault::new(self.at, what)
    }

    /// Returns a fault whose message says the line, column and path reached so far.
    #[cold]
    pub(crate) fn bad(&self, what: impl AsRef<str>) -> Box<Fault> {
        Fault::new(self.at, format!("{} at {}", what.as_ref(), self.place(self.at)))
    }

    /// Returns a fault of the object or value that was just read; its message says the path only.
    #[cold]
    pub(crate) fn bad_inside(&self, what: &str) -> Box<Fault> {
        let inside = self.text.get(..self.at.saturating_sub(1)).unwrap_or_default();
        Fault::new(self.at, format!("{what} at {}", Excerpt(&path(inside))))
    }

    /// Returns the fault of a value that is nested deeper than this.
    #[cold]
    pub(crate) fn deep(&self, depth_max: u32) -> Box<Fault> {
        Fault::deep(self.at, format!("Nested deeper than {depth_max} at {}", self.place(self.at)))
    }

    /// Returns line, column and path as gson has them; the column can be past the token that the path leads to.
    #[cold]
    fn place(&self, column_at: usize) -> String {
        let before = self.text.get(..column_at).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        let path = path(self.text.get(..self.at).unwrap_or_default());
        format!("line {line} column {column} path {}", Excerpt(&path))
    }

    /// Zipkin says no more of what is no JSON, or an object or an array in the wrong place.
    #[cold]
    fn malformed(&self) -> Box<Fault> {
        Fault::new(self.at, "Malformed")
    }

    #[cold]
    fn unexpected(&self, expected: &str) -> Box<Fault> {
        const STRUCTURE: &str = "unexpected-json-structure";
        let (found, bytes, chapter) = match self.text.as_bytes().get(self.at) {
            Some(b'{') => ("BEGIN_OBJECT", 1, STRUCTURE),
            Some(b'[') => ("BEGIN_ARRAY", 1, STRUCTURE),
            Some(b'"') => ("STRING", 1, STRUCTURE),
            Some(b'n') => ("NULL", 4, "adapter-not-null-safe"),
            Some(b't') => ("BOOLEAN", 4, STRUCTURE),
            Some(b'f') => ("BOOLEAN", 5, STRUCTURE),
            Some(b'-' | b'0'..=b'9') => ("NUMBER", 0, STRUCTURE),
            _ => return self.malformed(),
        };
        let place = self.place(self.at + bytes);
        let guide = "https://github.com/google/gson/blob/main/Troubleshooting.md";
        Fault::new(self.at, format!("Expected {expected} but was {found} at {place}\nSee {guide}#{chapter}"))
    }

    /// Moves past white space and returns the byte there.
    #[inline]
    fn peek(&mut self) -> Read<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(self.bad("End of input")),
            }
        }
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Read<()> {
        if self.peek()? != wanted {
            return Err(self.malformed());
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Read<()> {
        match self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            true => self.at += word.len(),
            false => return Err(self.malformed()),
        }
        Ok(())
    }

    fn whole(&mut self, expected: &str) -> Read<i64> {
        let first = self.peek()?;
        if let Some(value) = self.plain_digits() {
            return Ok(value);
        }
        let text = match first {
            b'"' => self.quoted()?,
            b'-' | b'0'..=b'9' => Cow::Borrowed(self.number()?),
            _ => return Err(self.unexpected(expected)),
        };
        if let Ok(value) = text.parse() {
            return Ok(value);
        }
        // As gson does: 4.2e1 and 123.0 are whole, 1.5 and 10^20 are not.
        let Ok(value) = text.trim_ascii().parse::<f64>() else {
            return Err(self.wrong(format!("For input string: \"{}\"", Excerpt(&text))));
        };
        let whole = value as i64;
        if whole as f64 == value {
            return Ok(whole);
        }
        Err(self.bad(format!("Expected {expected} but was {}", Excerpt(&text))))
    }

    /// Reads what nearly every number is: up to 18 digits and nothing else. Moves nowhere when it is more than that.
    fn plain_digits(&mut self) -> Option<i64> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let mut value = 0;
        for (length, byte) in rest.iter().enumerate().take(19) {
            match byte {
                b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
                b',' | b'}' | b']' if length > 0 && (length == 1 || rest.first() != Some(&b'0')) => {
                    self.at += length;
                    return Some(value);
                }
                _ => return None,
            }
        }
        None
    }

    /// Reads a number and returns its text.
    fn number(&mut self) -> Read<&'a str> {
        let start = self.at;
        let mut scan = Digits { bytes: self.text.as_bytes(), at: start };
        scan.eat(b'-');
        // No zero before another digit: 0123 is no number.
        let mut valid = scan.eat(b'0') || scan.digits();
        if scan.eat(b'.') {
            valid &= scan.digits();
        }
        if scan.eat(b'e') || scan.eat(b'E') {
            let _ = scan.eat(b'+') || scan.eat(b'-');
            valid &= scan.digits();
        }
        if !valid {
            return Err(self.malformed());
        }
        self.at = scan.at;
        self.text.get(start..scan.at).ok_or_else(|| self.malformed())
    }

    /// Reads a string; the place is at its opening quote. Inlined by force: a tenth of the time of a list.
    #[inline(always)]
    fn quoted(&mut self) -> Read<Cow<'a, str>> {
        let start = self.at + 1;
        let end = self.quote_or_backslash(start)?;
        match self.text.as_bytes().get(end) {
            Some(b'"') => {
                self.at = end + 1;
                self.text.get(start..end).map(Cow::Borrowed).ok_or_else(|| self.malformed())
            }
            _ => self.escaped(start, end).map(Cow::Owned),
        }
    }

    /// Returns where the next quote or backslash is.
    #[inline(always)]
    fn quote_or_backslash(&mut self, start: usize) -> Read<usize> {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let (words, tail) = rest.as_chunks::<8>();
        let mut at = start;
        for word in words {
            let word = u64::from_le_bytes(*word);
            let found = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES);
            if found != 0 {
                return Ok(at + (found.trailing_zeros() / 8) as usize);
            }
            at += 8;
        }
        match tail.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            Some(offset) => Ok(at + offset),
            None => {
                self.at = self.text.len();
                Err(self.malformed())
            }
        }
    }

    /// Reads the rest of a string that has a backslash.
    #[cold]
    fn escaped(&mut self, start: usize, backslash: usize) -> Read<String> {
        let mut out = String::new();
        let (mut from, mut to) = (start, backslash);
        loop {
            out.push_str(self.text.get(from..to).unwrap_or_default());
            self.at = to + 1;
            if self.text.as_bytes().get(to) == Some(&b'"') {
                return Ok(out);
            }
            out.push(self.escape()?);
            from = self.at;
            to = self.quote_or_backslash(from)?;
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Read<char> {
        let Some(byte) = self.text.as_bytes().get(self.at) else {
            return Err(self.malformed());
        };
        self.at += 1;
        Ok(match byte {
            b'u' => return self.unicode(),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            // gson lets the single quote and the new line be escaped too.
            b'"' | b'\\' | b'/' | b'\'' | b'\n' => char::from(*byte),
            _ => return Err(self.malformed()),
        })
    }

    /// Reads what follows `\u`. Half a surrogate pair becomes U+FFFD.
    fn unicode(&mut self) -> Read<char> {
        let high = self.four_hex()?;
        let mut units = [high, 0];
        let mut used = 1;
        if (0xd800..0xdc00).contains(&high) {
            let after = self.at;
            if self.text.as_bytes().get(after..).is_some_and(|rest| rest.starts_with(b"\\u")) {
                self.at += 2;
                let low = self.four_hex()?;
                if (0xdc00..0xe000).contains(&low) {
                    units = [high, low];
                    used = 2;
                } else {
                    self.at = after;
                }
            }
        }
        let decoded = char::decode_utf16(units.into_iter().take(used)).next();
        Ok(decoded.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_hex(&mut self) -> Read<u16> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(value) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) else {
            return Err(self.malformed());
        };
        self.at += 4;
        Ok(value)
    }
}

const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);

/// Sets the top bit of each byte that is zero, exactly up to the first one, which is all that callers look at.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    word.wrapping_sub(ONES) & !word & TOPS
}

struct Digits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Digits<'_> {
    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    /// Moves past digits and says whether there was one.
    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at > start
    }
}
