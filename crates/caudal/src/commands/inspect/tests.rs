//! The JSON lines are the contract: one file, its records and damage in order, one summary that sums.

use super::*;
use serde_json::Value;

fn args(path: PathBuf, format: Option<&str>) -> InspectArgs {
    InspectArgs { path, format: format.map(str::to_owned), hex: true, json: true }
}

fn lines(args: &InspectArgs) -> Vec<Value> {
    let mut out = Vec::new();
    report(args, &mut out).unwrap();
    out.split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn a_file_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, b"node;when;\"x\n1;20261002195930;\x1b[2J\n2;20261002195931;\xff\n3;4\n").unwrap();
    let found = lines(&args(path.clone(), Some("delimited")));
    let types: Vec<_> = found.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!((types[0], types[types.len() - 1]), ("file", "summary"));
    let (file, summary) = (&found[0], &found[found.len() - 1]);
    assert_eq!((&file["format"], &file["separator"]), (&"delimited".into(), &";".into()));
    let of = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(of("parsed") + of("fill") + of("suspended"), of("size"));
    assert_eq!(of("size"), path.metadata().unwrap().len());
    for line in &found[1..found.len() - 1] {
        let (offset, length) = (line["offset"].as_u64().unwrap(), line["length"].as_u64().unwrap());
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(line["hex"], hex_text(&bytes[offset as usize..(offset + length) as usize]));
    }
}

#[test]
fn what_people_see_drives_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a\x1b[31m.csv"), b"a\x07;b;c\n1;\x1b]0;x\x07;3\n").unwrap();
    for path in [folder.path().to_owned(), folder.path().join("a\x1b[31m.csv")] {
        let mut out = Vec::new();
        report(&InspectArgs { json: false, ..args(path, Some("delimited")) }, &mut out).unwrap();
        assert!(out.iter().all(|octet| *octet == b'\n' || !octet.is_ascii_control()));
        assert!(!out.is_empty());
    }
}

#[test]
fn a_folder_in_sums() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-cdrs/redelivery/input");
    let found = lines(&args(samples, None));
    assert_eq!(found.len(), 5);
    let records: u64 = found[..4].iter().map(|line| line["records"].as_u64().unwrap()).sum();
    assert_eq!(found[4]["records"].as_u64(), Some(records));
}

#[test]
fn wrong_usage() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    for (path, format) in [(here.clone(), Some("tap")), (here.join("nowhere"), None)] {
        assert!(matches!(inspect(&args(path, format)), Err(Failure::Usage(_))));
    }
}

/// A file among the octets of the independent encoder.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cdr/testdata").join(name)
}

/// The lines of a binary file; every octet is in one of the three sums, and each hex is that of its place.
fn binary(path: &Path) -> Vec<Value> {
    let found = lines(&args(path.to_owned(), None));
    let bytes = std::fs::read(path).unwrap();
    let summary = found.last().unwrap();
    let of = |line: &Value, name: &str| line[name].as_u64().unwrap();
    assert_eq!(of(summary, "parsed") + of(summary, "fill") + of(summary, "suspended"), bytes.len() as u64);
    for line in &found[1..found.len() - 1] {
        let (offset, length) = (of(line, "offset") as usize, of(line, "length") as usize);
        assert_eq!(line["hex"], hex_text(&bytes[offset..offset + length]));
    }
    found
}

#[test]
fn a_cdr_file_in_json() {
    let found = binary(&sample("ts32297/ts32297_r8_2rec.cdr"));
    let [file, pgw, sgw, summary] = found.as_slice() else { panic!("four lines") };
    assert_eq!(file["format"], "ts32297");
    assert_eq!(
        (&file["header"]["fileSequenceNumber"], &file["header"]["nodeIpAddress"]),
        (&41.into(), &"10.0.0.1".into())
    );
    assert!(file["checks"].as_object().unwrap().values().all(|check| check["holds"] == true));
    assert_eq!((&file["kinds"]["pGWRecord"], &file["kinds"]["sGWRecord"]), (&1.into(), &1.into()));
    assert_eq!(
        (&pgw["kind"], &pgw["offset"], &pgw["length"]),
        (&"pGWRecord".into(), &52.into(), &211.into())
    );
    assert_eq!(pgw["cdr"]["specification"], "TS 32.251");
    let fields = &pgw["fields"];
    assert_eq!(
        (&fields["servedIMSI"], &fields["chargingID"]),
        (&"261007000000001".into(), &3_735_928_559_u64.into())
    );
    assert_eq!(fields["listOfServiceData"][0]["datavolumeFBCDownlink"], 9_876_543_210_u64);
    assert_eq!(fields["recordOpeningTime"], "2026-11-22T15:30:45+03:00");
    assert_eq!(fields["causeForRecClosing"], "volumeLimit");
    assert_eq!(sgw["kind"], "sGWRecord");
    assert_eq!((&summary["records"], &summary["findings"]), (&2.into(), &0.into()));
}

