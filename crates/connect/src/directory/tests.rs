use super::content::{Bounds, Content};
use super::reader::Reader;
use super::*;
use crate::compliance::{blocks, check, claim, found as find};
use caudal_cdr::framing::RECORD_MAX;
use caudal_engine::source::{Block, BlockKind, FoundFile, Refused, Standing};
use caudal_usage::Code;
use flate2::{Compression, write::GzEncoder};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

/// A scan long after every file was written.
pub(super) const LATER_MS: i64 = i64::MAX / 2;

pub(super) fn config(folder: &Path) -> DirectoryConfig {
    DirectoryConfig {
        source: 3,
        directory: folder.join("in"),
        complete: Complete::Renamed,
        after: After::Keep,
        ignore: vec![".md5".into()],
        silent_after_ms: None,
        framing: Framing::Lines,
    }
}

/// A folder with `in/`, and the files named.
pub(super) fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    for (name, content) in files {
        write(folder.path(), name, content);
    }
    folder
}

pub(super) fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join("in").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Lines that do not compress to nothing; about 50 octets each.
fn lines(count: usize) -> Vec<u8> {
    let line =
        |n: usize| format!("{n};{};{}\n", n.wrapping_mul(2_654_435_761), n.wrapping_mul(40_503).pow(2));
    (0..count).flat_map(|n| line(n).into_bytes()).collect()
}

fn names(source: &mut DirectorySource, now_ms: i64) -> Vec<String> {
    let found = find(source, now_ms, &|_| false);
    found.into_iter().map(|file| String::from_utf8(file.name).unwrap()).collect()
}

fn refused(source: &DirectorySource) -> Vec<String> {
    let shown = |refused: Refused| format!("{}: {}", String::from_utf8_lossy(&refused.name), refused.why);
    source.refused().unwrap().into_iter().map(shown).collect()
}

#[test]
fn complies_as_a_source() {
    let big = lines(40_000);
    let mut long = b"first\n".to_vec();
    long.resize(3_000_000, b'x');
    long.extend_from_slice(b"\nlast");
    let contents: [&[u8]; 8] = [b"", b"\n\n", b"a\nb", b"a\nb\n", &big, &long, &big, &big];
    for after in [After::Keep, After::Delete, After::Archive("archive".into())] {
        let folder = folder(&[]);
        for (index, content) in contents.iter().enumerate() {
            let name = if index % 2 == 0 { format!("{index}.csv") } else { format!("{index}/x.csv") };
            let packed = match index {
                6 => gzip(content),
                7 => zstd(content),
                _ => content.to_vec(),
            };
            write(folder.path(), &name, &packed);
        }
        let mut config = config(folder.path());
        config.after = match after {
            After::Archive(name) => After::Archive(folder.path().join(name)),
            other => other,
        };
        check(&mut DirectorySource::new(config), Framing::Lines, &contents);
    }
}

#[test]
fn binary_files_comply_alike() {
    let element: &[u8] = include_bytes!("../../../cdr/testdata/records/pgw_pycrate.ber");
    let file: &[u8] = include_bytes!("../../../cdr/testdata/ts32297/ts32297_r8_2rec.cdr");
    for (framing, head, record) in [(Framing::Ber, 0, element), (Framing::Ts32297, 52, &file[52..])] {
        let content = |parts: &[&[u8]]| [&file[..head], &parts.concat()].concat();
        let many = record.repeat(4000);
        let damage = vec![0x01; 700_000];
        let contents = [
            content(&[]),
            content(&[record]),
            content(&[&many]),
            content(&[&many, &record[..100]]),
            content(&[record, &damage, &many]),
            content(&[&many, &damage]),
            content(&[record, &vec![0; 600_000], record]),
        ];
        let folder = folder(&[]);
        for (index, content) in contents.iter().enumerate() {
            let packed = if index % 2 == 0 { content.clone() } else { gzip(content) };
            write(folder.path(), &format!("{index}.cdr"), &packed);
        }
        let config = DirectoryConfig { framing, ..config(folder.path()) };
        let contents: Vec<_> = contents.iter().map(Vec::as_slice).collect();
        check(&mut DirectorySource::new(config), framing, &contents);
    }
}

