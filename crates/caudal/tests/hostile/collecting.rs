//! Files as elements really leave them: thousands at once, growing, cut in the middle of a line, put away.
//! Relies on records that are billed once each, so that a record read twice or not at all shows in a count.
//! Never a duplicate where nothing was sent twice.

use crate::common::edit;
use crate::site::{Site, good, record};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;

fn append(site: &Site, name: &str, content: &[u8]) {
    File::options().append(true).open(site.input(name)).unwrap().write_all(content).unwrap();
}

/// Changes what becomes of files that are done.
fn after(site: &Site, lines: &str) {
    edit(&site.pipeline().join("pipeline.toml"), "after = \"keep\"", lines);
}

/// A switch that was not collected for a month.
#[test]
fn thousands_of_small_files_are_each_billed_once() {
    const FILES: u32 = 5_000;
    let site = Site::empty();
    for number in 0..FILES {
        let folder = site.input(&format!("{:02}", number % 7));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{number}.csv")), good(number, 1)).unwrap();
    }
    let ended = site.run("", 0, "thousands");
    assert_eq!(
        (ended.number("files"), ended.number("rated"), ended.number("duplicate")),
        (u64::from(FILES), u64::from(FILES), 0)
    );
    let rated = site.place.stream("rated");
    assert_eq!(rated.iter().collect::<BTreeSet<_>>().len(), FILES as usize);
    site.place.audit();
    assert_eq!(site.run("", 0, "thousands").number("files"), 0);
    println!("cases: {FILES}");
}

/// A log that is appended to for ever, as a PBX does.
#[test]
fn a_file_that_grows_is_read_on_and_its_old_records_are_no_duplicates() {
    let site = Site::empty();
    site.put("log.csv", &good(1000, 20));
    site.completes(20, "first");
    for round in 1..5 {
        let lines: Vec<u8> =
            (0..10).flat_map(|n| format!("{}\n", record(2000 + round * 10 + n)).into_bytes()).collect();
        append(&site, "log.csv", &lines);
        site.completes(20 + 10 * round as usize, "grown");
    }
    assert_eq!(site.place.stream("duplicates"), [""; 0]);
    let ends = site.place.stream("audit");
    assert_eq!(ends.len(), 5);
    let last: serde_json::Value = ends
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .max_by_key(|line| line["octets"].as_u64())
        .unwrap();
    assert_eq!((last["file_id"].as_u64(), last["records_in"].as_u64()), (Some(0), Some(60)));
    assert!(last["grown_from"].as_u64() < last["octets"].as_u64());
    println!("cases: 5");
}

/// The file ended in the middle of a line: its half was taken for a record. The other half is none, and is not lost.
#[test]
fn a_line_that_was_cut_at_the_end_is_told_when_it_goes_on() {
    let site = Site::empty();
    let whole = good(1000, 3);
    let (first, rest) = whole.split_at(whole.len() - 20);
    site.put("log.csv", first);
    let ended = site.run("", 0, "cut");
    assert_eq!((ended.number("rated"), ended.number("suspended")), (2, 1), "{}", ended.stdout);
    append(&site, "log.csv", rest);
    append(&site, "log.csv", format!("{}\n", record(1003)).as_bytes());
    let ended = site.run("", 0, "gone on");
    assert_eq!((ended.number("rated"), ended.number("suspended_before")), (1, 1), "{}", ended.stdout);
    let suspense = site.place.stream("suspense");
    assert!(suspense.iter().any(|line| line.contains("\"cut_record\"") && line.contains("\"record\":4")));
    site.completes(3, "nothing more");
    println!("cases: 2");
}

#[test]
fn a_file_that_grows_before_it_is_put_away_is_read_on_first() {
    for lines in ["after = \"delete\"", "after = \"archive\"\narchive = \"../archive\""] {
        let site = Site::empty();
        after(&site, lines);
        site.put("log.csv", &good(1000, 50));
        // Claimed, and read in part.
        site.run("--epoch-records 7 --commits 1", 0, lines);
        append(&site, "log.csv", format!("{}\n", record(3000)).as_bytes());
        site.run("", 0, lines);
        assert!(site.input("log.csv").exists(), "{lines}");
        site.completes(51, lines);
        assert!(!site.input("log.csv").exists(), "{lines}");
        println!("cases: 1");
    }
}

/// Type, code and file of each line of `out/alerts`, sorted.
fn alerts(site: &Site) -> Vec<String> {
    let shown = |line: String| {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        [text("type"), text("code"), text("file")].join(" ")
    };
    let mut alerts: Vec<_> = site.place.stream("alerts").into_iter().map(shown).collect();
    alerts.sort();
    alerts
}

#[test]
fn content_is_known_by_itself_and_a_name_by_what_it_held() {
    let site = Site::empty();
    let content = good(1000, 20);
    site.put("one.csv", &content);
    site.put("two.csv.gz", &gzip(&content));
    site.put("empty_1.csv", b"");
    site.put("empty_2.csv", b"");
    site.run("", 0, "twice");
    let same = "alarm same_content msc-1/two.csv.gz";
    assert_eq!(alerts(&site), [same]);
    let audit = site.place.stream("audit");
    let gz = audit.iter().find(|line| line.contains("two.csv.gz")).unwrap();
    assert!(gz.contains("\"same_content_as\":2"), "{gz}");
    // Written anew in its place, then again, cut short.
    site.put("one.csv", &good(2000, 20));
    site.run("", 0, "anew");
    let replaced = "alarm replaced_content msc-1/one.csv";
    assert_eq!(alerts(&site), [replaced, same]);
    fs::remove_file(site.input("one.csv")).unwrap();
    fs::write(site.input(".one"), good(3000, 20)).unwrap();
    fs::rename(site.input(".one"), site.input("one.csv")).unwrap();
    site.run("", 0, "another");
    assert_eq!(alerts(&site).len(), 3);
    assert_eq!(site.place.stream("rated").len(), 60);
    site.place.audit();
    println!("cases: 3");
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_lasts_is_told_once_and_once_more_when_it_ends() {
    let site = Site::empty();
    after(&site, "after = \"keep\"\nsilent_after = \"1 s\"");
    site.put("one.csv", &good(1000, 5));
    std::os::unix::fs::symlink("one.csv", site.input("link.csv")).unwrap();
    site.run("", 0, "first");
    let refused = "alarm refused_file msc-1/link.csv";
    assert_eq!(alerts(&site), [refused]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let silent = "alarm silent_source ";
    for _ in 0..2 {
        site.run("", 0, "silent");
        assert_eq!(alerts(&site), [refused, silent]);
    }
    fs::remove_file(site.input("link.csv")).unwrap();
    site.put("two.csv", &good(2000, 5));
    site.run("", 0, "again");
    let cleared = ["cleared refused_file msc-1/link.csv", "cleared silent_source "];
    assert_eq!(alerts(&site), [&[refused, silent][..], &cleared].concat());
    println!("cases: 4");
}
