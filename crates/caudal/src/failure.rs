//! How a command fails, and the exit code that says so.
//! Relies on each command to tell a finding from a refusal from a failure.
//! Never a panic for what a user, a disk or a network can cause.

use caudal_usage::Diagnostic;
use std::process::ExitCode;

/// A failed command.
#[derive(Debug)]
pub enum Failure {
    /// A check found something: exit 1. What it found was printed.
    Found,
    /// Wrong usage or configuration: exit 2.
    Usage(String),
    /// Wrong configuration, with everything found: exit 2.
    Configuration(Vec<Diagnostic>),
    /// Input, output, commit or books failed: exit 3.
    Io(anyhow::Error),
}

impl Failure {
    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// The exit code, as a number.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Found => 1,
            Self::Usage(_) | Self::Configuration(_) => 2,
            Self::Io(_) => 3,
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Io(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.into())
    }
}
