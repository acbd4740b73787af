//! The story of packet gateways as TS 32.297 files of PGWRecords, about 350 octets each.
//! Relies on the story for what is in them, and on the encoders of the formats for the octets.
//! Never reads what it wrote.

use crate::cdr::{Cdr, Damage, Lists};
use crate::folder;
use crate::gateway::Story;
use crate::manifest::Manifest;
use crate::options::Options;
use crate::random::mix;
use crate::text::{Clock, number};
use anyhow::Context;
use caudal_cdr::ber::time;
use caudal_cdr::formats::pgw::encode::{Record, ServiceData, TrafficVolume, write_record};
use caudal_cdr::framing::ts32297::encode::{CdrKind, FileKind, FileWriter};
use caudal_usage::LocalTime;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Most records of one file: 7 MB.
const RECORDS_MAX: u64 = 20_000;

/// Files that even a small set is spread over, so that what happens between files happens.
const FILES_MIN: u64 = 8;

/// Fewest records of one file, unless there are fewer in all: among so many, some can be read.
const RECORDS_MIN: u64 = 10;

/// Seconds east of UTC that each gateway's clock shows.
const OFFSETS_S: [i32; 4] = [7_200, 0, -10_800, 19_800];

/// Releases of the gateways' records: headers of four octets and of five.
const RELEASES: [u8; 4] = [8, 16, 9, 13];

const NODES: [&str; 4] = ["PGW01", "PGW02", "PGW03", "PGW04"];

/// How the pipeline reads these files.
const PIPELINE: &str = r#"# A generated set: the files of ../input with the outcomes that ../manifest.json expects.
name = "generated-pgw"
output = "out"
dedup = { window = "90 days" }

[[source]]
name = "gateways"
format = "pgw"
directory = "../input"
complete = "renamed"
after = "keep"
numbers = { country = "34", national_prefix = "", international_prefix = "00" }
"#;

/// Writes the input files and returns what must come of them.
pub fn write(options: &Options) -> anyhow::Result<Manifest> {
    folder::write_by_groups(options, PIPELINE)?;
    let mut story = Story::new(options);
    let mut files = Files::new(options);
    let mut record = Vec::new();
    while let Some((cdr, damage)) = story.next() {
        record.clear();
        render(&cdr, damage, &mut record);
        files.cdr(story.now_s(), CdrKind::pgw(RELEASES[cdr.gateway]), &record)?;
    }
    let files = files.finish(story.now_s())?;
    let (tally, reckoning) = story.finish();
    Ok(Manifest::new(files, tally, &reckoning))
}

/// Files of a bounded number of records, named in the order in which they are to be read.
struct Files {
    folder: PathBuf,
    records_per_file: u64,
    sequence: u32,
    file: FileWriter,
    opened_s: i64,
}

impl Files {
    fn new(options: &Options) -> Self {
        let records_per_file = options.records.div_ceil(FILES_MIN).clamp(RECORDS_MIN, RECORDS_MAX);
        let folder = options.out.join("input");
        Self { folder, records_per_file, sequence: 0, file: FileWriter::new(), opened_s: 0 }
    }

    fn cdr(&mut self, now_s: i64, kind: CdrKind, record: &[u8]) -> anyhow::Result<()> {
        const FULL: u8 = 3;
        if u64::from(self.file.cdrs()) == self.records_per_file {
            self.close(now_s, FULL)?;
        }
        if self.file.cdrs() == 0 {
            self.opened_s = now_s;
        }
        self.file.cdr(kind, record);
        Ok(())
    }

    fn finish(mut self, now_s: i64) -> anyhow::Result<u64> {
        const NORMAL: u8 = 0;
        self.close(now_s, NORMAL)?;
        Ok(u64::from(self.sequence))
    }

    fn close(&mut self, now_s: i64, closure: u8) -> anyhow::Result<()> {
        self.sequence += 1;
        let header = FileKind {
            sequence: self.sequence,
            node: Ipv4Addr::new(10, 0, 0, 1).into(),
            opened: local(self.opened_s, 0),
            last_append: local(now_s, 0),
            closure,
            lost: 0,
            routeing_filter: b"",
            private_extension: Some(b""),
        };
        let path = self.folder.join(self.name());
        fs::write(&path, self.file.finish(&header))
            .with_context(|| format!("cannot write {}", path.display()))?;
        self.file = FileWriter::new();
        Ok(())
    }

    /// `PGW_-_00001.20260901_-_0000+0000.cdr`: node, running count, and when the file was opened.
    fn name(&self) -> String {
        let clock = Clock::of(self.opened_s);
        let mut name = b"PGW_-_".to_vec();
        number(&mut name, u64::from(self.sequence), 5);
        name.push(b'.');
        number(&mut name, clock.year, 4);
        number(&mut name, clock.month, 2);
        number(&mut name, clock.day, 2);
        name.extend_from_slice(b"_-_");
        number(&mut name, clock.hour, 2);
        number(&mut name, clock.minute, 2);
        name.extend_from_slice(b"+0000.cdr");
        String::from_utf8_lossy(&name).into_owned()
    }
}

fn local(at_s: i64, offset_s: i32) -> LocalTime {
    LocalTime { local_ms: (at_s + i64::from(offset_s)) * 1000, offset_s: Some(offset_s) }
}

