//! Progress of a run: a bar on a terminal, a plain line now and then elsewhere.
//! Relies on commits: what is shown is durable.
//! Never on standard output.

use super::{count, tell};
use caudal_runtime::{Report, Watcher};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Time between plain lines.
const EVERY: Duration = Duration::from_secs(5);

/// Shows progress on standard error.
pub struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    start: Instant,
    shown: Instant,
    files: u64,
    octets: u64,
}

impl Progress {
    /// Progress of the pipeline `name`.
    pub fn new(name: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0).with_style(style()));
        let now = Instant::now();
        Self { name: name.into(), bar, start: now, shown: now, files: 0, octets: 0 }
    }

    /// Takes the bar away, before the summary.
    pub fn done(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    let template = "{msg} {wide_bar} {percent:>3} %  {binary_bytes_per_sec}  {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Watcher for Progress {
    fn claimed(&mut self, files: u64, octets: u64) {
        self.files += files;
        self.octets += octets;
        match &self.bar {
            Some(bar) => {
                bar.set_length(self.octets);
                bar.set_message(format!("caudal · {}", self.name));
            }
            None => tell(format_args!(
                "caudal · {} · took {} files ({} bytes)",
                self.name,
                count(files),
                count(octets)
            )),
        }
    }

    fn committed(&mut self, report: &Report) {
        if let Some(bar) = &self.bar {
            // Compressed content is longer than its file: the bar stands at its end until the run does.
            bar.set_position(report.bytes.min(self.octets));
        } else if self.shown.elapsed() >= EVERY {
            self.shown = Instant::now();
            let records = count(report.counts.entered.unsigned_abs());
            let percent = report.bytes.saturating_mul(100) / self.octets.max(1);
            let seconds = self.start.elapsed().as_secs();
            tell(format_args!(
                "caudal · {} · {records} records committed, {} % in {seconds} s",
                self.name,
                percent.min(100)
            ));
        }
    }
}
