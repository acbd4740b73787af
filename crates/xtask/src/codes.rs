//! Turns the table of codes in `usage` into the manual's page, docs/codes.md.
//! Relies on that table being the only place where a code is defined.
//! Never edits the page by hand: the ring `tidy` compares it.

use crate::repo::Repo;
use anyhow::{Context, Result};
use caudal_usage::code::{Code, Ends};
use std::fmt::Write;
use std::fs;

/// The page, from the root.
pub const PAGE: &str = "docs/codes.md";

const HEAD: &str = "\
# Codes

Under these codes a record is suspended or filtered. They are stable: a code is never renamed and never reused, so
scripts and other systems may match on it. A *suspended* record cannot be billed yet and waits in `out/suspense` to be
fixed; a *filtered* one is known not to be billed. The stage is where the code usually arises; each line of `out/suspense`
names the stage that decided, the field and what was found there.

This page is printed from the program's own table: `cargo xtask codes`.
";

/// The page as it should be.
pub fn page() -> Result<String> {
    let mut page = HEAD.to_owned();
    for (ends, title) in [(Ends::Suspended, "Suspended"), (Ends::Filtered, "Filtered")] {
        writeln!(page, "\n## {title}\n\n| code | stage | what happened | what to do |\n|---|---|---|---|")?;
        for code in Code::ALL.iter().filter(|code| code.ends() == ends) {
            let (stage, meaning, remedy) = (code.stage().as_str(), code.meaning(), code.remedy());
            writeln!(page, "| `{code}` | {stage} | {meaning} | {remedy} |")?;
        }
    }
    Ok(page)
}

/// Writes the page.
pub fn write(repo: &Repo) -> Result<()> {
    let path = repo.root.join(PAGE);
    fs::write(&path, page()?).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{PAGE}: {} codes", Code::ALL.len());
    Ok(())
}

/// What differs between the page and the table.
pub fn check(repo: &Repo) -> Vec<String> {
    match (page(), repo.text(PAGE)) {
        (Ok(page), Some(text)) if page == text => Vec::new(),
        _ => vec![format!("{PAGE}: not what the table of codes prints; run `cargo xtask codes`")],
    }
}
