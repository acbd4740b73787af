//! The data files of one stream, or its topic, to the committed lines, in the order in which they were written.
//! Relies on receipts: what lies behind them in an open file was never committed. A topic keeps the order of an account.
//! Never holds more than a line.

use caudal_connect::kafka::Kafka;
use caudal_runtime::peek::Peeked;
use caudal_usage::Stream;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Octets read at a time.
const READ_BYTES: usize = 1 << 20;

/// The data files of a stream.
#[derive(Debug)]
pub struct DataFiles {
    /// Paths with the octets that count, in order.
    files: Vec<(PathBuf, u64)>,
    /// Numbers of data files that are gone.
    missing: Vec<u32>,
    looked_in: String,
    /// The topic that holds the lines instead.
    topic: Option<(Kafka, Stream)>,
}

impl DataFiles {
    /// The files that are there: below the state, else in the output, open or final.
    pub fn of(peeked: &Peeked, stream: Stream, (state, out): (&Path, &Path)) -> Self {
        let kept = state.join("segments").join(stream.as_str());
        let out = out.join(stream.as_str());
        let mut files = Self {
            files: Vec::new(),
            missing: Vec::new(),
            looked_in: format!("{} and {}", kept.display(), out.display()),
            topic: None,
        };
        let newest = peeked.ledger.stream(stream).map_or(0, |receipt| receipt.segment);
        for segment in 1..=newest {
            let receipt = peeked.receipts.get(&(stream, segment));
            let len = receipt.map_or(u64::MAX, |receipt| receipt.len);
            if len == 0 {
                continue;
            }
            let name = format!("{}-{segment:08}.jsonl", stream.as_str());
            let places = [kept.join(&name), out.join(format!("{name}.part")), out.join(&name)];
            match places.into_iter().find(|path| path.is_file()) {
                Some(path) => files.files.push((path, len)),
                None => files.missing.push(segment),
            }
        }
        files
    }

    /// The topic of a stream.
    pub fn of_topic(kafka: &Kafka, stream: Stream) -> Self {
        let looked_in = format!("the topic of {}", stream.as_str());
        Self { files: Vec::new(), missing: Vec::new(), looked_in, topic: Some((kafka.clone(), stream)) }
    }

    /// Where was looked, for a message.
    pub fn places(&self) -> String {
        match self.missing.len() {
            0 => self.looked_in.clone(),
            missing => format!("{} ({missing} data files are gone)", self.looked_in),
        }
    }

    /// How many data files are gone.
    pub const fn gone(&self) -> usize {
        self.missing.len()
    }

    /// Every line without its line end, until `visit` says false.
    pub fn lines(&self, visit: &mut dyn FnMut(&[u8]) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        if let Some((kafka, stream)) = &self.topic {
            return kafka.visit(*stream, visit).map(|_| ());
        }
        let mut line = Vec::new();
        for (path, len) in &self.files {
            let mut reader = BufReader::with_capacity(READ_BYTES, File::open(path)?.take(*len));
            loop {
                line.clear();
                if reader.read_until(b'\n', &mut line)? == 0 {
                    break;
                }
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                if !visit(text)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
