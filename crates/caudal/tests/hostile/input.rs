//! Damaged files: what is wrong with them is suspended under its code, everything around it is billed.
//! Relies on the order of names: `a_good` before, `z_good` after the hostile file.
//! Never a count that is only plausible: each case says how many records end where.

use crate::site::{HEADER, Site, file, good, record};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

/// A hostile file: its name, its content, the records of it that are billed, and the codes of those suspended.
type Case<'a> = (&'a str, &'a [u8], u64, &'a [(&'a str, u64)]);

/// Runs a hostile file between two good ones of five records each.
fn check(&(name, content, rated, codes): &Case<'_>) {
    let site = Site::empty();
    site.put("a_good.csv", &good(1, 5));
    site.put(name, content);
    site.put("z_good.csv", &good(91, 5));
    let ended = site.run("--epoch-records 3", 0, name);
    assert_eq!(ended.number("rated"), 10 + rated, "{name}: {}", ended.stdout);
    let report: serde_json::Value = serde_json::from_str(ended.stdout.trim()).unwrap();
    let found: BTreeMap<&str, u64> = report["suspended_codes"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_u64().unwrap()))
        .collect();
    assert_eq!(found, codes.iter().copied().collect(), "{name}");
    assert!(report["balanced"].as_bool().unwrap(), "{name}");
    site.place.audit();
    assert_eq!(site.run("", 0, name).number("records_in"), 0, "{name}");
    println!("cases: 1");
}

/// A line of so many octets without a separator.
fn long(octets: usize) -> Vec<u8> {
    vec![b'x'; octets]
}

/// Two good records around a line.
fn around(line: impl AsRef<[u8]>) -> Vec<u8> {
    file([record(10).as_bytes(), line.as_ref(), record(11).as_bytes()])
}

/// A good record with one field replaced.
fn with(column: usize, value: &str) -> Vec<u8> {
    let mut fields: Vec<String> = record(12).split(';').map(str::to_owned).collect();
    fields[column] = value.to_owned();
    fields.join(";").into_bytes()
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn truncated_files() {
    let whole = good(10, 4);
    let no_end = &whole[..whole.len() - 1];
    let cut = &whole[..whole.len() - 40];
    for case in [
        ("no_line_end.csv", no_end, 4, &[][..]),
        ("cut_in_a_record.csv", cut, 3, &[("truncated", 1)]),
        ("empty.csv", b"", 0, &[]),
        ("header_only.csv", format!("{HEADER}\n").as_bytes(), 0, &[]),
        ("half_a_header.csv", &HEADER.as_bytes()[..20], 0, &[("unknown_format", 1)]),
        ("blank_lines.csv", &joined(&[&whole, &[b'\n'; 100_000]]), 4, &[]),
        ("carriage_returns.csv", String::from_utf8_lossy(&whole).replace('\n', "\r\n").as_bytes(), 4, &[]),
        ("byte_order_mark.csv", &joined(&[b"\xEF\xBB\xBF", &whole]), 4, &[]),
    ] {
        check(&case);
    }
}

#[test]
fn binary_in_text() {
    let noise: Vec<u8> = (0..=255u8).filter(|octet| !b"\n\r;\"".contains(octet)).cycle().take(2000).collect();
    let noisy_number = joined(&[b"msc-1;13;1;20260903120000;60;6000", &noise[..40], b";933555003;cell"]);
    let noisy_cell = joined(&[record(14).as_bytes(), &noise]);
    for case in [
        ("noise.csv", &around(&noise)[..], 2, &[("truncated", 1)][..]),
        ("noise_in_a_number.csv", &around(&noisy_number), 2, &[("no_subscription", 1)]),
        ("noise_where_nobody_reads.csv", &around(&noisy_cell), 3, &[]),
        ("open_quote.csv", &around(with(7, "\"cell")), 3, &[]),
        ("nul.csv", &around([0; 500]), 2, &[("truncated", 1)]),
        ("only_noise.csv", &noise, 0, &[("unknown_format", 1)]),
        ("a_jpeg.csv", b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\n\0\n\0", 0, &[("unknown_format", 3)]),
    ] {
        check(&case);
    }
}

#[test]
fn long_lines() {
    let ten_mb = long(10_000_000);
    for case in [
        ("long_line.csv", &around(&ten_mb)[..], 2, &[("bad_length", 1)][..]),
        ("long_line_at_the_end.csv", &joined(&[&good(10, 2), &ten_mb]), 2, &[("bad_length", 1)]),
        ("only_a_long_line.csv", &ten_mb, 0, &[("bad_length", 1)]),
        ("long_separators.csv", &around(vec![b';'; 10_000_000]), 2, &[("bad_length", 1)]),
        ("long_quote.csv", &around(joined(&[b"\"", &ten_mb])), 2, &[("bad_length", 1)]),
    ] {
        check(&case);
    }
}

#[test]
fn absurd_fields() {
    for (name, line, codes) in [
        ("empty_key.csv", b";;;20260903120000;60;600000104;933555003;c".to_vec(), &[("empty_key", 1)][..]),
        ("all_empty.csv", b";;;;;;;".to_vec(), &[("missing_field", 1)]),
        ("no_start.csv", with(3, ""), &[("missing_field", 1)]),
        ("clock_ahead.csv", with(3, "21060207062815"), &[("event_in_future", 1)]),
        ("clock_behind.csv", with(3, "20200101000000"), &[("too_old", 1)]),
        ("clock_at_rest.csv", with(3, "19700101000000"), &[("bad_field", 1)]),
        ("clock_of_zeros.csv", with(3, "00000000000000"), &[("bad_field", 1)]),
        ("clock_of_nines.csv", with(3, "99999999999999"), &[("bad_field", 1)]),
        ("no_such_day.csv", with(3, "20260931120000"), &[("bad_field", 1)]),
        ("negative_duration.csv", with(4, "-60"), &[("contradictory", 1)]),
        ("endless_duration.csv", with(4, "99999999999999999999"), &[("overflow", 1)]),
        ("long_duration.csv", with(4, "9223372036854775807"), &[("overflow", 1)]),
        ("words_for_a_number.csv", with(4, "sixty"), &[("bad_field", 1)]),
        ("long_number.csv", with(6, &"9".repeat(60)), &[("no_rate", 1)]),
        ("nobody.csv", with(5, "600999999"), &[("no_subscription", 1)]),
        ("nowhere.csv", with(6, "00999123456"), &[("no_rate", 1)]),
        ("too_few_columns.csv", b"msc-1;12;1".to_vec(), &[("truncated", 1)]),
    ] {
        check(&(name, &around(line), 2, codes));
    }
}

#[test]
fn compressed_files() {
    let whole = gz(&good(1000, 400));
    let half = &whole[..whole.len() / 2];
    // What can be unpacked of a half is for the library to say; that it is billed and the rest is one item is ours.
    let site = Site::empty();
    site.put("half.csv.gz", half);
    let ended = site.run("", 0, "half.csv.gz");
    assert!((1..400).contains(&ended.number("rated")), "{}", ended.stdout);
    assert_eq!(ended.number("suspended"), 1);
    println!("cases: 1");
    let bomb = gz(&long(200 << 20));
    assert!(bomb.len() < 1 << 20);
    let mut flipped = gz(&good(10, 4));
    let tail = flipped.len() - 6;
    flipped[tail] ^= 1;
    for case in [
        ("whole.csv.gz", &whole[..], 400, &[][..]),
        ("named_otherwise.csv", &whole, 400, &[]),
        (
            "two_members.csv.gz",
            &joined(&[&gz(&good(10, 3)), &gz(format!("{}\n", record(20)).as_bytes())]),
            4,
            &[],
        ),
        // A line without an end, and what is left in the bomb.
        ("bomb.csv.gz", &bomb, 0, &[("bad_length", 2)]),
        ("wrong_checksum.csv.gz", &flipped, 4, &[("truncated", 1)]),
        ("magic_only.csv.gz", b"\x1F\x8B", 0, &[("truncated", 1)]),
        (
            "garbage_in_gzip.csv.gz",
            &joined(&[b"\x1F\x8B\x08\0\0\0\0\0\0\x03", &long(500)]),
            0,
            &[("truncated", 1)],
        ),
        ("not_compressed.csv.gz", &good(10, 4), 4, &[]),
    ] {
        check(&case);
    }
}

/// What is no regular file is left out and said; nothing is read through a link.
#[test]
fn things_that_are_no_files() {
    let site = Site::filled();
    let outside = site.place.path("outside.csv");
    std::fs::write(&outside, good(5000, 5)).unwrap();
    symlink(&outside, site.input("link.csv")).unwrap();
    symlink(site.place.path("case"), site.input("link_to_a_folder")).unwrap();
    symlink(site.input("loop.csv"), site.input("loop.csv")).unwrap();
    symlink("/dev/zero", site.input("zeros.csv")).unwrap();
    let made = Command::new("mkfifo").arg(site.input("fifo.csv")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    std::fs::create_dir_all(site.input("folder.csv/deeper")).unwrap();
    std::fs::write(site.input("folder.csv/deeper/inside.csv"), good(6000, 5)).unwrap();
    let ended = site.run("", 0, "no files");
    assert_eq!((ended.number("rated"), ended.number("suspended")), (205, 0));
    for name in ["link.csv", "link_to_a_folder", "loop.csv", "zeros.csv", "fifo.csv"] {
        assert!(ended.stderr.contains(&format!("{name}: left out")), "{name}: {}", ended.stderr);
    }
    site.place.audit();
    println!("cases: 7");
}

/// Names are bytes; what an operator or a terminal sees of them is escaped.
#[test]
fn names_that_are_no_words() {
    let names: [&[u8]; 6] = [
        b"new\nline.csv",
        b"not\xFFutf8.csv",
        b"-rf.csv",
        b"bell\x07and\x1b[31mred.csv",
        "accents-\u{e9}\u{202e}.csv".as_bytes(),
        b"quote\"and\\backslash.csv",
    ];
    let site = Site::empty();
    for (index, name) in names.iter().enumerate() {
        std::fs::write(site.input("").join(OsStr::from_bytes(name)), good(index as u32 * 10, 5)).unwrap();
    }
    std::fs::write(site.input(".hidden.csv"), good(800, 5)).unwrap();
    std::fs::write(site.input("unfinished.csv.part"), good(900, 5)).unwrap();
    let ended = site.run("--epoch-records 4", 0, "names");
    assert_eq!(ended.number("rated"), 30);
    assert!(!ended.stderr.contains(['\x07', '\x1b']), "{:?}", ended.stderr);
    for line in site.place.stream("audit") {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(line["file"].as_str().unwrap().starts_with("msc-1/"), "{line}");
    }
    site.place.audit();
    println!("cases: {}", names.len());
}

/// A file that changes after it was claimed is an alarm, not half a file of each.
/// An element sends a file again under its name, in place: as long as before and with the same first 4 KiB. Name, size,
/// inode and head are those of a file that was read; its last record is another, and was lost.
#[test]
fn files_that_are_written_anew_in_place() {
    let site = Site::empty();
    site.put("one.csv", &good(1000, 100));
    site.completes(100, "first content");
    let mut lines: Vec<_> = (1000..1099).map(record).collect();
    lines.push(record(2000));
    site.put("one.csv", &file(lines));
    let ended = site.run("", 0, "second content");
    assert_eq!((ended.number("rated"), ended.number("duplicate")), (1, 99), "{}", ended.stdout);
    site.completes(101, "nothing more");
    println!("cases: 1");
}

#[test]
fn files_that_change_while_they_are_read() {
    let other = good(7000, 50);
    let longer = [good(1000, 50), good(7000, 1)].concat();
    for (what, content) in [("replaced", &other[..]), ("cut", &other[..300]), ("grown", &longer)] {
        let site = Site::filled();
        site.run("--epoch-records 7 --commits 1", 0, what);
        std::fs::write(site.input("good_0.csv"), content).unwrap();
        if what == "grown" {
            // What was claimed is read as it was claimed; what was appended, a second header among it, comes next.
            let [first, next] = [(); 2].map(|()| site.run("", 0, what));
            assert_eq!((first.number("records_in"), next.number("records_in")), (194, 2));
            assert_eq!((next.number("duplicate"), next.number("suspended")), (0, 1));
            assert_eq!(site.place.stream("rated").len(), 201);
        } else {
            let ended = site.run("", 3, what);
            assert!(ended.stderr.contains("replaced"), "{what}: {}", ended.stderr);
        }
        println!("cases: 1");
    }
}
