//! The line of one process: its threads' intakes, its shards, its ledger and its runs of claims.
//! Relies on commits being applied in order on recovery, and on shards having been stepped for them otherwise.
//! Never holds state that a snapshot and the log after it could not give back.

use crate::parallel::Threads;
use anyhow::{Context, bail, ensure};
use caudal_engine::account_shard::AccountShard;
use caudal_engine::claims::{Known, Wanted};
use caudal_engine::fail;
use caudal_engine::intake::Intake;
use caudal_engine::ledger::Ledger;
use caudal_engine::record_shard::RecordShard;
use caudal_engine::schedule::Schedule;
use caudal_engine::setup::Setup;
use caudal_engine::topics::Topics;
use caudal_mediation::dedup::{Delta, newest};
use caudal_store::runs::{Probes, Spill};
use caudal_store::{Limits, Log, LogOptions, Manifest, RunSet, RunStore, Scope, SharedDisk, Snapshots};
use caudal_usage::claim::Reach;
use caudal_usage::{Date, Slot};
use caudal_wire::frame::get_commit;
use caudal_wire::record::get_claim;
use caudal_wire::state::{SessionChange, get_account, get_session_change, put_session_set};
use caudal_wire::{Decoder, Encoder};
use hashbrown::HashMap;
use std::path::Path;

/// Octets of log after which a snapshot is taken: bounds what a start must read.
pub const SNAPSHOT_LOG_BYTES: u64 = 1 << 30;

/// Days after its first on which a cycle has surely ended: two months, as the longest cycle has one.
const CYCLE_DAYS_MAX: i32 = 62;

/// Octets of live claims on disk. Ten billion claims; a pipeline that reaches it stops.
const RUNS_DISK_BYTES: u64 = 400 << 30;

/// Index of a source that the pipeline does not have any more.
const NO_SOURCE: u16 = u16::MAX;

/// Claims in memory and on disk.
pub struct Runs {
    store: RunStore,
    set: RunSet,
}

impl Runs {
    /// Reads the claims that a shard wants, as far as runs have them.
    pub fn known(&self, wanted: &[Wanted]) -> anyhow::Result<Known> {
        let mut hits = Vec::new();
        let keys = wanted.iter().map(|wanted| {
            let scope = match wanted.reach {
                Reach::Day => Scope::Day(wanted.day),
                Reach::Window => Scope::All,
            };
            (wanted.fingerprint, scope)
        });
        self.set.candidates_of(keys, &mut Probes::default(), |key, candidate| hits.push((candidate, key)));
        // Neighbours on disk are read one after the other.
        hits.sort_unstable();
        let mut known = Known::new();
        for (candidate, key) in hits {
            let fingerprint = wanted[key].fingerprint;
            if let Some(claim) = self.set.read(candidate, &fingerprint).context("cannot read claims")? {
                let newest = newest(known.get(&fingerprint).copied(), Some(claim));
                newest.map(|claim| known.insert(fingerprint, claim));
            }
        }
        Ok(known)
    }

    /// Claims on disk.
    pub fn claims(&self) -> u64 {
        self.set.claims()
    }

    /// True when there is nothing on disk, so nothing need be asked for.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

/// The line.
pub struct Line<'s> {
    setup: &'s Setup,
    /// Threads for intake and shards.
    pub threads: Threads,
    /// Intake of each thread.
    pub intakes: Vec<Intake<'s>>,
    /// Record shards.
    pub records: Vec<RecordShard<'s>>,
    /// Account shards.
    pub accounts: Vec<AccountShard<'s>>,
    /// What is committed.
    pub ledger: Ledger,
    /// Claims on disk.
    pub runs: Runs,
    snapshots: Snapshots,
    /// Octets of log since the last snapshot.
    pub log_bytes: u64,
    memory_bytes: u64,
    /// Manifests of the snapshots that are kept.
    manifests: Vec<Manifest>,
}

