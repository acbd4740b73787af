//! Turns a Rust file into a view for text checks: code without comments and strings, and which lines are tests.
//! Relies on the file being Rust that compiles and is formatted.
//! Never parses further than that: a check that needs types belongs to the compiler.

use std::ops::Range;

/// A Rust source file.
pub struct Source {
    /// Path from the root, with `/`.
    pub path: String,
    /// The lines as written.
    pub lines: Vec<String>,
    /// The code alone: every character of a comment, a string or a character literal is a space. Same lines.
    pub code: String,
    /// Bytes of `code` that are compiled only for tests.
    tests: Vec<Range<usize>>,
    /// Byte of `code` where each line starts.
    starts: Vec<usize>,
}

impl Source {
    /// Reads the text of one file.
    pub fn read(path: &str, text: &str) -> Self {
        let code = blank(text);
        let tests =
            if is_test_file(path) { std::iter::once(0..code.len()).collect() } else { test_items(&code) };
        let newlines = code.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        let lines = text.lines().map(str::to_owned).collect();
        Self { path: path.to_owned(), lines, code, tests, starts }
    }

    /// Takes the whole file as tests: it is a module that is declared under `#[cfg(test)]`.
    pub fn mark_as_tests(&mut self) {
        self.tests = std::iter::once(0..self.code.len()).collect();
    }

    /// Where the modules lie that this file declares for tests only: paths without `.rs`, each a file or a folder.
    pub fn test_modules(&self) -> Vec<String> {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let folder = if matches!(name, "lib" | "main" | "mod") { folder } else { stem };
        let items = self.tests.iter().filter_map(|range| self.code.get(range.clone()));
        let names = items.filter_map(|item| item.strip_suffix(';')?.rsplit_once("mod "));
        names.map(|(_, name)| format!("{folder}/{}", name.trim())).collect()
    }

    /// The crate's folder name, or `benches`.
    pub fn crate_name(&self) -> &str {
        let path = self.path.strip_prefix("crates/").unwrap_or(&self.path);
        path.split('/').next().unwrap_or_default()
    }

    /// Lines of code outside tests, numbered from 1.
    pub fn shipped_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.lines().zip(&self.starts).enumerate();
        lines.filter(|(_, (_, start))| !self.is_test(**start)).map(|(index, (line, _))| (index + 1, line))
    }

    /// Whether the byte of `code` is compiled only for tests.
    pub fn is_test(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }

    /// The line, from 1, of a byte of `code`.
    pub fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }
}

/// Integration tests, and examples, which are programs for developers; a module among the sources is told by its
/// declaration, see [`Source::test_modules`].
fn is_test_file(path: &str) -> bool {
    matches!(
        path.split('/').collect::<Vec<_>>().as_slice(),
        ["crates", _, "tests" | "examples", ..] | ["benches", "tests", ..]
    )
}

/// Items under `#[cfg(test)]`.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]").chain(code.match_indices("#[cfg(all(test,"));
    marks.map(|(at, _)| at..end_of_item(code, at)).collect()
}