#[test]
fn what_is_wrong_with_binary_files() {
    let check = |name: &str, records: u64, damage: &[&str], failed: &[&str]| {
        let found = binary(&sample(name));
        let (file, summary) = (&found[0], found.last().unwrap());
        let codes: Vec<_> = found
            .iter()
            .filter(|line| line["type"] == "damage")
            .map(|line| line["code"].as_str().unwrap())
            .collect();
        let checks = file["checks"].as_object().unwrap().iter();
        let broken: Vec<_> =
            checks.filter(|(_, check)| check["holds"] == false).map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            (summary["records"].as_u64(), codes.as_slice(), broken.as_slice()),
            (Some(records), damage, failed),
            "{name}"
        );
        assert_eq!(summary["findings"], failed.len());
    };
    check("records/ber_concat.ber", 4, &[], &[]);
    check("records/ber_block512_fill00.ber", 5, &[], &[]);
    check("records/tap_moc_pycrate.ber", 1, &[], &[]);
    check("ts32297/ts32297_r16_chf.cdr", 2, &[], &[]);
    check("ts32297/ts32297_bad_count.cdr", 1, &[], &["numberOfCdrs"]);
    check(
        "ts32297/ts32297_truncated.cdr",
        1,
        &["truncated"],
        &["fileLength", "numberOfCdrs", "trailingOctets"],
    );
    check("ts32297/ts32297_lost_ge5_abnormal.cdr", 1, &[], &["fileClosureTriggerReason", "lostCdrIndicator"]);
}

#[test]
fn a_cdr_file_for_people() {
    let mut out = Vec::new();
    let args = InspectArgs { json: false, hex: false, ..args(sample("ts32297/ts32297_truncated.cdr"), None) };
    report(&args, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for expected in [
        "numberOfCdrs                 2                       ✗ expected 1",
        "fileSequenceNumber           47",
        "pGWRecord 1 · offset 52 · 211 octets · R8 version 3 BER TS 32.251",
        "servedIMSI",
        "2026-11-22T15:30:45+03:00",
        "DAMAGE 2 · offset 263 · 104 octets · truncated",
    ] {
        assert!(text.contains(expected), "{expected} not in\n{text}");
    }
}

#[test]
fn a_folder_of_cdr_files_with_its_sequence() {
    let found = lines(&args(sample("ts32297"), None));
    let sequence = found.iter().find(|line| line["type"] == "sequence").unwrap();
    assert_eq!(
        (&sequence["node"], &sequence["first"], &sequence["last"]),
        (&"10.0.0.1".into(), &41.into(), &48.into())
    );
    assert_eq!(sequence["story"], "missing 43–44, 46");
    assert_eq!(found.last().unwrap()["type"], "summary");
}

#[test]
fn unknown_tags_and_wrong_values_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.ber");
    std::fs::write(&path, b"\xBF\x4F\x12\x80\x01\x55\x9F\x63\x03new\x85\x04\xDE\xAD\xBE\xEF\x8E\x01\xFF")
        .unwrap();
    let found = binary(&path);
    let [file, record, summary] = found.as_slice() else { panic!("three lines") };
    assert_eq!(file["unknown_tags"]["[99]"], 1);
    assert_eq!(
        (&record["unknown"][0]["offset"], &record["unknown"][0]["hex"]),
        (&6.into(), &"9f63036e6577".into())
    );
    assert_eq!(
        (&record["read_as_unsigned"][0], &record["wrong"][0]),
        (&"chargingID".into(), &"duration".into())
    );
    assert_eq!(summary["findings"], 1);
    assert!(matches!(inspect(&InspectArgs { json: true, ..args(path, None) }), Err(Failure::Found)));
}
