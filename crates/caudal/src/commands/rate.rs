//! `caudal rate`: usage given as JSON lines to what it costs, one answer a line, in order.
//! Relies on `usage_lines` for every answer; one line is in memory at a time.
//! Never opens a state folder: balances are empty at the start and gone at the end.

use super::what_if::what_if;
use crate::cli::RateArgs;
use crate::config::Pipeline;
use crate::failure::Failure;
use crate::usage_lines::{Desk, Line, Lines, OnClose, Taken};
use anyhow::Context;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Octets of answers after which they are written.
const WRITE_AT: usize = 1 << 18;

/// Runs the command. Suspended lines are answers: exit code 0.
pub fn rate(args: &RateArgs) -> Result<(), Failure> {
    let pipeline = Pipeline::load(&args.pipeline).map_err(Failure::Configuration)?;
    pipeline.warnings.iter().for_each(|warning| eprintln!("{warning}"));
    if let Some(folder) = &args.against {
        return what_if(args, &pipeline, folder);
    }
    let (name, input) = open(&args.usage)?;
    let on_close = if args.cycle_close { OnClose::Sum } else { OnClose::Nothing };
    let mut desk = Desk::new(&pipeline, &name, on_close).in_all_runs();
    let mut lines = Lines::new(input);
    let mut out = Vec::with_capacity(WRITE_AT * 2);
    while answer_some(&mut desk, &mut lines, &mut out).with_context(|| name.clone())? {
        write(&mut out)?;
    }
    desk.close(&mut out);
    write(&mut out)?;
    Ok(())
}

/// The name that events give as their source, and the octets.
pub(super) fn open(path: &Path) -> Result<(String, Box<dyn Read>), Failure> {
    if path == Path::new("-") {
        return Ok(("stdin".into(), Box::new(io::stdin().lock())));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok((name, Box::new(file)))
}

/// Answers lines until there is enough to write, or until the next read may wait: whoever writes line by line gets each
/// answer before the next line is waited for. `false` at the end.
fn answer_some<R: Read>(desk: &mut Desk<'_>, lines: &mut Lines<R>, out: &mut Vec<u8>) -> io::Result<bool> {
    let mut line = Vec::new();
    loop {
        match lines.next(&mut line)? {
            Taken::Line => desk.answer(Line::Octets(&line), lines.number(), out),
            Taken::TooLong => desk.answer(Line::TooLong, lines.number(), out),
            Taken::End => return Ok(false),
        }
        if out.len() >= WRITE_AT || lines.may_wait() {
            return Ok(true);
        }
    }
}

fn write(out: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut to = io::stdout().lock();
    to.write_all(out).and_then(|()| to.flush()).context("the answers cannot be written")?;
    out.clear();
    Ok(())
}