/// One record, broken or not.
fn render(cdr: &Cdr, damage: Option<Damage>, out: &mut Vec<u8>) {
    let at = |at_s| local(at_s, OFFSETS_S[cdr.gateway]);
    let containers = &cdr.containers[..cdr.count];
    let mut services: Vec<_> = (1..)
        .zip(containers)
        .map(|(place, container)| ServiceData {
            rating_group: container.group,
            service: cdr.salt.is_multiple_of(2).then_some(container.group / 10),
            local_sequence: Some(place),
            first_usage: container.says_start.then(|| at(container.from_s)),
            last_usage: container.says_start.then(|| at(container.to_s)),
            time_usage: Some(u32::try_from(container.to_s - container.from_s).unwrap_or(0)),
            up: Some(container.up),
            down: Some(container.down),
            reported: at(container.to_s),
        })
        .collect();
    let mut volumes: Vec<_> = containers
        .iter()
        .map(|container| TrafficVolume {
            up: Some(container.up),
            down: Some(container.down),
            changed: at(container.to_s),
        })
        .collect();
    match cdr.lists {
        Lists::Flows => volumes.clear(),
        Lists::Bearers => services.clear(),
        Lists::Both => {}
    }
    match (damage, services.first_mut()) {
        (Some(Damage::Contradictory), Some(first)) => {
            first.last_usage = Some(first.reported);
            first.first_usage = Some(at(containers[0].to_s + 60));
        }
        (Some(Damage::Overflow), Some(first)) => first.up = Some(1 << 63),
        _ => {}
    }
    write_fields(cdr, (&services, &volumes), out);
    if let Some(damage) = damage {
        broken(damage, &time::octets(at(cdr.opened_s)), out);
    }
}

fn write_fields(
    cdr: &Cdr,
    (services, traffic_volumes): (&[ServiceData], &[TrafficVolume]),
    out: &mut Vec<u8>,
) {
    let imsi = format!("{:015}", cdr.imsi);
    let msisdn = format!("34{:09}", cdr.msisdn);
    let imei = format!("35{:014}", mix(cdr.msisdn) % 100_000_000_000_000);
    let place = cdr.salt.to_be_bytes();
    // TAI and ECGI of the test network 001-01.
    let location =
        [0x82, 0x00, 0xF1, 0x10, place[0], place[1], 0x00, 0xF1, 0x10, 0, place[2], place[3], place[4]];
    let gateway = u8::try_from(cdr.gateway).unwrap_or(0);
    let v4 = |last: [u8; 3]| IpAddr::V4(Ipv4Addr::new(10, last[0], last[1], last[2]));
    let record = Record {
        imsi: Some(&imsi),
        gateway: v4([0, 0, 1 + gateway]),
        charging_id: cdr.charging_id,
        serving_node: v4([0, 1, place[5]]),
        apn: Some("internet"),
        address: Some(v4([100 + place[6] % 100, place[7], place[5]])),
        traffic_volumes,
        opened: local(cdr.opened_s, OFFSETS_S[cdr.gateway]),
        duration_s: cdr.duration_s,
        // Normal release, else the time limit.
        cause: if cdr.last { 0 } else { 17 },
        sequence: (cdr.sequence > 0).then_some(cdr.sequence),
        node: Some(NODES[cdr.gateway]),
        local_sequence: Some(cdr.local_sequence),
        msisdn: Some(&msisdn),
        plmn: Some("00101"),
        imei: Some(&imei),
        rat_type: Some(6),
        location: &location,
        services,
        retransmission: false,
    };
    write_record(&record, out);
}

/// Breaks a record by its opening time, which is `8D 09` and nine octets, with the duration behind it.
fn broken(damage: Damage, opened: &[u8; 9], record: &mut Vec<u8>) {
    let pattern = [&[0x8D, 0x09], opened.as_slice()].concat();
    let at = record.windows(pattern.len()).position(|octets| octets == pattern).unwrap_or(0);
    match damage {
        Damage::BadDate => record[at + 3] = 0x13,
        // `[1]` is no field of the record.
        Damage::MissingOpening => record[at] = 0x81,
        // The duration becomes a second charging id.
        Damage::Twice => record[at + pattern.len()] = 0x85,
        Damage::Cut => {
            record.pop();
            // `BF 4F`, then `81` and one octet of length, or `82` and two.
            let low = if record[2] == 0x81 { 3 } else { 4 };
            if record[low] == 0 {
                record[low - 1] -= 1;
            }
            record[low] = record[low].wrapping_sub(1);
        }
        Damage::Contradictory | Damage::Overflow => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Format;

    #[test]
    fn records_have_about_350_octets() {
        let options = Options::new(Format::Pgw, 5_000, 3, "unused".into());
        let mut octets = Vec::new();
        for (cdr, damage) in Story::new(&options) {
            render(&cdr, damage, &mut octets);
        }
        let mean = octets.len() / 5_000;
        assert!((300..400).contains(&mean), "{mean}");
    }

    #[test]
    fn damage_changes_what_it_says() {
        let options = Options::new(Format::Pgw, 1, 3, "unused".into());
        let (cdr, _) = Story::new(&options).next().unwrap();
        let whole = |damage| {
            let mut out = Vec::new();
            render(&cdr, damage, &mut out);
            out
        };
        let good = whole(None);
        for damage in [Damage::BadDate, Damage::MissingOpening, Damage::Twice] {
            let bad = whole(Some(damage));
            assert_eq!(bad.len(), good.len());
            assert_eq!(good.iter().zip(&bad).filter(|(a, b)| a != b).count(), 1, "{damage:?}");
        }
        assert_eq!(whole(Some(Damage::Cut)).len(), good.len() - 1);
    }
}
