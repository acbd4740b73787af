//! Progress of a run: a bar on a terminal.
//! Relies on commits: what is shown is durable. Lines of the log go above it.
//! Never on standard output, and never where nobody looks.

use super::log;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

/// The bar that is shown, for lines that go above it.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A bar; it goes with this value.
pub struct Bar {
    bar: ProgressBar,
    name: String,
}

impl Bar {
    /// A bar for the pipeline `name`, where standard error is a terminal and logs are for people.
    pub fn on_terminal(name: &str) -> Option<Self> {
        if log::is_json() || !std::io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::new(0).with_style(style());
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Some(Self { bar, name: name.into() })
    }

    /// Its end is at so many octets.
    pub fn reaches(&self, octets: u64) {
        self.bar.set_length(octets);
        self.bar.set_message(format!("caudal · {}", self.name));
    }

    /// It stands at so many octets.
    pub fn stands(&self, octets: u64) {
        self.bar.set_position(octets);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.bar.finish_and_clear();
    }
}

/// Writes something while no bar is in the way.
pub fn above<T>(write: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn style() -> ProgressStyle {
    let template = "{msg} {wide_bar} {percent:>3} %  {binary_bytes_per_sec}  {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