/// How a line is laid out over the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Threads for intake and shards.
    pub threads: usize,
    /// Octets for claims in memory, filters included.
    pub memory_bytes: u64,
}

impl<'s> Line<'s> {
    /// Restores the line from the newest snapshot and the log after it. [`Self::match_sources`] comes last, once every
    /// commit has been taken in.
    pub fn recover(
        setup: &'s Setup,
        (disk, state): (&SharedDisk, &Path),
        layout: Layout,
    ) -> anyhow::Result<(Self, Log)> {
        let snapshots = Snapshots::open(disk.clone(), &state.join("snapshots"))?;
        let (newest, damaged) = snapshots.newest()?;
        for error in damaged {
            tracing::warn!(%error, "a damaged snapshot was put aside; the one before it is used");
        }
        let names = setup.sources.iter().map(|source| source.name.as_str());
        let empty = Ledger::new(Schedule::start(names));
        let bytes = newest.map(|mut reader| reader.read_to_end()).transpose()?;
        let mut from = Decoder::new(bytes.as_deref().unwrap_or_default(), "snapshot");
        let (ledger, manifest) = match &bytes {
            Some(_) => {
                let manifest = Manifest::decode(from.bytes()?)?;
                (Ledger::get(&mut from)?, manifest)
            }
            None => (empty, Manifest::default()),
        };
        let limits = Limits { memory_bytes: layout.memory_bytes, disk_bytes: RUNS_DISK_BYTES };
        let (store, set) = RunStore::open(disk.clone(), &state.join("claims"), limits, &manifest)?;
        let threads = Threads::start(layout.threads)?;
        let mut line = Self {
            setup,
            intakes: (0..threads.count()).map(|_| Intake::new(setup)).collect(),
            threads,
            records: (0..setup.shards).map(|index| RecordShard::new(setup, index)).collect(),
            accounts: (0..setup.shards).map(|index| AccountShard::new(setup, index)).collect(),
            ledger,
            runs: Runs { store, set },
            snapshots,
            log_bytes: 0,
            memory_bytes: layout.memory_bytes,
            manifests: vec![manifest],
        };
        if bytes.is_some() {
            line.restore_sections(&mut from)?;
        }
        let log = Log::open(disk.clone(), &state.join("log"), LogOptions::default())?;
        line.replay(&log)?;
        Ok((line, log))
    }

    /// Takes in the commits that the topics have and the local log lacks.
    pub fn follow(&mut self, topics: &mut dyn Topics, log: &mut Log) -> anyhow::Result<()> {
        topics.follow(self.ledger.epoch, &mut |epoch, frame| {
            if self.wants_snapshot() {
                self.snapshot(log)?;
            }
            log.append(epoch, frame).context("cannot append to the log")?;
            log.sync().context("cannot sync the log")?;
            self.apply(epoch, frame)
        })
    }

    fn replay(&mut self, log: &Log) -> anyhow::Result<()> {
        for frame in log.frames_after(self.ledger.epoch)? {
            let frame = frame?;
            self.apply(frame.epoch, &frame.payload)?;
        }
        Ok(())
    }

    /// Applies the frame of the next commit.
    fn apply(&mut self, epoch: u64, frame: &[u8]) -> anyhow::Result<()> {
        let mut from = Decoder::new(frame, "commit");
        let commit = get_commit(&mut from)?;
        self.ledger.apply(&commit).with_context(|| format!("cannot apply the commit of epoch {epoch}"))?;
        self.restore_sections(&mut from)?;
        self.log_bytes += frame.len() as u64;
        Ok(())
    }

