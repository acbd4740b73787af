//! Turns the output of test programs into counts: cases that held, tests that failed, tests left out.
//! Relies on libtest's result line and on the two lines a test may print itself: `cases: N` and `skipped: why`.
//! Never counts a case that a test only meant to run: `cases: N` is printed once the N have held.

/// What a ring's tests said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Cases that held.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests marked as ignored, and tests that said `skipped:`.
    pub skipped: u64,
}

/// Reads the whole output. Each test program counts by the cases it names, or else by its tests.
pub fn tally(output: &str) -> Tally {
    let mut sum = Tally::default();
    let mut cases = 0;
    for line in output.lines() {
        let said = without_test_name(line);
        if let Some(count) = said.strip_prefix("cases: ") {
            cases += count.trim().parse().unwrap_or(0);
        } else if said.starts_with("skipped: ") {
            sum.skipped += 1;
        } else if let Some(result) = line.strip_prefix("test result: ") {
            let tests = number_before(result, "passed");
            sum.passed += if cases > 0 { cases } else { tests };
            sum.failed += number_before(result, "failed");
            sum.skipped += number_before(result, "ignored");
            cases = 0;
        }
    }
    sum
}

/// On one thread, libtest writes `test name ... ` before the test's own first line, on the same line.
fn without_test_name(line: &str) -> &str {
    match line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
        Some((_, said)) => said,
        None => line,
    }
}

/// The number in front of a word, as in `3 passed; 1 failed`.
fn number_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split([' ', ';', '.']).filter(|part| !part.is_empty()).collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, passed: u64, failed: u64, skipped: u64) {
        assert_eq!(tally(output), Tally { passed, failed, skipped }, "{output}");
    }

    #[test]
    fn counts_cases_else_tests() {
        let three =
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        let bad = "test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 0 filtered out; finished in 9s\n";
        check("", 0, 0, 0);
        check(three, 3, 0, 0);
        check(&format!("cases: 40\ncases: 2\n{three}"), 42, 0, 0);
        check(&format!("test money ... cases: 7\nok\n{three}"), 7, 0, 0);
        // The second program names no cases, so its tests count.
        check(&format!("cases: 10\n{three}{three}"), 13, 0, 0);
        check(&format!("cases: 5\n{bad}"), 5, 1, 4);
        check(&format!("skipped: no sample files\n{three}"), 3, 0, 1);
        check(&format!("many cases: 9\ncases: many\n{three}"), 3, 0, 0);
    }
}
