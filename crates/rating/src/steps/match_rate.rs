//! Match: which rate prices a usage. Plan first, then its base plan, and theirs.
//! Relies on the tariff's order of rates: the first whose conditions hold is the most specific.
//! Never falls to a price of zero: where nothing matches, the usage is suspended `no_rate`.

use caudal_tariff::{Facts, PlanVersion, Pricing, Rate, RateTable, Tariff, Terms, ZoneId};
use caudal_usage::{Code, Direction, Fault, Party, UsageRecord};

/// Longest chain of base plans that is followed; `compile` refuses circles.
const BASES_MAX: usize = 8;

/// The rate that won, and where its prices stand.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'t> {
    /// The rate.
    pub rate: &'t Rate,
    /// Version of the plan that has the rate: the subscription's own or a base plan's.
    pub version: &'t PlanVersion,
    /// Its table, where it has one.
    table: Option<&'t RateTable>,
    zone: Option<ZoneId>,
    day: i32,
}

/// Terms of one band, with the names that a charge line shows.
#[derive(Clone, Copy, Debug)]
pub struct BandPrice<'t> {
    /// What is charged.
    pub terms: Terms,
    /// Row of the table.
    pub row: Option<u32>,
    /// Name of the band.
    pub band: Option<&'t str>,
}

impl<'t> Matched<'t> {
    /// Name for charge lines: the table's file, or the rate's id.
    pub fn table_name(&self) -> &'t str {
        self.table.map_or(&self.rate.id, |table| &table.path)
    }

    /// Terms of a band on the day of the usage.
    #[inline]
    pub fn band(&self, band: u16) -> Option<BandPrice<'t>> {
        let index = usize::from(band);
        match &self.rate.pricing {
            Pricing::Plan(bands) => {
                let band = bands.get(index)?;
                Some(BandPrice { terms: band.terms, row: None, band: band.name.as_deref() })
            }
            Pricing::Table { bands, .. } => {
                let band = bands.get(index)?;
                let row = self.table?.row(self.zone?, band.in_table, self.day)?;
                Some(BandPrice { terms: row.terms, row: Some(row.line), band: band.name.as_deref() })
            }
        }
    }

    /// True when every band has a price on the day of the usage.
    fn is_priced(&self) -> bool {
        match &self.rate.pricing {
            Pricing::Plan(_) => true,
            Pricing::Table { bands, .. } => {
                (0..bands.len()).all(|band| u16::try_from(band).is_ok_and(|band| self.band(band).is_some()))
            }
        }
    }
}

/// The zone of the far party: the called of an outgoing, the calling of an incoming usage.
#[inline]
pub fn zone_of(tariff: &Tariff, usage: &UsageRecord, day: i32) -> Option<ZoneId> {
    match far_party(usage) {
        Party::E164(number) => tariff.zone(*number, day),
        Party::Absent | Party::Other(_) => None,
    }
}

fn far_party(usage: &UsageRecord) -> &Party {
    match usage.direction {
        Direction::Out => &usage.called,
        Direction::In => &usage.calling,
    }
}

/// The first rate of the plan, else of its base plans, whose conditions hold and which has a price that day.
#[inline]
pub fn match_rate<'t>(
    tariff: &'t Tariff,
    version: &'t PlanVersion,
    facts: &Facts,
    day: i32,
) -> Option<Matched<'t>> {
    let mut level = Some(version);
    for _ in 0..BASES_MAX {
        let version = level?;
        for rate in version.rates_for(facts.service).filter(|rate| rate.when.hold(facts)) {
            let table = match &rate.pricing {
                Pricing::Plan(_) => None,
                Pricing::Table { table, .. } => tariff.table(*table),
            };
            let matched = Matched { rate, version, table, zone: facts.zone, day };
            if matched.is_priced() {
                return Some(matched);
            }
        }
        level = version.base.and_then(|base| tariff.plan_version(base, day));
    }
    None
}

/// What was looked for in vain. Numbers appear as their first digits only.
#[cold]
pub fn no_rate(tariff: &Tariff, usage: &UsageRecord, facts: &Facts) -> Fault {
    let (service, direction) = (facts.service.as_str(), facts.direction.as_str());
    if let Some(group) = facts.rating_group {
        let found = format!("{service}, rating group {group}");
        return Fault::new(Code::NoRate, "rating_group", found.as_bytes());
    }
    let zone = match (facts.zone, far_party(usage)) {
        (Some(zone), _) => format!("zone {}", tariff.zone_name(zone)),
        (None, Party::E164(number)) => format!("no zone for {}…", number.prefix(5)),
        (None, Party::Absent | Party::Other(_)) => "no zone: the far party is no number".to_owned(),
    };
    Fault::new(Code::NoRate, "zone", format!("{service} {direction}, {zone}").as_bytes())
}
