//! The runs beside the primary one: the same usage to the events of those who pay for it there.
//! Relies on the primary run having been rated before, as a run does it.
//! Never changes the outcome of a line: a run that cannot price it says so beside.

use super::Desk;
use crate::print::json;
use caudal_mediation::guide::Guided;
use caudal_rating::RatingInput;
use caudal_usage::{Fault, Run, UsageRecord};
use caudal_wire::event::{self, EventSource};

/// What the other runs made of a line.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Their events, in the order of the runs, each written.
    events: Vec<Vec<u8>>,
    /// Runs that cannot price the line.
    suspended: Vec<(Run, Fault)>,
}

impl Others {
    /// Begins another line.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.suspended.clear();
    }

    /// Writes the events behind those of the primary run: `written` of them stand in the open array of an answer,
    /// which is closed; `None` where none was opened.
    pub(super) fn close(&self, out: &mut Vec<u8>, written: Option<usize>) {
        if written.is_none() && !self.events.is_empty() {
            json::key(out, "events");
            out.push(b'[');
        }
        for (index, event) in self.events.iter().enumerate() {
            if index > 0 || written.is_some_and(|written| written > 0) {
                out.push(b',');
            }
            out.extend_from_slice(event);
        }
        if written.is_some() || !self.events.is_empty() {
            out.push(b']');
        }
        if !self.suspended.is_empty() {
            json::nested(out, "suspended_runs", |out| {
                for (run, fault) in &self.suspended {
                    json::nested(out, run.as_str(), |out| {
                        json::text(out, "code", fault.code.as_str());
                        json::text(out, "field", &fault.field);
                        json::text(out, "found", &fault.found);
                    });
                }
            });
        }
    }
}

impl Desk<'_> {
    /// Prices lines in every run, not in the primary one alone.
    pub fn in_all_runs(mut self) -> Self {
        self.others = Some(Others::default());
        self
    }

    /// True when some usage may have other runs than the primary one.
    pub(super) const fn has_others(&self) -> bool {
        self.others.is_some() && self.reference.has_payers()
    }

    /// Rates a usage in the other runs that bill it.
    pub(super) fn rate_others(&mut self, record: &UsageRecord, guided: Guided) {
        if !self.has_others() {
            return;
        }
        for run in Run::OTHERS {
            let payer = self.reference.payer(guided.subscription, run, record.start.utc_ms);
            let Some(payer) = payer.filter(|_| self.billable.bills(run, record)) else { continue };
            let done = payer.and_then(|payer| self.rate_in(run, record, payer));
            let Some(others) = &mut self.others else { return };
            match done {
                Ok(events) => others.events.extend(events),
                Err(fault) => others.suspended.push((run, fault)),
            }
        }
    }

    fn rate_in(&mut self, run: Run, record: &UsageRecord, payer: Guided) -> Result<Vec<Vec<u8>>, Fault> {
        let input = RatingInput {
            usage: record,
            run,
            account: self.reference.account(payer.account),
            subscription: self.reference.subscription(payer.subscription),
            roster: self.reference,
        };
        let balances = self.balances.entry(payer.account_key).or_default();
        let events = self.rater.rate(&input, balances)?;
        if let Some(cycles) = &mut self.cycles {
            events.iter().for_each(|event| cycles.add(payer.account_key, event));
        }
        let records = [record.at().record];
        let source = EventSource { file: &self.file, file_id: 0, records: &records, elsewhere: &[] };
        let written = events.iter().map(|billable| {
            let mut out = Vec::new();
            event::write(&mut out, billable, &source);
            // The writer ends each event with a line end.
            out.pop();
            out
        });
        Ok(written.collect())
    }
}
