//! Logs: lines for people, or JSON objects, on standard error.
//! Relies on nobody logging a subscriber number, which the ring `logs` looks for.
//! Never on standard output, which belongs to reports; never a line of a library below warning: it may show what it handles.

use super::progress;
use crate::cli::{LogArgs, LogFormat, LogLevel};
use std::io::{self, Write};
use std::sync::OnceLock;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::Layer;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

/// The form of the log of this process.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Every crate of the program begins so.
const OWN: &str = "caudal";

/// Starts logging. Every line says who must act: error and warn are for the operator.
pub fn start(args: &LogArgs) {
    // Only the first call of a process can succeed, and it is the only one.
    let _ = FORMAT.set(args.log_format);
    let targets = Targets::new().with_default(LevelFilter::WARN).with_target(OWN, level(args.log_level));
    // A writer that fails would be told of at the same place, and panic there.
    let lines = Layer::default().with_writer(|| Lines).log_internal_errors(false);
    let set = match args.log_format {
        LogFormat::Text => {
            let lines = lines.with_ansi(false).with_target(false).without_time();
            tracing::subscriber::set_global_default(registry().with(targets).with(lines))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_timer(SystemTime);
            let lines = lines.with_current_span(false).with_span_list(false);
            tracing::subscriber::set_global_default(registry().with(targets).with(lines))
        }
    };
    drop(set);
}

/// True when every line on standard error is to be a JSON object.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

const fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}

/// Standard error, one line at a time.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        progress::above(|| io::stderr().lock().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