    /// Claims, sessions, balances: the sections of a commit and of a snapshot.
    fn restore_sections(&mut self, from: &mut Decoder<'_>) -> anyhow::Result<()> {
        let shards = self.setup.shards;
        let sources = self.sources_then();
        for _ in 0..from.u32()? {
            let reach = from.item(&[Reach::Day, Reach::Window])?;
            let claim = get_claim(from)?;
            self.records[claim.slot.shard(shards)].restore_claim(claim, reach)?;
        }
        for _ in 0..from.u32()? {
            match get_session_change(from)? {
                SessionChange::Set(mut session) => {
                    for member in &mut session.members {
                        let source = usize::from(member.record.source);
                        member.record.source = sources.get(source).copied().unwrap_or(NO_SOURCE);
                    }
                    let shard = Slot::of_hash(session.key[0]).shard(shards);
                    self.records[shard].restore_session(session);
                }
                SessionChange::Closed(key) => {
                    self.records[Slot::of_hash(key[0]).shard(shards)].forget_session(key);
                }
            }
        }
        for _ in 0..from.u32()? {
            let (account, balances) = get_account(from)?;
            let reference = &self.setup.reference;
            // An account that this generation does not know may stand anywhere; the first shard keeps it.
            let shard = reference.account_key(&account).map_or(0, |key| reference.slot(key).shard(shards));
            self.accounts[shard].restore(&account, balances);
        }
        ensure!(from.is_empty(), "a stored commit or snapshot goes on behind its last section");
        Ok(())
    }

    /// For each source as the ledger's cursor numbers it, its index in the pipeline as it is now. Records that wait
    /// name their source by the former.
    fn sources_then(&self) -> Vec<u16> {
        let index = |name: &str| self.setup.sources.iter().position(|source| source.name == name);
        let then = self.ledger.cursor.sources.iter();
        then.map(|source| index(&source.name).map_or(NO_SOURCE, |index| index as u16)).collect()
    }

    /// Gives every file its source and every source of the pipeline its place in the cursor, in the order of their
    /// names: sources may have come and gone since the last commit.
    pub fn match_sources(&mut self) -> anyhow::Result<()> {
        let names = || self.setup.sources.iter().map(|source| source.name.as_str());
        let indexes: HashMap<_, _> = names().zip(0..).collect();
        for entry in self.ledger.files.values_mut() {
            entry.claim.found.source = indexes.get(entry.source.as_str()).copied().unwrap_or(NO_SOURCE);
        }
        refuse_orphans(&self.ledger)?;
        let cursor = &mut self.ledger.cursor;
        if cursor.sources.iter().map(|source| source.name.as_str()).eq(names()) {
            return Ok(());
        }
        let fresh = Schedule::start(names());
        let known = std::mem::replace(&mut cursor.sources, fresh.sources);
        for source in &mut cursor.sources {
            if let Some(known) = known.iter().find(|known| known.name == source.name) {
                source.clone_from(known);
            }
        }
        (cursor.turn, cursor.quantum_left) = (fresh.turn, fresh.quantum_left);
        Ok(())
    }

    /// Content hash of the reference data and plans that the line works with.
    pub fn generation(&self) -> &str {
        &self.setup.generation
    }

    /// True when it is time for a snapshot: the log has grown long, or the claims in memory near their bound.
    pub fn wants_snapshot(&self) -> bool {
        // Half of the bound is for claims in memory; the other half holds filters and the sorting of a spill.
        let claims: usize = self.records.iter().map(|shard| shard.claims().memory_bytes()).sum();
        self.log_bytes >= SNAPSHOT_LOG_BYTES || claims as u64 >= self.memory_bytes / 2
    }

