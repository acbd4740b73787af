//! Many events to the usages that they were, from the original bytes, each file read once for all of them.
//! Relies on the kept versions for how records are read, and on the content hash of finished files.
//! Never guesses: a usage whose bytes or version are gone says so.

use super::data::DataFiles;
use super::originals::{self, Detail, Original};
use super::recompute::{self, Context, Stuck};
use super::{Version, names_of};
use caudal_engine::setup::Names;
use caudal_runtime::peek::Peeked;
use caudal_usage::{FileOrdinal, Stream, UsageRecord};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::path::Path;

/// The records of one usage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Where they stand, in the order in which the event names them.
    pub places: Vec<(FileOrdinal, u32)>,
    /// The plan version that charged it.
    pub plan_version: String,
}

/// A record that was read, or why it cannot be.
type Read = Result<Original, String>;

/// The originals that a state knows of.
pub struct Originals {
    peeked: Peeked,
    names: Names,
    versions: Vec<Version>,
    rated: DataFiles,
    /// Plan versions to the kept version that knows them.
    known: HashMap<String, Option<usize>>,
}

impl Originals {
    /// Over a state that was read.
    pub fn new(peeked: Peeked, state: &Path) -> Self {
        Self {
            names: names_of(&peeked),
            versions: Version::all(state),
            rated: DataFiles::of(&peeked, Stream::Rated, (state, state)),
            known: HashMap::new(),
            peeked,
        }
    }

    /// The usages of some events, in their order; or why one cannot be had.
    pub fn usages(&mut self, wanted: &[Wanted]) -> Vec<Result<UsageRecord, String>> {
        let mut files: BTreeMap<(usize, FileOrdinal), Vec<u32>> = BTreeMap::new();
        for usage in wanted {
            if let Some(version) = self.version(&usage.plan_version) {
                for (file, record) in &usage.places {
                    files.entry((version, *file)).or_default().push(*record);
                }
            }
        }
        let mut read = HashMap::new();
        for ((version, file), mut records) in files {
            records.sort_unstable();
            records.dedup();
            self.read(version, (file, &records), &mut read);
        }
        wanted.iter().map(|usage| self.usage(usage, &read)).collect()
    }

    /// The newest kept version that knows a plan version.
    fn version(&mut self, plan_version: &str) -> Option<usize> {
        if let Some(known) = self.known.get(plan_version) {
            return *known;
        }
        let knows = |version: &mut Version| version.load().is_ok_and(|loaded| loaded.knows(plan_version));
        let found = self.versions.iter_mut().position(knows);
        self.known.insert(plan_version.to_owned(), found);
        found
    }

    fn context(&self, version: usize) -> Option<Context<'_>> {
        let loaded = self.versions.get(version)?.loaded.as_ref()?.as_ref().ok()?;
        Some(Context { loaded, ledger: &self.peeked.ledger, names: &self.names, rated: &self.rated })
    }

    fn read(
        &self,
        version: usize,
        (file, records): (FileOrdinal, &[u32]),
        read: &mut HashMap<(FileOrdinal, u32), Read>,
    ) {
        let Some(context) = self.context(version) else { return };
        match originals::read_file(&context, file, (records, Detail::Rated)) {
            Ok(originals) => {
                let originals = originals.into_iter().map(|original| original.map_err(why));
                read.extend(records.iter().map(|record| (file, *record)).zip(originals));
            }
            Err(stuck) => {
                let why = why(stuck);
                read.extend(records.iter().map(|record| ((file, *record), Err(why.clone()))));
            }
        }
    }

    fn usage(
        &self,
        wanted: &Wanted,
        read: &HashMap<(FileOrdinal, u32), Read>,
    ) -> Result<UsageRecord, String> {
        let plan_version = &wanted.plan_version;
        let version = self.known.get(plan_version).copied().flatten();
        let context = version.and_then(|version| self.context(version));
        let context = context.ok_or_else(|| format!("no kept version knows plan version {plan_version}"))?;
        let mut records = Vec::with_capacity(wanted.places.len());
        for place in &wanted.places {
            match read.get(place) {
                Some(Ok(original)) => records.push(original.clone()),
                Some(Err(why)) => return Err(why.clone()),
                None => return Err("a record was not read".into()),
            }
        }
        recompute::join(&context.loaded.setup, &records).map(|(usage, _)| usage).map_err(why)
    }
}

fn why(stuck: Stuck) -> String {
    match stuck {
        Stuck::Gone(why) => why,
        Stuck::Differs(difference) => format!("{}: {}", difference.field, difference.computed),
    }
}
