//! What the line is set up with for one generation: sources, reference data, tariff, secret, slots per shard.
//! Relies on all of it having been checked when it was loaded; shared read-only by every shard.
//! Never changes while it runs: another generation is another setup.

use caudal_cdr::{Format, Framing};
use caudal_mediation::assemble;
use caudal_mediation::filter::BillableRules;
use caudal_mediation::guide::Reference;
use caudal_mediation::normalise::SourceRules;
use caudal_tariff::Tariff;
use caudal_usage::{FileOrdinal, KeySecret};

/// One source of the pipeline.
#[derive(Debug)]
pub struct SourceSetup {
    /// Its name.
    pub name: String,
    /// Format of its files.
    pub format: Format,
    /// How records stand in them.
    pub framing: Framing,
    /// Rules of normalisation.
    pub rules: SourceRules,
    /// Rule by which partial records are joined.
    pub assembly: Option<assemble::Rule>,
}

/// One generation.
#[derive(Debug)]
pub struct Setup {
    /// The sources, in the order of their names.
    pub sources: Vec<SourceSetup>,
    /// Accounts and subscriptions.
    pub reference: Reference,
    /// Plans, zones, tables.
    pub tariff: Tariff,
    /// Which records are billed at all.
    pub billable: BillableRules,
    /// Secret of the state folder.
    pub secret: KeySecret,
    /// Record shards, and account shards; 1 to 256.
    pub shards: usize,
    /// Content hash of reference data and plans.
    pub generation: String,
}

/// Display names of claimed files, by ordinal.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<Box<str>>);

impl Names {
    /// Names the next file. Ordinals come in order, without gaps.
    pub fn push(&mut self, name: String) {
        self.0.push(name.into());
    }

    /// The name of a file.
    pub fn get(&self, file: FileOrdinal) -> &str {
        self.0.get(file.0 as usize).map_or("", |name| name)
    }

    /// How many files have names.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// True when no file was claimed yet.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
