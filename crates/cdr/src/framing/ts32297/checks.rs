//! A file header and what was counted in the file to a list of checks.
//! Relies on the caller to have read the file to its end.
//! Never compares files with each other: gaps of the sequence number are the caller's to find.

use super::file_header::FileHeader;
use super::header::{CdrHeader, Release};

/// What was counted while a file was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Octets of the file.
    pub size: u64,
    /// CDRs that were framed.
    pub cdrs: u64,
    /// Octets behind the last CDR: fill or damage.
    pub trailing: u64,
    /// Lowest and highest release of the CDR headers.
    pub releases: Option<(Release, Release)>,
}

impl Counted {
    /// Counts a framed record.
    pub fn cdr(&mut self, record: &[u8]) {
        self.cdrs += 1;
        let Some(header) = CdrHeader::read(record) else { return };
        let (low, high) = self.releases.unwrap_or((header.release, header.release));
        self.releases = Some((low.min(header.release), high.max(header.release)));
    }
}

/// One thing that a file header says, held against the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// The field, by the name that TS 32.297 gives it.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// True when the check holds.
    pub holds: bool,
}

fn check(field: &'static str, holds: bool, found: impl ToString, expected: impl ToString) -> Check {
    Check { field, found: found.to_string(), expected: expected.to_string(), holds }
}

impl FileHeader {
    /// Every check, held or not, in the order of the header.
    pub fn checks(&self, counted: &Counted) -> Vec<Check> {
        let mut checks = vec![
            match self.file_length {
                Some(length) => check("fileLength", u64::from(length) == counted.size, length, counted.size),
                None => check("fileLength", true, "not said", counted.size),
            },
            match self.misfit() {
                None => check("headerLength", true, self.header_length, self.header_length),
                Some(parts) => check("headerLength", false, self.header_length, parts),
            },
        ];
        if let Some((low, high)) = counted.releases {
            let within = self.lowest.0 <= low && high <= self.highest.0;
            let bounds = format!("{} to {}", self.lowest.0, self.highest.0);
            checks.push(check("releases", within, format!("{low} to {high}"), bounds));
        }
        for (field, time) in
            [("fileOpeningTimestamp", self.opened), ("timestampOfLastCdrAppended", self.last_append)]
        {
            if time.minute_of_year().is_none() {
                checks.push(check(field, false, time, "a time that exists"));
            }
        }
        if let Some(after) = self.opened.is_after(self.last_append) {
            let expected = format!("not after {}", self.last_append);
            checks.push(check("fileOpeningTimestamp", !after, self.opened, expected));
        }
        checks.push(check("numberOfCdrs", u64::from(self.cdrs) == counted.cdrs, self.cdrs, counted.cdrs));
        let closed = !self.closure.is_abnormal();
        checks.push(check("fileClosureTriggerReason", closed, self.closure, "0 to 127"));
        checks.push(check("lostCdrIndicator", self.lost.is_none(), self.lost, 0));
        checks.push(check("trailingOctets", counted.trailing == 0, counted.trailing, 0));
        checks
    }

    /// The checks that do not hold.
    pub fn findings(&self, counted: &Counted) -> Vec<Check> {
        self.checks(counted).into_iter().filter(|check| !check.holds).collect()
    }
}

#[cfg(test)]
mod tests;
