//! Turns the rules of the house into checks over its text: each names what breaks it, by file and line.
//! Relies on the code view of `source`; what needs types is left to clippy.
//! Never changes a file.

use crate::lengths::{self, Bounds, Piece};
use crate::repo::Repo;
use crate::source::Source;
use crate::{Outcome, arrows, rings};
use anyhow::Result;

/// A rule, as one case of the ring.
struct Rule {
    title: &'static str,
    check: fn(&Repo) -> Vec<String>,
}

const RULES: &[Rule] = &[
    Rule { title: "arrows between crates go down", check: arrows::check },
    Rule { title: "no binary floats where money is computed or written", check: floats },
    Rule { title: "the core reads no file, socket, clock or thread", check: impurities },
    Rule { title: "no function is too long", check: |repo| too_long(&functions(repo), &lengths::FUNCTION) },
    Rule { title: "no file is too long", check: |repo| too_long(&files(repo), &lengths::FILE) },
    Rule { title: "nothing panics without its reason", check: panics },
    Rule { title: "every module says what it is for", check: headers },
    Rule { title: "no line ends in a blank", check: trailing_blanks },
    Rule { title: "the text speaks of the product only", check: foreign_words },
    Rule { title: "every test file belongs to a ring", check: tests_without_ring },
    Rule { title: "the code is formatted", check: unformatted },
];

/// What one rule found.
pub struct Finding {
    pub title: &'static str,
    /// One line each; empty when the rule is kept.
    pub wrong: Vec<String>,
}

/// Checks every rule.
pub fn run(repo: &Repo) -> Vec<Finding> {
    RULES.iter().map(|rule| Finding { title: rule.title, wrong: (rule.check)(repo) }).collect()
}

/// The rules that are broken, as text.
pub fn story(findings: &[Finding]) -> String {
    let broken = findings.iter().filter(|finding| !finding.wrong.is_empty());
    let told = broken.map(|finding| format!("not so: {}\n  {}\n", finding.title, finding.wrong.join("\n  ")));
    told.collect()
}

/// Prints each rule, what breaks it, and what is worth a look.
pub fn print(repo: &Repo) -> Result<Outcome> {
    let findings = run(repo);
    let broken = findings.iter().filter(|finding| !finding.wrong.is_empty()).count();
    for finding in findings.iter().filter(|finding| finding.wrong.is_empty()) {
        println!("ok      {}", finding.title);
    }
    print!("{}", story(&findings));
    print_notable(&functions(repo), &lengths::FUNCTION);
    print_notable(&files(repo), &lengths::FILE);
    Ok(if broken == 0 { Outcome::Good } else { Outcome::Bad })
}

fn print_notable(pieces: &[Piece], bounds: &Bounds) {
    for piece in pieces.iter().filter(|piece| (bounds.notable + 1..=bounds.most).contains(&piece.lines)) {
        println!("long    {}: {} lines", piece.place, piece.lines);
    }
}

/// Crates that compute or write money, in which a binary float would be wrong.
const EXACT: &[&str] = &["usage", "mediation", "tariff", "rating", "wire"];

/// Crates that are functions of their input. `tariff` reads plan files, so it is not among them.
const PURE: &[&str] = &["usage", "cdr", "mediation", "rating", "wire", "engine"];

/// Ways to ask the world outside.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::env",
    "process::Command",
    "Instant::now",
    "SystemTime",
    "Utc::now",
];

/// Code that ends the process on a value it did not expect.
const PANICS: &[&str] = &[".unwrap(", ".expect("];

/// Code that is not meant to stay; no reason excuses it.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// Words of how the text came to be, which tell its reader nothing. In halves, so that this file passes.
const FOREIGN: &[&str] =
    &[concat!("issue", " #"), concat!("hel", "per"), concat!("this", " session"), concat!("/wo", "rk/")];