#[test]
fn shows_regular_files_and_says_what_it_refuses() {
    let folder = folder(&[
        ("b.csv", b"1"),
        ("a/z.csv", b"1"),
        ("a.csv", b"1"),
        (".hidden", b"1"),
        ("c.csv.part", b"1"),
        ("c.csv.tmp", b"1"),
        ("c.csv.md5", b"1"),
    ]);
    let input = folder.path().join("in");
    symlink(folder.path(), input.join("way-out")).unwrap();
    symlink(input.join("a.csv"), input.join("link.csv")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        input.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let deep = "d/".repeat(MAX_DEPTH + 1);
    write(folder.path(), &format!("{deep}x.csv"), b"1");
    let mut source = DirectorySource::new(config(folder.path()));
    assert_eq!(source.refused(), None, "nobody has looked");
    assert_eq!(names(&mut source, LATER_MS), ["a.csv", "a/z.csv", "b.csv"]);
    let expected = [
        format!("{}: lies deeper than 8 folders", deep.trim_end_matches('/')),
        "link.csv: found a symlink, expected a regular file".into(),
        "pipe: found a FIFO, expected a regular file".into(),
        "way-out: found a symlink, expected a regular file".into(),
    ];
    assert_eq!(refused(&source), expected);
    std::fs::remove_file(input.join("pipe")).unwrap();
    assert_eq!(refused(&source), expected);
    names(&mut source, LATER_MS);
    assert_eq!(refused(&source), [&expected[..2], &expected[3..]].concat());
}

/// Ten thousand known files cost a look each and nothing else; new ones are opened once, whatever the batches are.
#[test]
fn thousands_of_files_cost_one_walk_and_no_file_is_opened_in_vain() {
    let folder = folder(&[]);
    let known = 10_000;
    for number in 0..known {
        write(folder.path(), &format!("{}/{number:05}.csv", number % 3), b"1");
    }
    for complete in [Complete::Renamed, Complete::StableFor(1)] {
        let mut source = DirectorySource::new(DirectoryConfig { complete, ..config(folder.path()) });
        assert_eq!(find(&mut source, LATER_MS, &|_| true), []);
        assert_eq!(source.work(), Work { walks: 1, looks: known, opens: 0 });
        let scan = |source: &mut DirectorySource| {
            source.scan(&Scan { now_ms: LATER_MS, limit: 64, standing: &|_| Standing::New }).unwrap().len()
        };
        let mut found = 0;
        while found < known as usize {
            found += scan(&mut source);
        }
        assert_eq!(source.work(), Work { walks: 2, looks: 2 * known, opens: known });
    }
}

#[test]
fn a_missing_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = DirectorySource::new(config(folder.path()))
        .scan(&Scan { now_ms: 0, limit: 1, standing: &|_| Standing::New })
        .unwrap_err();
    assert!(error.to_string().contains("in: cannot list: No such file"), "{error}");
}

#[test]
fn stable_for_waits_until_size_and_time_stand_still() {
    let folder = folder(&[("x.csv", b"1")]);
    let path = folder.path().join("in/x.csv");
    let touch = |ms: u64| {
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(UNIX_EPOCH + Duration::from_millis(ms))
            .unwrap();
    };
    let complete = Complete::StableFor(30_000);
    let mut source = DirectorySource::new(DirectoryConfig { complete, ..config(folder.path()) });
    let mut shown = |now_ms: i64| names(&mut source, now_ms).len();
    touch(1_000_000);
    assert_eq!(shown(1_029_999), 0);
    assert_eq!(shown(1_030_000), 1, "old enough at the first look");
    // Grows, with a modification time that is set back: what the scans saw counts.
    write(folder.path(), "x.csv", b"12");
    touch(1_000_000);
    assert_eq!(shown(1_040_000), 0);
    assert_eq!(shown(1_069_999), 0);
    assert_eq!(shown(1_070_000), 1);
    // A modification time ahead of our clock must not wait for ever.
    touch(9_000_000);
    assert_eq!(shown(1_080_000), 0);
    assert_eq!(shown(1_110_000), 1);
}

