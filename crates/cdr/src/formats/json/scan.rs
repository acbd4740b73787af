//! One JSON text (RFC 8259), member by member, in place.
//! Relies on the text being UTF-8, which the caller has checked.
//! Never recurses: how deep a value may be nested that nobody uses is counted, and bounded.

use std::borrow::Cow;

/// Deepest nesting.
const DEPTH_MAX: usize = 64;

/// Why a text does not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    /// It ends before it is complete.
    Cut,
    /// What stands here.
    Here,
}

/// What a scalar is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    Truth,
}

/// Characters of a text between its quotes, as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The characters that are meant.
    #[inline]
    pub(super) fn bytes(self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut out = Vec::with_capacity(self.raw.len());
        self.append_to(&mut out);
        Cow::Owned(out)
    }

    /// Appends the characters that are meant; never more octets than are written.
    #[inline]
    pub(super) fn append_to(self, out: &mut Vec<u8>) {
        if self.escaped {
            unescape(self.raw, out);
        } else {
            out.extend_from_slice(self.raw);
        }
    }
}

/// One value.
pub(super) enum Value<'a> {
    Null,
    Scalar(Kind, Text<'a>),
    /// An object or an array.
    Nested,
}

/// Where a scan stands.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) const fn place(&self) -> usize {
        self.at
    }

    /// What was read since a place, without the space before it.
    pub(super) fn since(&self, from: usize) -> &'a [u8] {
        self.text.get(from..self.at).unwrap_or_default().trim_ascii_start()
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next octet that is no space.
    #[inline]
    fn peek(&mut self) -> Result<u8, Wrong> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(octet) => return Ok(*octet),
                None => return Err(Wrong::Cut),
            }
        }
    }

    #[inline]
    fn want(&mut self, octet: u8) -> Result<(), Wrong> {
        if self.peek()? != octet {
            return Err(Wrong::Here);
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn is_object(&mut self) -> bool {
        self.peek() == Ok(b'{')
    }

    pub(super) fn open_object(&mut self) -> Result<(), Wrong> {
        self.want(b'{')
    }

    /// Behind an opening brace: false, with the object read, when it is empty.
    pub(super) fn first_member(&mut self) -> Result<bool, Wrong> {
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Behind a member: false, with the object read, when it was the last.
    #[inline]
    pub(super) fn next_member(&mut self) -> Result<bool, Wrong> {
        let more = match self.peek()? {
            b',' => true,
            b'}' => false,
            _ => return Err(Wrong::Here),
        };
        self.at += 1;
        Ok(more)
    }

    /// A member's name, with the colon behind it.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Text<'a>, Wrong> {
        if self.peek()? != b'"' {
            return Err(Wrong::Here);
        }
        let name = self.string()?;
        self.want(b':')?;
        Ok(name)
    }

    /// Nothing may follow but space.
    pub(super) fn end(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(Wrong::Here),
        }
    }

    /// The next value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Value<'a>, Wrong> {
        let first = self.peek()?;
        let start = self.at;
        let kind = match first {
            b'"' => return Ok(Value::Scalar(Kind::Text, self.string()?)),
            b'{' | b'[' => {
                self.skip_value()?;
                return Ok(Value::Nested);
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
                Kind::Number
            }
            b't' => {
                self.word(b"true")?;
                Kind::Truth
            }
            b'f' => {
                self.word(b"false")?;
                Kind::Truth
            }
            b'n' => {
                self.word(b"null")?;
                return Ok(Value::Null);
            }
            _ => return Err(Wrong::Here),
        };
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Ok(Value::Scalar(kind, Text { raw, escaped: false }))
    }

    /// Passes over a value, whatever it is.
    pub(super) fn skip_value(&mut self) -> Result<(), Wrong> {
        // A bit for each open bracket: 1 is an object.
        let mut open = 0u64;
        let mut depth = 0;
        loop {
            let first = self.peek()?;
            if matches!(first, b'{' | b'[') {
                if depth == DEPTH_MAX {
                    return Err(Wrong::Here);
                }
                self.at += 1;
                let object = first == b'{';
                if self.peek()? == (if object { b'}' } else { b']' }) {
                    self.at += 1;
                } else {
                    (open, depth) = (open << 1 | u64::from(object), depth + 1);
                    if object {
                        self.name()?;
                    }
                    continue;
                }
            } else {
                self.value()?;
            }
            // Behind a value: close what ends here, or go on with the next one.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = open & 1 == 1;
                let next = self.peek()?;
                if next == b',' {
                    self.at += 1;
                    if object {
                        self.name()?;
                    }
                    break;
                }
                if next != (if object { b'}' } else { b']' }) {
                    return Err(Wrong::Here);
                }
                self.at += 1;
                (open, depth) = (open >> 1, depth - 1);
            }
        }
    }

    #[inline]
    fn string(&mut self) -> Result<Text<'a>, Wrong> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += self.escape(at)?;
                }
                Some(0..=0x1F) => {
                    self.at = at;
                    return Err(Wrong::Here);
                }
                Some(_) => at += 1,
                None => return Err(Wrong::Cut),
            }
        }
        self.at = at + 1;
        Ok(Text { raw: self.text.get(start..at).unwrap_or_default(), escaped })
    }

    /// Octets of the escape at `at`. Halves of a pair must be together.
    fn escape(&mut self, at: usize) -> Result<usize, Wrong> {
        let rest = self.text.get(at..).unwrap_or_default();
        let len = match rest.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.len() < 6 => return Err(Wrong::Cut),
            Some(b'u') => match unit(rest) {
                Some(0xD800..=0xDBFF) if rest.len() < 12 => return Err(Wrong::Cut),
                Some(0xD800..=0xDBFF) => match rest.get(6..).and_then(unit) {
                    Some(0xDC00..=0xDFFF) => 12,
                    _ => 0,
                },
                Some(0xDC00..=0xDFFF) | None => 0,
                Some(_) => 6,
            },
            Some(_) => 0,
            None => return Err(Wrong::Cut),
        };
        if len == 0 {
            self.at = at;
            return Err(Wrong::Here);
        }
        Ok(len)
    }

    fn digits(&mut self) -> Result<(), Wrong> {
        let digits = self.rest().iter().take_while(|octet| octet.is_ascii_digit()).count();
        if digits == 0 {
            return Err(if self.rest().is_empty() { Wrong::Cut } else { Wrong::Here });
        }
        self.at += digits;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Wrong> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Wrong> {
        let rest = self.rest();
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(if word.starts_with(rest) { Wrong::Cut } else { Wrong::Here })
    }

    /// Every member by its path, objects opened, arrays as written.
    pub(super) fn flatten(&mut self, out: &mut Vec<(String, Vec<u8>)>) -> Result<(), Wrong> {
        let mut above: Vec<String> = Vec::new();
        self.open_object()?;
        let mut more = self.first_member()?;
        loop {
            while !more {
                if above.pop().is_none() {
                    return self.end();
                }
                more = self.next_member()?;
            }
            let name = self.name()?;
            let name = String::from_utf8_lossy(&name.bytes()).into_owned();
            let path = above.last().map_or_else(|| name.clone(), |path| format!("{path}.{name}"));
            if self.is_object() && above.len() < DEPTH_MAX {
                self.open_object()?;
                above.push(path);
                more = self.first_member()?;
                continue;
            }
            self.peek()?;
            let from = self.at;
            let mut text = Vec::new();
            match self.value()? {
                Value::Null => {}
                Value::Nested => text.extend_from_slice(self.since(from)),
                Value::Scalar(_, value) => value.append_to(&mut text),
            }
            out.push((path, text));
            more = self.next_member()?;
        }
    }
}

/// The four hex digits of an escape that begins with `\u`.
fn unit(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// Appends a text whose escapes were checked.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let (meant, len) = match escape.get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unicode(escape),
            Some(octet) => (char::from(*octet), 2),
            None => (char::REPLACEMENT_CHARACTER, 1),
        };
        out.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// The character of one `\u` escape, or of a pair, and its octets.
fn unicode(escape: &[u8]) -> (char, usize) {
    let high = unit(escape).unwrap_or_default();
    let (code, len) = match escape.get(6..).and_then(unit) {
        Some(low) if (0xD800..0xDC00).contains(&high) => {
            (0x1_0000 + ((high - 0xD800) << 10) + low.wrapping_sub(0xDC00) % 0x400, 12)
        }
        _ => (high, 6),
    };
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), len)
}

#[cfg(test)]
mod tests;
