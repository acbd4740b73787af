//! Turns the table of codes in `usage` into the manual's page, docs/codes.md.
//! Relies on that table being the only place where a code is defined. The page is printed by a test, so that this
//! program is there in seconds, and the ring `unit` compares it. Never edit the page by hand.

use crate::repo::Repo;
use crate::{Outcome, rings};
use anyhow::{Context, Result};

/// Set for the test below when it is to write the page instead of comparing it.
const WRITE: &str = "CAUDAL_WRITE_CODES";

/// Writes the page.
pub fn write(repo: &Repo) -> Result<Outcome> {
    let mut test = repo.cargo(rings::CARGO_TEST);
    test.args(["--bin", "xtask", "--quiet", "--", "codes::"]).env(WRITE, "1");
    let status = test.status().context("cannot start cargo")?;
    Ok(if status.success() { Outcome::Good } else { Outcome::Bad })
}

#[cfg(test)]
mod tests {
    use super::WRITE;
    use caudal_usage::alarm::AlarmCode;
    use caudal_usage::code::{Code, Ends};
    use std::fmt::Write;
    use std::fs;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/codes.md");

    const HEAD: &str = "\
# Codes

Under these codes a record is suspended or filtered. They are stable: a code is never renamed and never reused, so
scripts and other systems may match on it. A *suspended* record cannot be billed yet and waits in `out/suspense` to be
fixed; a *filtered* one is known not to be billed. The stage is where the code usually arises; each line of `out/suspense`
names the stage that decided, the field and what was found there.

This page is printed from the program's own table: `cargo xtask codes`.
";

    const ALARMS: &str = "\
Lines of `out/alerts`: `type` is `alarm`, or `cleared` and `gap_closed` for what has ended; with `code`, `source`, the `file` and
its `file_id` where it is one, the earlier file in `first`, and a `message`. No line shows a time.
";

    fn page() -> String {
        let mut page = HEAD.to_owned();
        for (ends, title) in [(Ends::Suspended, "Suspended"), (Ends::Filtered, "Filtered")] {
            let head = "| code | stage | what happened | what to do |\n|---|---|---|---|";
            writeln!(page, "\n## {title}\n\n{head}").unwrap();
            for code in Code::ALL.iter().filter(|code| code.ends() == ends) {
                let (stage, meaning, remedy) = (code.stage().as_str(), code.meaning(), code.remedy());
                writeln!(page, "| `{code}` | {stage} | {meaning} | {remedy} |").unwrap();
            }
        }
        let head = "| code | what happened | what to do |\n|---|---|---|";
        writeln!(page, "\n## Alarms\n\n{ALARMS}\n{head}").unwrap();
        for code in AlarmCode::ALL {
            writeln!(page, "| `{code}` | {} | {} |", code.meaning(), code.remedy()).unwrap();
        }
        page
    }

    #[test]
    fn the_page_is_the_table() {
        if std::env::var_os(WRITE).is_some() {
            fs::write(PATH, page()).unwrap();
        }
        let text = fs::read_to_string(PATH).unwrap_or_default();
        assert!(text == page(), "docs/codes.md is not what the table prints; run `cargo xtask codes`");
    }
}