    /// Writes the claims in memory to runs, then everything else to a snapshot, and drops what both make needless.
    pub fn snapshot(&mut self, log: &mut Log) -> anyhow::Result<()> {
        fail::at("snapshot.before")?;
        self.spill()?;
        fail::at("snapshot.spilled")?;
        let floor = self.ledger.cursor.floor_day;
        if floor > 0 {
            let back = CYCLE_DAYS_MAX.saturating_add(self.setup.tariff.lookback_days());
            let day = Date::from_days(floor.saturating_sub(back));
            self.accounts.iter_mut().for_each(|shard| shard.forget_before(day));
        }
        let manifest = self.runs.set.manifest();
        let mut head = Encoder::default();
        let mut encoded = Vec::new();
        manifest.encode(&mut encoded);
        head.bytes(&encoded);
        self.ledger.put(&mut head);
        let sections = self.sections();
        let mut writer = self.snapshots.begin(self.ledger.epoch)?;
        for piece in std::iter::once(&head.bytes).chain(&sections) {
            writer.write(piece)?;
        }
        fail::at("snapshot.written")?;
        writer.finish()?;
        fail::at("snapshot.named")?;
        if let Some(&oldest) = self.snapshots.epochs()?.first() {
            log.drop_before(oldest + 1)?;
        }
        fail::at("snapshot.dropped")?;
        self.manifests.push(manifest);
        let surplus = self.manifests.len().saturating_sub(caudal_store::snapshot::KEPT);
        self.manifests.drain(..surplus);
        self.runs.store.sweep(&self.manifests.iter().collect::<Vec<_>>())?;
        self.log_bytes = 0;
        Ok(())
    }

    fn spill(&mut self) -> anyhow::Result<()> {
        let claims: Vec<_> = self.records.iter_mut().map(RecordShard::take_claims).collect();
        let (day, window): (Vec<_>, Vec<_>) =
            claims.into_iter().map(|claims| (claims.day, claims.window)).unzip();
        let floor = self.ledger.cursor.floor_day;
        for (reach, deltas) in [(Reach::Day, day), (Reach::Window, window)] {
            let mut deltas = deltas;
            let sort = |delta: &mut Delta| std::mem::take(delta).into_sorted(reach);
            let inputs = self.threads.each(&mut deltas, sort);
            if inputs.iter().any(|input| input.len() > 0) {
                self.runs.set = self.runs.store.spill(&self.runs.set, Spill { reach, floor }, inputs)?;
            }
        }
        self.runs.set = self.runs.set.without_expired(floor);
        while let Some(merged) = self.runs.store.merge(&self.runs.set, floor)? {
            self.runs.set = merged;
        }
        Ok(())
    }

    /// Claims (none: they are in runs), sessions and balances, in pieces.
    fn sections(&mut self) -> Vec<Vec<u8>> {
        let mut sessions = Encoder::default();
        sessions.u32(0);
        sessions.count(self.records.iter().map(|shard| shard.sessions().count()).sum());
        for session in self.records.iter().flat_map(RecordShard::sessions) {
            put_session_set(&mut sessions, session);
        }
        let shards = self.threads.each(&mut self.accounts, |shard| {
            let mut balances = Encoder::default();
            (shard.put_all(&mut balances), balances.bytes)
        });
        sessions.u32(shards.iter().map(|(accounts, _)| accounts).sum());
        std::iter::once(sessions.bytes).chain(shards.into_iter().map(|(_, balances)| balances)).collect()
    }
}

/// A file that was begun needs its source: without it the rest would never be billed, and the place where it stands
/// would be forgotten, so that all of it would be read again when the source comes back.
fn refuse_orphans(ledger: &Ledger) -> anyhow::Result<()> {
    let files = || ledger.files.values().filter(|entry| entry.claim.found.source == NO_SOURCE);
    let unread: Vec<_> = files().filter(|entry| entry.finished.is_none()).collect();
    if let Some(first) = unread.first() {
        bail!(
            "{} files of sources that are not in the pipeline any more are claimed and not read to their end, the first is {}: put source {} back until they are",
            unread.len(),
            first.display_name(),
            first.source
        );
    }
    let left = files().filter(|entry| !entry.released).count();
    if left > 0 {
        tracing::warn!(
            "{left} files of sources that are not in the pipeline any more were read and stay where they are"
        );
    }
    Ok(())
}