/// Lines of shipped code in the given crates for which `is_wrong` holds.
fn lines_where(repo: &Repo, crates: &[&str], is_wrong: fn(&Source, usize, &str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in repo.sources.iter().filter(|source| crates.contains(&source.crate_name())) {
        let lines = source.shipped_lines().filter(|(number, line)| is_wrong(source, *number, line));
        wrong.extend(
            lines.map(|(number, _)| format!("{}:{number}: {}", source.path, line_at(source, number).trim())),
        );
    }
    wrong
}

fn line_at(source: &Source, number: usize) -> &str {
    number.checked_sub(1).and_then(|index| source.lines.get(index)).map_or("", String::as_str)
}

fn floats(repo: &Repo) -> Vec<String> {
    lines_where(repo, EXACT, |_, _, line| has_float(line))
}

/// Whether the code names a float type or writes a float: `f64`, `1.5`, `1e9`, `2f32`, but not `pair.0.1` or `1..5`.
fn has_float(line: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    words.any(|word| is_float_literal(word) || word.split('.').any(|part| matches!(part, "f32" | "f64")))
}

fn is_float_literal(word: &str) -> bool {
    if !word.starts_with(|c: char| c.is_ascii_digit()) || word.starts_with("0x") {
        return false;
    }
    let digits = word.replace('_', "");
    let bare = digits.strip_suffix("f64").or_else(|| digits.strip_suffix("f32"));
    let is_whole = bare.is_none() && digits.bytes().all(|byte| byte.is_ascii_digit());
    !is_whole && bare.unwrap_or(&digits).parse::<f64>().is_ok()
}

fn impurities(repo: &Repo) -> Vec<String> {
    lines_where(repo, PURE, |_, _, line| OUTSIDE.iter().any(|outside| line.contains(outside)))
}

fn functions(repo: &Repo) -> Vec<Piece> {
    repo.sources.iter().flat_map(lengths::functions).collect()
}

fn files(repo: &Repo) -> Vec<Piece> {
    repo.sources.iter().map(lengths::file).collect()
}

fn too_long(pieces: &[Piece], bounds: &Bounds) -> Vec<String> {
    let long = pieces.iter().filter(|piece| piece.lines > bounds.most);
    long.map(|piece| format!("{}: {} lines, at most {}", piece.place, piece.lines, bounds.most)).collect()
}

fn panics(repo: &Repo) -> Vec<String> {
    let crates: Vec<&str> = repo.sources.iter().map(Source::crate_name).collect();
    lines_where(repo, &crates, |source, number, line| {
        let may_panic = PANICS.iter().any(|panic| line.contains(panic)) && !has_reason(source, number);
        may_panic || UNFINISHED.iter().any(|unfinished| line.contains(unfinished))
    })
}

/// Whether the comment right above the line says why it cannot happen: `// panics: …`.
fn has_reason(source: &Source, number: usize) -> bool {
    let above = source.lines.iter().take(number.saturating_sub(1)).rev().map(|line| line.trim());
    above.take_while(|line| line.starts_with("//")).any(|line| line.starts_with("// panics: "))
}

fn headers(repo: &Repo) -> Vec<String> {
    // A `tests.rs` is the tail of the module it lies beside, and tested code has said it all.
    let modules = repo.sources.iter().filter(|source| !source.path.ends_with("/tests.rs"));
    let without = modules.filter(|source| !line_at(source, 1).starts_with("//!"));
    without.map(|source| format!("{}:1: opens without `//!`", source.path)).collect()
}

/// Lines of any text for which `is_wrong` holds.
fn text_lines_where(repo: &Repo, is_wrong: fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in &repo.texts {
        let lines = file.text.lines().enumerate().filter(|(_, line)| is_wrong(line));
        wrong.extend(lines.map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim())));
    }
    wrong
}

fn trailing_blanks(repo: &Repo) -> Vec<String> {
    text_lines_where(repo, |line| line.ends_with([' ', '\t']))
}

fn foreign_words(repo: &Repo) -> Vec<String> {
    text_lines_where(repo, |line| {
        let line = line.to_lowercase();
        FOREIGN.iter().any(|word| line.contains(word))
    })
}

fn tests_without_ring(repo: &Repo) -> Vec<String> {
    let is_known = |stem: &str| rings::RINGS.iter().any(|ring| ring.name == stem);
    let lost = rings::test_files(repo).filter(|(_, stem)| !is_known(stem));
    lost.map(|(path, _)| format!("{path}: no ring runs it; add one to RINGS")).collect()
}

fn unformatted(repo: &Repo) -> Vec<String> {
    match repo.cargo(&["fmt", "--all", "--", "--check", "-l"]).output() {
        Ok(output) if output.status.success() => Vec::new(),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            said.lines().map(str::to_owned).chain(["run `cargo fmt --all`".to_owned()]).collect()
        }
        Err(error) => vec![format!("cannot run `cargo fmt`: {error}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_found() {
        for (line, expect) in [
            ("let a: f64 = b;", true),
            ("a as f32", true),
            ("let a = 1.5;", true),
            ("2f64", true),
            ("1e9 as u64", true),
            ("1_000_u64", false),
            ("1_000", false),
            ("f64::from(a)", true),
            ("a.0.1", false),
            ("for a in 1..5", false),
            ("let a = 0x1f64;", false),
            ("1.max(2)", false),
            ("buf32", false),
        ] {
            assert_eq!(has_float(line), expect, "{line}");
        }
    }

    #[test]
    fn a_panic_needs_a_reason_right_above() {
        for (text, expect) in [
            ("//!\n// panics: never, the table is not empty\na.unwrap();", true),
            ("//!\n// panics: never,\n// the table is not empty\na.unwrap();", true),
            ("//!\n// the table is not empty\na.unwrap();", false),
            ("//!\n// panics: never\nb();\na.unwrap();", false),
        ] {
            let source = Source::read("crates/a/src/lib.rs", text);
            assert_eq!(has_reason(&source, source.lines.len()), expect, "{text}");
        }
    }
}
