//! `caudal rate`: usage given as JSON lines to what it costs, one answer a line, in order.
//! Relies on `usage_lines` for every answer; one line is in memory at a time.
//! Never opens a state folder: balances are empty at the start and gone at the end.

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
    let (name, input) = open(&args.usage)?;
    let on_close = if args.cycle_close { OnClose::Sum } else { OnClose::Nothing };
    let mut desk = Desk::new(&pipeline, &name, on_close);
    answer_all(&mut desk, Lines::new(input), &mut io::stdout().lock()).with_context(|| name)?;
    Ok(())
}

/// The name that events give as their source, and the octets.
fn open(path: &Path) -> Result<(String, Box<dyn Read>), Failure> {
    if path == Path::new("-") {
        return Ok(("stdin".into(), Box::new(io::stdin().lock())));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok((name, Box::new(file)))
}

/// Answers every line. Whoever writes line by line gets each answer before the next line is waited for.
fn answer_all<R: Read>(desk: &mut Desk<'_>, mut lines: Lines<R>, to: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    let mut out = Vec::with_capacity(WRITE_AT * 2);
    loop {
        if !out.is_empty() && (out.len() >= WRITE_AT || lines.may_wait()) {
            to.write_all(&out)?;
            to.flush()?;
            out.clear();
        }
        match lines.next(&mut line)? {
            Taken::Line => desk.answer(Line::Octets(&line), lines.number(), &mut out),
            Taken::TooLong => desk.answer(Line::TooLong, lines.number(), &mut out),
            Taken::End => break,
        }
    }
    desk.close(&mut out);
    to.write_all(&out)?;
    to.flush()
}
