//! The runs beside the primary one: a usage to the payers that its subscription names for them.
//! Relies on the usage being guided; what of it each run bills, the billable table says.
//! Never touches the outcome of a record: a run that finds no payer suspends an item of its own.

use super::{Item, Routed, Step, UsageRef};
use crate::fail;
use crate::runs::{Whole, suspend_in};
use caudal_mediation::guide::Guided;
use caudal_usage::runs::OTHER_RUNS;
use caudal_usage::{Run, Turn};

/// Who pays in each run of [`Run::OTHERS`] that has the usage.
pub(super) type OtherPayers = [Option<Guided>; OTHER_RUNS];

impl Step<'_, '_, '_> {
    /// A record that the primary run filters may be what another one bills. It is a usage of its own there: what is
    /// not billed is not joined.
    pub(super) fn filtered(&mut self, item: &Item<'_>) {
        let setup = self.shard.setup;
        let bills = |run: Run| setup.billable.bills(run, item.usage);
        if !setup.reference.has_payers() || !Run::OTHERS.into_iter().any(bills) {
            return;
        }
        // Where nobody is found, nobody names a payer.
        let Ok(guided) = setup.reference.guide(item.usage) else { return };
        self.give_others(item, guided);
    }

    /// Gives a record that is a usage of its own to the other runs that bill it.
    pub(super) fn give_others(&mut self, item: &Item<'_>, guided: Guided) {
        if self.shard.setup.reference.has_payers() {
            let raw = self.epoch.raw(item.parsed, item.usage);
            let payers = self.other_payers(&Whole { usage: item.usage, members: &[], raw }, guided);
            self.pass_others((item.turn, item.place), payers);
        }
    }

    /// Finds who pays in the other runs that bill the usage.
    pub(super) fn other_payers(&mut self, whole: &Whole<'_>, guided: Guided) -> OtherPayers {
        let mut payers = OtherPayers::default();
        let setup = self.shard.setup;
        if !setup.reference.has_payers() {
            return payers;
        }
        for (payer, run) in payers.iter_mut().zip(Run::OTHERS) {
            let found = setup.reference.payer(guided.subscription, run, whole.usage.start.utc_ms);
            let Some(found) = found.filter(|_| setup.billable.bills(run, whole.usage)) else { continue };
            if let Some(other) = self.effects.runs.get_mut(run) {
                other.took += 1;
                other.counts.usages += 1;
            }
            for _ in 0..fail::times("runs.guide") {
                match &found {
                    Ok(guided) => *payer = self.passed(run, *guided),
                    Err(fault) => {
                        let (runs, out) = (&mut self.effects.runs, &mut self.effects.suspense);
                        suspend_in(runs, out, (self.epoch, whole), (run, fault));
                    }
                }
            }
        }
        payers
    }

    fn passed(&mut self, run: Run, guided: Guided) -> Option<Guided> {
        let other = self.effects.runs.get_mut(run)?;
        other.gave += 1;
        other.passed += 1;
        Some(guided)
    }

    /// Gives a usage to the accounts that pay for it in the other runs, behind the one that pays in the primary.
    pub(super) fn pass_others(&mut self, (turn, usage): (Turn, UsageRef), payers: OtherPayers) {
        for (payer, run) in payers.into_iter().zip(Run::OTHERS) {
            let Some(guided) = payer else { continue };
            for _ in 0..fail::times("runs.exchange") {
                self.push(Routed { turn, usage, guided, run });
            }
        }
    }
}
