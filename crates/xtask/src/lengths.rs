//! Turns a source file into the lengths of its functions and of itself, tests apart.
//! Relies on the code view of `source`, where braces inside comments and strings are gone.
//! Never counts a test: a table of cases may be as long as it needs.

use crate::source::{Source, end_of_item};

/// A length worth a look, and one that is too much, in lines.
pub struct Bounds {
    pub notable: usize,
    pub most: usize,
}

/// Functions: half are under five lines; what hurts is the tail.
pub const FUNCTION: Bounds = Bounds { notable: 70, most: 120 };

/// Files, without their tests.
pub const FILE: Bounds = Bounds { notable: 450, most: 700 };

/// Something with a length.
pub struct Piece {
    /// `path:line: what`.
    pub place: String,
    pub lines: usize,
}

/// The functions of a file outside tests, one inside another counted in both.
pub fn functions(source: &Source) -> Vec<Piece> {
    let heads = source.code.match_indices("fn ").filter(|(at, _)| is_head(source, *at));
    let piece = |at: usize| {
        let line = source.line_of(at);
        let last = source.line_of(end_of_item(&source.code, at).saturating_sub(1));
        let name: String =
            source.code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        Piece { place: format!("{}:{line}: fn {name}", source.path), lines: last - line + 1 }
    };
    heads.map(|(at, _)| piece(at)).collect()
}

fn is_head(source: &Source, at: usize) -> bool {
    let before = source.code[..at].chars().next_back();
    let after = source.code[at + 3..].chars().next();
    let starts_word = before.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    starts_word && after.is_some_and(|c| c.is_alphabetic() || c == '_') && !source.is_test(at)
}

/// The file itself.
pub fn file(source: &Source) -> Piece {
    Piece { place: source.path.clone(), lines: source.shipped_lines().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, usize)]) {
        let found = functions(&Source::read("a.rs", text));
        let found: Vec<_> = found.iter().map(|piece| (piece.place.as_str(), piece.lines)).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn functions_are_measured() {
        check("fn a() {}", &[("a.rs:1: fn a", 1)]);
        check("\nfn a(\n    b: [u8; 4],\n) -> u8 {\n    b[0]\n}\n", &[("a.rs:2: fn a", 5)]);
        check(
            "trait A {\n    fn a(&self);\n    fn b(&self) {\n    }\n}",
            &[("a.rs:2: fn a", 1), ("a.rs:3: fn b", 2)],
        );
        check("fn a() {\n    // }\n    let b = \"}\";\n}", &[("a.rs:1: fn a", 4)]);
        check("type A = fn (u8); let often = 1;", &[]);
        check("#[cfg(test)]\nmod tests {\n    fn a() {}\n}", &[]);
        check("fn a() {\n    fn b() {\n    }\n}", &[("a.rs:1: fn a", 4), ("a.rs:2: fn b", 2)]);
    }

    #[test]
    fn files_are_measured_without_tests() {
        let source = Source::read("a.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(file(&source).lines, 2);
    }
}