/// The byte after the item that starts at or after `from`: its closing brace, or its semicolon.
pub fn end_of_item(code: &str, from: usize) -> usize {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' => braces += 1,
            b'}' if braces <= 1 => return offset + 1,
            b'}' => braces -= 1,
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if braces == 0 && brackets == 0 => return offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// Where the reader stands while comments and literals are blanked.
#[derive(Clone, Copy)]
enum Inside {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

/// The same text with every comment, string and character literal blanked; line breaks stay.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut inside = Inside::Code;
    while code.len() < bytes.len() {
        let (length, next) = token(bytes, code.len(), inside);
        let was_code = matches!((inside, next), (Inside::Code, Inside::Code)) && length == 1;
        for byte in &bytes[code.len()..(code.len() + length).min(bytes.len())] {
            let keep = *byte == b'\n' || (was_code && byte.is_ascii());
            code.push(if keep { *byte } else { b' ' });
        }
        inside = next;
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// How many bytes from `at` belong together, and where the reader stands after them.
fn token(bytes: &[u8], at: usize, inside: Inside) -> (usize, Inside) {
    let rest = &bytes[at..];
    match inside {
        Inside::Code => code_token(bytes, at),
        Inside::LineComment if rest[0] == b'\n' => (1, Inside::Code),
        Inside::BlockComment { depth: 1 } if rest.starts_with(b"*/") => (2, Inside::Code),
        Inside::BlockComment { depth } if rest.starts_with(b"*/") => {
            (2, Inside::BlockComment { depth: depth - 1 })
        }
        Inside::BlockComment { depth } if rest.starts_with(b"/*") => {
            (2, Inside::BlockComment { depth: depth + 1 })
        }
        Inside::Text if rest[0] == b'\\' => (2, Inside::Text),
        Inside::Text if rest[0] == b'"' => (1, Inside::Code),
        Inside::RawText { hashes } if closes_raw(rest, hashes) => (1 + hashes, Inside::Code),
        Inside::LineComment | Inside::BlockComment { .. } | Inside::Text | Inside::RawText { .. } => {
            (1, inside)
        }
    }
}

fn code_token(bytes: &[u8], at: usize) -> (usize, Inside) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return (2, Inside::LineComment);
    }
    if rest.starts_with(b"/*") {
        return (2, Inside::BlockComment { depth: 1 });
    }
    if let Some(hashes) = raw_hashes(bytes, at) {
        return (2 + hashes, Inside::RawText { hashes });
    }
    match rest[0] {
        b'"' => (1, Inside::Text),
        b'\'' => (char_literal(rest), Inside::Code),
        _ => (1, Inside::Code),
    }
}

/// The hashes of a raw string that opens at `at`, as in `r#"`.
fn raw_hashes(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes[at..].strip_prefix(b"r")?;
    let before = at.checked_sub(1).map(|before| bytes[before]);
    // `br"` opens one too; any other letter before makes it the end of a name.
    if before.is_some_and(|byte| byte != b'b' && (byte.is_ascii_alphanumeric() || byte == b'_')) {
        return None;
    }
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    (rest.get(hashes) == Some(&b'"')).then_some(hashes)
}

fn closes_raw(rest: &[u8], hashes: usize) -> bool {
    rest[0] == b'"' && rest.len() > hashes && rest[1..=hashes].iter().all(|byte| *byte == b'#')
}

/// The length of a character literal, or 1 where the quote opens a lifetime.
fn char_literal(rest: &[u8]) -> usize {
    /// `'\u{10FFFF}'`, the longest there is.
    const LONGEST: usize = 12;
    if rest.get(1) == Some(&b'\\') {
        let close = rest.iter().take(LONGEST).skip(3).position(|byte| *byte == b'\'');
        return close.map_or(1, |close| close + 4);
    }
    // One character of one to four bytes, then the closing quote.
    let width = match rest.get(1) {
        Some(0x00..=0x7F) => 1,
        Some(0x80..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..) => 4,
        None => return 1,
    };
    if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(Source::read("crates/a/src/lib.rs", text).code, expect, "{text}");
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        check("a(); // b\nc", "a();     \nc");
        check("a/* b /* c */ d */e", "a                 e");
        check(r#"a("b\"c")d"#, r"a(      )d");
        check("r#\"a\"b\"#;c", "        ;c");
        check("br\"a\\\";c", "b     ;c");
        check("var\"a\";", "var   ;");
        check("fn a<'b>(c: &'b str) { '{' }", "fn a<'b>(c: &'b str) {     }");
        check(r"'\''; '\u{7F}'; 'ñ';x", "    ;         ;     ;x");
    }

    #[test]
    fn tests_are_told_from_shipped_code() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = Source::read("crates/a/src/lib.rs", text);
        let shipped: Vec<_> = source.shipped_lines().collect();
        assert_eq!(shipped, [(1, "fn a() {}"), (6, "fn c() {}")]);
        let source = Source::read("crates/a/tests/b.rs", text);
        assert_eq!(source.shipped_lines().count(), 0);
    }

    #[test]
    fn modules_declared_for_tests_are_found() {
        let text =
            "mod a;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod b;\n#[cfg(test)]\nmod c {}\n";
        let found = |path| Source::read(path, text).test_modules();
        assert_eq!(found("crates/a/src/lib.rs"), ["crates/a/src/tests", "crates/a/src/b"]);
        assert_eq!(found("crates/a/src/d/mod.rs"), ["crates/a/src/d/tests", "crates/a/src/d/b"]);
        assert_eq!(found("crates/a/src/d.rs"), ["crates/a/src/d/tests", "crates/a/src/d/b"]);
    }
}
