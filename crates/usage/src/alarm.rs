//! What operators must be told beside the records: the stable codes of alarms, and alarms that last until they clear.
//! This table is the only place where a code is defined; the manual's table is printed from it.
//! A code is never renamed or reused: operators' scripts and other systems match on it.

use compact_str::CompactString;
use std::fmt;

macro_rules! codes {
    ($($variant:ident $word:literal $meaning:literal $remedy:literal)*) => {
        /// A stable code of an alarm.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum AlarmCode { $(#[doc = $meaning] $variant),* }

        impl AlarmCode {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in files: stable, lower snake case.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),* } }

            /// What happened.
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning),* } }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str { match self { $(Self::$variant => $remedy),* } }
        }
    };
}

codes! {
    RefusedFile "refused_file"
        "Something lies in the folder of a source and is no file that can be read. Raised once while it lasts."
        "Take it away, or make it readable; symlinks and folders deeper than eight are never followed."
    SilentSource "silent_source"
        "No new file was found for as long as `silent_after` says. `cleared` when files come again."
        "Ask the network element, and whoever transfers its files."
    SameContent "same_content"
        "A file holds exactly what an earlier one held, named in `first`. Its records are duplicates."
        "Nothing is billed twice; find out why it was sent twice."
    SameName "same_name"
        "Another file came under a name that was collected before, with other content."
        "Nothing, where names repeat by design; else see whether one replaced the other before it was collected whole."
    ReplacedContent "replaced_content"
        "A file that was collected was changed in its place: cut short, overwritten or written anew."
        "Its records were read again, and those known are duplicates; see what the element does to its files."
    CutRecord "cut_record"
        "A file ended inside a record and went on later. The half was taken for a record, its completion is suspended."
        "Set `stable_for` or `marker`, so that a file is not taken while it is written; correct the record that was cut."
    RecordGap "record_gap"
        "Record sequence numbers of an element are missing; a record that could not be decoded shows none. `gap_closed` when they come."
        "Ask for the records; see whether a file is missing."
    AbnormalClosure "abnormal_closure"
        "The header of a TS 32.297 file says that it was closed for an abnormal reason: 128 or more."
        "Look at the node: its file system, its storage, a restart. Records may have stayed there."
    LostRecords "lost_records"
        "The header of a TS 32.297 file says that records were lost before they came into it, and how many."
        "Find them at the node or in its backup; what is lost is not billed."
    CountMismatch "count_mismatch"
        "The header of a TS 32.297 file declares other octets or another number of CDRs than the file holds. An item in the midst that could not be framed counts as one."
        "Ask for the file again: it was cut or changed on its way, or its header was never completed."
    FileHeader "file_header"
        "Something else in the header of a TS 32.297 file contradicts the file: its parts, its times, the releases of the CDRs (looked at in the first block), octets behind the last CDR."
        "Nothing is left out because of it; tell the vendor of the node."
    FileGap "file_gap"
        "File sequence numbers of a node are missing, or one comes again. `gap_closed` when the files come."
        "Ask for the files; where a number comes again, see whether it is the same file."
}

impl AlarmCode {
    /// Reads the word used in files.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

impl fmt::Display for AlarmCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An alarm that lasts: the state remembers it, so that it is raised once, whatever starts and stops in between.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lasting {
    /// Its code.
    pub code: AlarmCode,
    /// Name of the source.
    pub source: CompactString,
    /// What in the source, as bytes of a path; empty when it is the source as a whole.
    pub name: Vec<u8>,
}

/// A change of what lasts, as a commit records it: an input of the line, since a clock or a folder decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlarmChange {
    /// It is so from now on.
    Raised(Lasting),
    /// It is not so any more.
    Cleared(Lasting),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_lower_snake_and_read_back() {
        for code in AlarmCode::ALL {
            assert_eq!(AlarmCode::parse(code.as_str()), Some(*code));
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            assert!(code.meaning().ends_with('.') && code.remedy().ends_with('.'));
        }
        assert_eq!(AlarmCode::parse("Gap"), None);
    }
}
