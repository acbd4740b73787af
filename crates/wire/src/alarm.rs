//! Alarms as JSON lines.
//! Relies on file names being resolved by the caller, so a line stands for itself.
//! Never shows a clock, a thread or an epoch.

use crate::event::{number, text};
use crate::json::key;
use caudal_usage::alarm::AlarmCode;

/// What a line says of an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmType {
    /// It is raised.
    Alarm,
    /// What lasted has ended.
    Cleared,
    /// A gap that was told of is filled.
    GapClosed,
}

impl AlarmType {
    /// The word in `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Cleared => "cleared",
            Self::GapClosed => "gap_closed",
        }
    }
}

/// A file as a line names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlarmFile<'a> {
    /// Source and file name.
    pub file: &'a str,
    /// Ordinal of the act of collecting it; `None` when it was not collected.
    pub file_id: Option<u32>,
}

/// An alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlarmLine<'a> {
    /// What the line says of it.
    pub kind: AlarmType,
    /// Its code.
    pub code: AlarmCode,
    /// Name of the source.
    pub source: &'a str,
    /// The file, when it is one.
    pub file: Option<AlarmFile<'a>>,
    /// The earlier file that it is about.
    pub first: Option<AlarmFile<'a>>,
    /// In words: found, expected.
    pub message: &'a str,
}

/// Appends an alarm as a line.
pub fn write_alarm(out: &mut Vec<u8>, line: &AlarmLine<'_>) {
    out.push(b'{');
    text(out, "type", line.kind.as_str());
    text(out, "code", line.code.as_str());
    text(out, "source", line.source);
    if let Some(file) = &line.file {
        write_file(out, file);
    }
    if let Some(first) = &line.first {
        key(out, "first");
        out.push(b'{');
        write_file(out, first);
        out.push(b'}');
    }
    text(out, "message", line.message);
    out.extend_from_slice(b"}\n");
}

fn write_file(out: &mut Vec<u8>, file: &AlarmFile<'_>) {
    text(out, "file", file.file);
    if let Some(id) = file.file_id {
        number(out, "file_id", i64::from(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_a_line_that_stands_for_itself() {
        let file = |file, file_id| Some(AlarmFile { file, file_id });
        let line = AlarmLine {
            kind: AlarmType::Alarm,
            code: AlarmCode::SameContent,
            source: "a",
            file: file("a/\"2\"", Some(2)),
            first: file("a/1", Some(1)),
            message: "m",
        };
        let mut out = Vec::new();
        write_alarm(&mut out, &line);
        let silent = AlarmLine {
            kind: AlarmType::Cleared,
            code: AlarmCode::SilentSource,
            file: None,
            first: None,
            ..line
        };
        write_alarm(&mut out, &silent);
        let expected = concat!(
            r#"{"type":"alarm","code":"same_content","source":"a","file":"a/\"2\"","file_id":2,"#,
            r#""first":{"file":"a/1","file_id":1},"message":"m"}"#,
            "\n",
            r#"{"type":"cleared","code":"silent_source","source":"a","message":"m"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
