//! The clocks of every time zone that usage meets, and which of them a rate reads.
//! Relies on each clock for local days, bands and cycles.
//! Never asks what time it is: every instant is an argument.

use crate::clock::{Clock, InBand, band_at_offset};
use crate::ground::Place;
use crate::steps::increments::{Beyond, Wall};
use crate::steps::match_rate::Matched;
use caudal_tariff::{Conditions, Measure, Split, TimeBase, Week};
use caudal_usage::{Account, Part, Service, TimeZone, Timestamp};

/// Clocks of every time zone met so far, the one last asked for in front.
#[derive(Default)]
pub struct Clocks(Vec<Clock>);

impl Clocks {
    /// The clock of a zone.
    #[inline]
    pub fn of(&mut self, zone: TimeZone) -> &mut Clock {
        if self.0.first().is_none_or(|clock| clock.zone() != zone) {
            self.bring(zone);
        }
        &mut self.0[0]
    }

    /// Brings the clock of a zone to the front.
    #[cold]
    fn bring(&mut self, zone: TimeZone) {
        let at = self.0.iter().position(|clock| clock.zone() == zone).unwrap_or_else(|| {
            self.0.push(Clock::new(zone));
            self.0.len() - 1
        });
        self.0.swap(0, at);
    }

    /// Where an instant lies for an account.
    #[inline]
    pub fn place(&mut self, account: &Account, at_ms: i64) -> Place {
        let clock = self.of(account.time_zone);
        let cycle = clock.cycle(account.anchor, at_ms).first;
        Place { at_ms, day: clock.day(at_ms), cycle }
    }

    /// True when an instant lies in band 0 of a week.
    pub fn lies_in(&mut self, (base, week): (TimeBase, &Week), account: &Account, at: Timestamp) -> bool {
        self.band((base, week), account, at).band == 0
    }

    /// The band of a week at an instant, and until when it holds.
    #[inline]
    pub fn band(&mut self, (base, week): (TimeBase, &Week), account: &Account, at: Timestamp) -> InBand {
        match base {
            TimeBase::Account => self.of(account.time_zone).band(week, at.utc_ms),
            TimeBase::Zone(zone) => self.of(zone).band(week, at.utc_ms),
            TimeBase::Visited => band_at_offset(week, at.utc_ms, at.offset_s),
        }
    }
}

/// How the wall clock is read for a part that starts in `here`. Only calls are split at bands: other usage lies whole in
/// that of its start.
pub fn wall<'w>(
    clocks: &'w mut Clocks,
    (matched, account): (&Matched, &Account),
    (part, here): (&Part, InBand),
) -> Wall<'w> {
    let rate = matched.rate;
    let whole = rate.more.as_ref().is_some_and(|more| more.split == Split::Start);
    let calls = rate.when.services == Conditions::service_bit(Service::Voice);
    if rate.week.is_constant() || whole || !calls || rate.measure != Measure::Units {
        return Wall { here: InBand { until_ms: i64::MAX, ..here }, beyond: Beyond::Nothing };
    }
    let beyond = match rate.time {
        TimeBase::Account => Beyond::Zone(clocks, account.time_zone),
        TimeBase::Zone(zone) => Beyond::Zone(clocks, zone),
        TimeBase::Visited => Beyond::Offset(part.start.offset_s),
    };
    Wall { here, beyond }
}
