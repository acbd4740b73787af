//! The billable table: what a kind of record is for — billing, evidence only, or nothing — in each run.
//! Relies on dedup having passed the record; codes that a source's own filter decided come with the record.
//! Never prices, and never looks at who is served.

use caudal_usage::runs::OTHER_RUNS;
use caudal_usage::{Code, RecordType, Role, Run, UsageRecord};

/// What becomes of a kind of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// It is rated.
    Bill,
    /// It proves a leg that another record bills; filtered, but meant to be kept.
    Evidence,
    /// It is filtered.
    Filter,
}

impl Action {
    /// Reads the word used in `billable.csv`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "bill" => Some(Self::Bill),
            "evidence" => Some(Self::Evidence),
            "filter" => Some(Self::Filter),
            _ => None,
        }
    }
}

/// One row of `billable.csv`. `None` stands for `*`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BillableRule {
    /// What the element recorded.
    pub record_type: Option<RecordType>,
    /// Which party pays.
    pub role: Option<Role>,
    /// Whether the record was made abroad.
    pub roaming: Option<Roaming>,
    /// What becomes of such records.
    pub action: Action,
}

/// Whether a record names a serving network, which home records do not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Roaming {
    /// The record names a serving network.
    Yes,
    /// It names none.
    No,
}

/// Rows of the billable table; far above what record types, roles and roaming can combine to.
pub const MAX_RULES: usize = 1_000;

/// The table, for each run. The first row that fits decides. Without one a record is billed by the primary run; and by
/// another one unless the primary run filters it: what only proves a leg of a call to one may be what the other bills.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BillableRules {
    rules: Vec<BillableRule>,
    others: [Vec<BillableRule>; OTHER_RUNS],
}

impl BillableRules {
    /// A table of rules in the order of the file, each with its run, `None` for every run; `None` when there are more
    /// than [`MAX_RULES`].
    pub fn new(rules: &[(Option<Run>, BillableRule)]) -> Option<Self> {
        let of = |wanted: Run| {
            let rules = rules.iter().filter(|(run, _)| run.is_none_or(|run| run == wanted));
            rules.map(|(_, rule)| *rule).collect()
        };
        (rules.len() <= MAX_RULES).then(|| Self { rules: of(Run::Retail), others: Run::OTHERS.map(of) })
    }

    /// What becomes of a record.
    pub fn decide(&self, usage: &UsageRecord) -> Action {
        first(&self.rules, usage).unwrap_or(Action::Bill)
    }

    /// True when `run`, which is not the primary one, bills the usage, if only it has a payer there.
    pub fn bills(&self, run: Run, usage: &UsageRecord) -> bool {
        if usage.filter.is_some() {
            return false;
        }
        let rules = run.other().and_then(|at| self.others.get(at)).map_or(&[][..], Vec::as_slice);
        match first(rules, usage) {
            Some(action) => action == Action::Bill,
            None => self.decide(usage) != Action::Filter,
        }
    }

    /// The code under which a record is filtered: that of its source's filter, else that of the table.
    #[inline]
    pub fn filter(&self, usage: &UsageRecord) -> Option<Code> {
        if usage.filter.is_some() || self.rules.is_empty() {
            return usage.filter;
        }
        match self.decide(usage) {
            Action::Bill => None,
            Action::Evidence | Action::Filter => Some(Code::NotBillable),
        }
    }
}

/// The first row that fits.
fn first(rules: &[BillableRule], usage: &UsageRecord) -> Option<Action> {
    let roaming = if usage.serving_network.is_some() { Roaming::Yes } else { Roaming::No };
    let fits = |rule: &&BillableRule| {
        rule.record_type.is_none_or(|kind| kind == usage.record_type)
            && rule.role.is_none_or(|role| role == usage.role)
            && rule.roaming.is_none_or(|wanted| wanted == roaming)
    };
    rules.iter().find(fits).map(|rule| rule.action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::usage;
    use caudal_usage::Digits;

    #[test]
    fn the_first_row_that_fits_decides() {
        let rule = |record_type, role, roaming, action| {
            (Some(Run::Retail), BillableRule { record_type, role, roaming, action })
        };
        let rules = BillableRules::new(&[
            rule(Some(RecordType::Mtc), None, Some(Roaming::Yes), Action::Bill),
            rule(Some(RecordType::Mtc), None, None, Action::Evidence),
            rule(None, Some(Role::Forwarding), None, Action::Filter),
        ])
        .unwrap();
        let cases = [
            (RecordType::Mtc, Role::Terminating, Some("26201"), Action::Bill),
            (RecordType::Mtc, Role::Terminating, None, Action::Evidence),
            (RecordType::Moc, Role::Forwarding, None, Action::Filter),
            (RecordType::Moc, Role::Originating, None, Action::Bill),
        ];
        for (record_type, role, network, expected) in cases {
            let mut record = usage();
            record.record_type = record_type;
            record.role = role;
            record.serving_network = network.and_then(|text: &str| Digits::parse(text.as_bytes()));
            assert_eq!(rules.decide(&record), expected);
            let code = (expected != Action::Bill).then_some(Code::NotBillable);
            assert_eq!(rules.filter(&record), code);
            record.filter = Some(Code::Unanswered);
            assert_eq!(rules.filter(&record), Some(Code::Unanswered));
        }
        assert_eq!(BillableRules::default().filter(&usage()), None);
    }

    #[test]
    fn another_run_bills_what_the_primary_one_bills_or_calls_evidence_unless_a_row_says_otherwise() {
        let row = |run, record_type, action| {
            (run, BillableRule { record_type: Some(record_type), role: None, roaming: None, action })
        };
        let rules = BillableRules::new(&[
            row(Some(Run::Wholesale), RecordType::Moc, Action::Evidence),
            row(None, RecordType::SmsMo, Action::Filter),
            row(Some(Run::Interconnect), RecordType::Transit, Action::Bill),
            row(Some(Run::Retail), RecordType::Transit, Action::Filter),
            row(Some(Run::Retail), RecordType::Mtc, Action::Evidence),
        ])
        .unwrap();
        // Billed by retail, wholesale, interconnect.
        let cases = [
            (RecordType::Moc, [true, false, true]),
            (RecordType::SmsMo, [false, false, false]),
            (RecordType::Transit, [false, false, true]),
            (RecordType::Mtc, [false, true, true]),
            (RecordType::Data, [true, true, true]),
        ];
        for (record_type, expected) in cases {
            let mut record = usage();
            record.record_type = record_type;
            let billed = |record: &UsageRecord| {
                let [wholesale, interconnect] = Run::OTHERS.map(|run| rules.bills(run, record));
                [rules.filter(record).is_none(), wholesale, interconnect]
            };
            assert_eq!(billed(&record), expected, "{record_type:?}");
            record.filter = Some(Code::ZeroDuration);
            assert_eq!(billed(&record), [false; 3], "{record_type:?}");
        }
    }
}