#[test]
fn a_marker_shows_that_a_file_is_complete_and_goes_with_it() {
    let folder = folder(&[("x.csv", b"1"), ("x.csv.done", b""), ("y.csv", b"1"), ("z.csv.done", b"")]);
    let complete = Complete::Marker(".done".into());
    let mut source =
        DirectorySource::new(DirectoryConfig { complete, after: After::Delete, ..config(folder.path()) });
    let found = find(&mut source, LATER_MS, &|_| false);
    assert_eq!(found.iter().map(|file| file.name.as_slice()).collect::<Vec<_>>(), [b"x.csv"]);
    source.finish(&claim(&found[0])).unwrap();
    let mut left: Vec<_> = std::fs::read_dir(folder.path().join("in"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["y.csv", "z.csv.done"]);
}

#[test]
fn a_file_that_was_replaced_is_an_error() {
    let folder = folder(&[("x.csv", b"one\ntwo\n")]);
    let mut source = DirectorySource::new(config(folder.path()));
    let found = find(&mut source, LATER_MS, &|_| false).remove(0);
    let open = |found: &FoundFile| {
        source.open(&claim(found), FileProgress::default()).map(|_| ()).unwrap_err().to_string()
    };
    let other_inode = FoundFile { inode: found.inode + 1, ..found.clone() };
    assert!(open(&other_inode).starts_with("x.csv: replaced after it was claimed: inode found 0x"));
    let shrunk = FoundFile { size: 9, ..found.clone() };
    assert_eq!(open(&shrunk), "x.csv: replaced after it was claimed: size found 0x8, expected 0x9");
    let path = folder.path().join("in/x.csv");
    std::fs::write(&path, b"One\ntwo\n").unwrap();
    assert!(open(&found).starts_with("x.csv: replaced after it was claimed: head_hash found 0x"));
    for name in ["../x.csv", "/etc/passwd", "", "a/../../x"] {
        let outside = FoundFile { name: name.into(), ..found.clone() };
        assert!(open(&outside).ends_with("the name leaves the source's directory, or is none"), "{name}");
    }
    std::fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(open(&found), "x.csv: found a symlink or a changed folder, expected a regular file");
    // Growth is no replacement: what is read ends where the claim ends.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"one\ntwo\n").unwrap();
    let found = find(&mut source, LATER_MS, &|_| false).remove(0);
    File::options().append(true).open(&path).unwrap().write_all(b"three\n").unwrap();
    assert_eq!(blocks(&source, &found, FileProgress::default())[0].bytes, b"one\ntwo\n");
}

/// The blocks of a damaged compressed file: octets and kind.
fn kinds(content: &[u8]) -> (Vec<u8>, Vec<BlockKind>, Vec<Block>) {
    let folder = folder(&[("x.gz", content)]);
    let mut source = DirectorySource::new(config(folder.path()));
    let found = find(&mut source, LATER_MS, &|_| false).remove(0);
    let all = blocks(&source, &found, FileProgress::default());
    for (index, block) in all.iter().enumerate() {
        assert_eq!(blocks(&source, &found, block.start), all[index..], "resumed at block {index}");
        assert_eq!(block.last, index + 1 == all.len());
    }
    let bytes =
        all.iter().filter(|block| block.kind == BlockKind::Records).flat_map(|block| block.bytes.clone());
    (bytes.collect(), all.iter().map(|block| block.kind).collect(), all)
}

#[test]
fn a_compressed_file_that_ends_early_gives_its_whole_records_and_one_damage() {
    let content = lines(60_000);
    let (gzip, zstd) = (gzip(&content), zstd(&content));
    let mut broken = gzip.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 64].fill(0xFF);
    let cuts = [&gzip, &zstd].into_iter().flat_map(|packed| {
        [packed.len() / 2, packed.len() - 4, 12].map(|len| packed.get(..len).unwrap_or_default())
    });
    for cut in cuts.chain([&broken[..]]) {
        let (bytes, kinds, blocks) = kinds(cut);
        assert!(content.starts_with(&bytes) && (bytes.is_empty() || bytes.ends_with(b"\n")));
        let damages = kinds.iter().filter(|kind| **kind != BlockKind::Records).count();
        assert_eq!(damages, 1);
        assert!(matches!(kinds.last(), Some(BlockKind::Damage { code: Code::Truncated, .. })));
        assert!(cut.len() < 100 || bytes.len() > 100_000, "what could be read is read");
        let last = blocks.last().unwrap();
        assert_eq!(last.next.records, last.start.records + 1, "the remainder is one item");
    }
}

