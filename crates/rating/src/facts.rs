//! The facts about a usage that conditions look at.
//! Relies on the tariff to say which facts some condition needs: the others are not found out.
//! Never guesses: what a record does not say fulfils no condition.

use caudal_tariff::{Facts, Tariff, ZoneId};
use caudal_usage::{Account, Digits, Direction, Party, Service, UsageRecord};

/// The near and the far party of a usage.
fn parties(usage: &UsageRecord) -> [&Party; 2] {
    match usage.direction {
        Direction::Out => [&usage.calling, &usage.called],
        Direction::In => [&usage.called, &usage.calling],
    }
}

/// The far party: the called of an outgoing, the calling of an incoming usage.
pub fn far_party(usage: &UsageRecord) -> &Party {
    let [_, far] = parties(usage);
    far
}

fn zone_of(tariff: &Tariff, party: &Party, day: i32) -> Option<ZoneId> {
    match party {
        Party::E164(number) => tariff.zone(*number, day),
        Party::Absent | Party::Other(_) => None,
    }
}

/// Digits of a number, short ones as they were dialled included.
fn digits(party: &Party) -> Option<Digits> {
    match party {
        Party::E164(number) => Some(*number),
        Party::Other(text) => Digits::parse(text.as_bytes()),
        Party::Absent => None,
    }
}

/// The facts of a usage on the local day of its chargeable start; the rating group is that of a part.
#[inline]
pub fn facts(tariff: &Tariff, usage: &UsageRecord, account: &Account, day: i32) -> Facts {
    let looks = tariff.looks();
    let mut facts = Facts::of(usage.service, usage.direction);
    if looks.network {
        facts.network = usage.serving_network.and_then(|network| tariff.network_zone(network, day));
    }
    facts.zone = match usage.service {
        Service::Data => facts.network,
        Service::Voice | Service::Sms | Service::Content => zone_of(tariff, far_party(usage), day),
    };
    if looks.origin {
        let [near, _] = parties(usage);
        facts.origin = zone_of(tariff, near, day);
    }
    if looks.number {
        let class = digits(far_party(usage)).and_then(|number| tariff.number_class(number, day));
        // A number that no row names is not ours.
        facts.on_net = Some(class.is_some_and(|class| class.on_net));
        facts.special = class.map_or(0, |class| class.special);
    }
    if looks.attributes {
        facts.attributes = tariff.words().attributes(|name| attribute(usage, name));
    }
    if looks.account {
        facts.account = tariff.words().account_of(&account.id);
    }
    facts
}

/// An attribute by its name; that of the radio access has two.
fn attribute<'a>(usage: &'a UsageRecord, name: &str) -> Option<&'a str> {
    let find = |name: &str| usage.attributes.as_ref()?.get(name);
    find(name).or_else(|| if name == "rat_type" { find("rat") } else { None })
}
