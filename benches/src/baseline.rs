//! The floor: reading the same files and cutting them into lines and columns, on one thread, in this process.
//! Relies on the page cache as much as the measured binary does.
//! Never looks into a column.

use anyhow::Context;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

/// What reading and splitting took.
#[derive(Clone, Copy, Debug)]
pub struct Baseline {
    /// Lines, headers included.
    pub lines: u64,
    /// Columns of all lines.
    pub columns: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Baseline {
    /// Lines a second.
    pub fn lines_per_s(&self) -> f64 {
        self.lines as f64 / self.seconds
    }
}

/// Reads every file of a folder.
pub fn measure(folder: &Path) -> anyhow::Result<Baseline> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        paths.push(entry.with_context(|| format!("cannot list {}", folder.display()))?.path());
    }
    paths.sort();
    let began = Instant::now();
    let mut baseline = Baseline { lines: 0, columns: 0, seconds: 0.0 };
    for path in &paths {
        read(path, &mut baseline).with_context(|| format!("cannot read {}", path.display()))?;
    }
    baseline.seconds = began.elapsed().as_secs_f64();
    Ok(baseline)
}

fn read(path: &Path, baseline: &mut Baseline) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut spans: Vec<(usize, usize)> = Vec::with_capacity(64);
    let mut line = Vec::with_capacity(1 << 10);
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        spans.clear();
        let mut start = 0;
        for end in memchr::memchr_iter(b';', &line) {
            spans.push((start, end));
            start = end + 1;
        }
        spans.push((start, line.len()));
        baseline.lines += 1;
        baseline.columns += std::hint::black_box(&spans).len() as u64;
    }
}