#[test]
fn members_and_frames_follow_each_other() {
    let skipped = [b"\x50\x2A\x4D\x18\x03\0\0\0".as_slice(), b"any"].concat();
    for packed in [
        [gzip(b"a\nb"), gzip(b"c\nd\n")].concat(),
        [zstd(b"a\nb"), skipped, zstd(b""), zstd(b"c\nd\n")].concat(),
    ] {
        let (bytes, kinds, _) = kinds(&packed);
        assert_eq!(
            (bytes.as_slice(), kinds.as_slice()),
            (b"a\nbc\nd\n".as_slice(), [BlockKind::Records].as_slice())
        );
    }
}

#[test]
fn a_frame_that_asks_for_too_much_memory_is_damage() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(ZSTD_WINDOW_LOG + 1).unwrap();
    encoder.write_all(b"a\nb\n").unwrap();
    let (bytes, kinds, _) = kinds(&encoder.finish().unwrap());
    assert_eq!((bytes.as_slice(), kinds.len()), (b"".as_slice(), 1));
    assert!(matches!(kinds[0], BlockKind::Damage { code: Code::Truncated, .. }));
}

#[test]
fn a_bomb_is_damage_not_memory() {
    let content = b"0123456789\n".repeat(1_000_000);
    let folder = folder(&[("x.gz", &gzip(&content)), ("x.zst", &zstd(&content))]);
    let file = |name: &str| {
        let file = File::open(folder.path().join("in").join(name)).unwrap();
        let size = file.metadata().unwrap().len();
        file.take(size)
    };
    let bounds = [
        Bounds { ratio: 2, free: 1 << 20, total: u64::MAX },
        Bounds { ratio: 100_000, free: 0, total: 1 << 20 },
    ];
    for (name, bounds) in ["x.gz", "x.zst"].into_iter().flat_map(|name| bounds.map(|bounds| (name, bounds))) {
        let content = Content::new(file(name), name.into(), bounds).unwrap();
        let mut reader = Reader::with_bounds(content, Framing::Lines, FileProgress::default()).unwrap();
        let mut last = None;
        while let Some(block) = reader.next_block().unwrap() {
            last = Some(block);
        }
        let last = last.unwrap();
        assert!(matches!(last.kind, BlockKind::Damage { code: Code::BadLength, .. }) && last.last);
        assert!(last.next.offset < 2 << 20 && last.next.records > 90_000);
    }
}

#[test]
fn an_oversize_line_is_one_item_whose_head_is_kept() {
    let mut content = b"a\n".to_vec();
    content.resize(2 + RECORD_MAX + 1, b'x');
    content.extend_from_slice(b"\nb\n");
    let (bytes, kinds, blocks) = kinds(&content);
    assert_eq!(bytes, b"a\nb\n");
    let len = RECORD_MAX as u64 + 2;
    assert_eq!(
        kinds,
        [BlockKind::Records, BlockKind::Damage { code: Code::BadLength, len }, BlockKind::Records]
    );
    assert_eq!(blocks[1].bytes, vec![b'x'; DAMAGE_KEPT]);
    assert_eq!(blocks[2].next.records, 3);
}

