//! What is wrong with a file that a person wrote: where, found, expected.
//! Every reader of configuration, plans and tables returns these; `validate` prints them.
//! Never says "invalid" without the value.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Works, but is probably not meant so.
    Warning,
    /// Refused.
    Error,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the pipeline folder.
    pub file: String,
    /// Line from 1; 0 when it is the file as a whole.
    pub line: usize,
    /// Column in characters from 1; 0 when it is the line as a whole.
    pub column: usize,
    /// What is wrong, lower case, with the value found and what was expected.
    pub message: String,
    /// What to do, where that is known; may be empty.
    pub hint: String,
}

impl Diagnostic {
    /// An error at byte `offset` of the text of `file`.
    pub fn error(file: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        let (line, column) = line_column(text, offset);
        Self {
            severity: Severity::Error,
            file: file.into(),
            line,
            column,
            message: message.into(),
            hint: String::new(),
        }
    }

    /// An error in line `line` of `file` (0: the file as a whole).
    pub fn error_in_line(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.into(),
            line,
            column: 0,
            message: message.into(),
            hint: String::new(),
        }
    }

    /// The same finding as a warning.
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same finding with advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Line and column, both from 1, of a byte offset.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = &text[..end];
    let line = head.matches('\n').count() + 1;
    let start = head.rfind('\n').map_or(0, |at| at + 1);
    (line, head[start..].chars().count() + 1)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        let word = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, ": {word}: {}", self.message)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where() {
        let error =
            Diagnostic::error("plans/a.toml", "id = 1\nprice = \"x\"\n", 15, "price \"x\" is no amount")
                .hint("write 0.10");
        assert_eq!(error.to_string(), "plans/a.toml:2:9: error: price \"x\" is no amount (write 0.10)");
        assert_eq!(
            Diagnostic::error_in_line("zones.csv", 0, "is empty").to_string(),
            "zones.csv: error: is empty"
        );
        assert_eq!(line_column("é\né", 100), (2, 2));
    }
}