#[test]
fn archiving_never_replaces_and_never_touches_a_newer_file() {
    let folder = folder(&[("d/x.csv", b"one\n")]);
    let archive = folder.path().join("archive");
    let after = After::Archive(archive.clone());
    let mut source = DirectorySource::new(DirectoryConfig { after, ..config(folder.path()) });
    let mut put = |content: &[u8]| {
        write(folder.path(), "d/x.csv", content);
        let found = find(&mut source, LATER_MS, &|_| false).remove(0);
        source.finish(&claim(&found)).unwrap();
        source.finish(&claim(&found)).unwrap();
        found
    };
    put(b"one\n");
    put(b"two\n");
    put(b"two\n");
    let first = put(b"three\n");
    let mut kept: Vec<_> = std::fs::read_dir(archive.join("d"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
        })
        .collect();
    kept.sort();
    let contents: Vec<_> = kept.iter().map(|(_, content)| content.as_slice()).collect();
    assert_eq!(kept[0].0, "x.csv");
    assert!(kept[1..].iter().all(|(name, _)| name.len() == "x.csv-00000000".len()), "{kept:?}");
    assert_eq!(
        contents.iter().filter(|content| **content == b"two\n").count(),
        1,
        "the same file is kept once"
    );
    assert!(contents.contains(&b"one\n".as_slice()) && contents.contains(&b"three\n".as_slice()));
    // A newer file has the name now.
    write(folder.path(), "d/x.csv", b"newer\n");
    source.finish(&claim(&first)).unwrap();
    assert_eq!(std::fs::read(folder.path().join("in/d/x.csv")).unwrap(), b"newer\n");
}

#[test]
fn an_archive_may_name_the_day_of_the_claim() {
    let at = |archive: &str, arrival_ms| archive_of(Path::new(archive), arrival_ms).display().to_string();
    let noon_ms = 1_804_420_800_000;
    assert_eq!(at("/a/{yyyy}/{mm}/{dd}", noon_ms), "/a/2027/03/07");
    assert_eq!(at("/a/{yyyy}{mm}{dd}-{dd}", noon_ms), "/a/20270307-07");
    assert_eq!((at("/a", noon_ms).as_str(), at("/{x}", 0).as_str()), ("/a", "/{x}"));
    // Put away again on another day, it is where it was.
    let folder = folder(&[("x.csv", b"one\n")]);
    let after = After::Archive(folder.path().join("archive/{yyyy}/{mm}"));
    let mut source = DirectorySource::new(DirectoryConfig { after, ..config(folder.path()) });
    let claim =
        FileClaim { arrival_ms: noon_ms, ..claim(&find(&mut source, LATER_MS, &|_| false).remove(0)) };
    source.finish(&claim).unwrap();
    source.finish(&claim).unwrap();
    assert_eq!(std::fs::read(folder.path().join("archive/2027/03/x.csv")).unwrap(), b"one\n");
}

#[test]
fn archiving_works_across_file_systems() {
    // Another file system, where this machine has one for shared memory.
    let Ok(other) = TempDir::new_in("/dev/shm") else { return };
    let folder = folder(&[("x.csv", b"one\n")]);
    let device = |path: &Path| std::os::unix::fs::MetadataExt::dev(&path.metadata().unwrap());
    if device(other.path()) == device(folder.path()) {
        return;
    }
    let after = After::Archive(other.path().join("archive"));
    let mut source = DirectorySource::new(DirectoryConfig { after, ..config(folder.path()) });
    let found = find(&mut source, LATER_MS, &|_| false).remove(0);
    source.finish(&claim(&found)).unwrap();
    source.finish(&claim(&found)).unwrap();
    assert!(!folder.path().join("in/x.csv").exists());
    let kept: Vec<_> = std::fs::read_dir(other.path().join("archive")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(std::fs::read(other.path().join("archive/x.csv")).unwrap(), b"one\n");
}
