//! `caudal run`: a pipeline folder to committed output and a summary.
//! Relies on the runtime for everything between.
//! Never starts before the whole configuration is checked.

use crate::cli::RunArgs;
use crate::commands::{keys, owner, state, topics, versions};
use crate::config::{EngineConfig, Pipeline};
use crate::failure::Failure;
use crate::observe::Observer;
use crate::print::summary::{self, Place};
use crate::print::{finding, say};
use caudal_connect::kafka::{Kafka, KafkaConfig};
use caudal_engine::clock::Clock;
use caudal_engine::topics::Broker;
use caudal_runtime::{EpochBound, Layout, Options, Until, World};
use caudal_store::{RealDisk, SharedDisk};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

/// Records of an epoch, unless the pipeline says otherwise: about 40 MB of events, a tenth of a second.
const EPOCH_RECORDS: u32 = 65_536;

/// Octets of input of an epoch, unless the pipeline says otherwise.
const EPOCH_BYTES: u64 = 64 << 20;

/// The machine's clock.
struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Runs the command.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let mut pipeline = Pipeline::load(&args.pipeline).map_err(Failure::Configuration)?;
    pipeline.warnings.iter().for_each(finding);
    let kafka = kafka(args, &pipeline)?;
    // Topics that are read are at the same brokers.
    pipeline.kafka.clone_from(&kafka);
    let stop = stop_on_signals()?;
    let mut observer = Observer::start(&pipeline, &stop)?;
    let (name, out) = (pipeline.name.clone(), args.out.clone().unwrap_or_else(|| pipeline.output.clone()));
    let real = RealDisk::new();
    let disk: SharedDisk = Arc::new(real.clone());
    let mut folder = state::lock(&disk, &args.state, &name)?;
    let log_topic = kafka.as_ref().map(KafkaConfig::log_topic);
    let broker = match kafka {
        Some(config) => {
            let kafka = Kafka::new(config).stopped_by(Arc::clone(&stop));
            Some(topics::open(kafka, &disk, &mut folder)?)
        }
        None => {
            topics::refuse(&args.state)?;
            owner::take(&out, &args.state, folder.secret)?;
            None
        }
    };
    keys::keep(&args.state, &pipeline.sources)?;
    versions::keep(&args.state, &pipeline)?;
    let options = options(args, &pipeline, out);
    let shards = shards(args, &pipeline.engine, options.layout.threads);
    let (setup, sources) = state::setup(pipeline, folder.secret, shards);
    let broker = broker.as_ref().map(|kafka| kafka as &dyn Broker);
    let world = World { disk, clock: &SystemClock, sources, broker, stop: &stop, watcher: &mut observer };
    let result = caudal_runtime::run(&setup, world, &options);
    let mut report = observer.ended(result)?;
    report.fsyncs = real.syncs();
    if args.json {
        say(summary::json(&report))?;
    } else {
        let place =
            Place { name: &name, out: &options.out, state: &options.state, log_topic: log_topic.as_deref() };
        say(summary::text(&report, &place))?;
    }
    Ok(())
}

/// The topics that the pipeline names, at the brokers that the command line names.
fn kafka(args: &RunArgs, pipeline: &Pipeline) -> Result<Option<KafkaConfig>, Failure> {
    match (pipeline.kafka.clone(), &args.brokers, &args.out) {
        (None, Some(_), _) => Err(Failure::usage("`--brokers` is given, and the pipeline has no `kafka`")),
        (Some(_), _, Some(_)) => {
            Err(Failure::usage("`--out` is given, and the events of the pipeline go to Kafka"))
        }
        (Some(config), Some(brokers), None) => Ok(Some(KafkaConfig { brokers: brokers.clone(), ..config })),
        (kafka, None, _) => Ok(kafka),
    }
}

/// A flag that the signals to stop set.
fn stop_on_signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn options(args: &RunArgs, pipeline: &Pipeline, out: PathBuf) -> Options {
    let engine = &pipeline.engine;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.layout.threads.or(engine.threads).map_or(cores, usize::from);
    let records =
        engine.epoch_records.map_or(EPOCH_RECORDS, |records| u32::try_from(records).unwrap_or(u32::MAX));
    Options {
        state: args.state.clone(),
        out,
        until: match (args.layout.commits, args.once) {
            (Some(commits), _) => Until::Commits(commits),
            (None, true) => Until::Exhausted,
            (None, false) => Until::Stopped,
        },
        bound: EpochBound {
            records: args.layout.epoch_records.unwrap_or(records),
            bytes: engine.epoch_bytes.unwrap_or(EPOCH_BYTES),
        },
        layout: Layout { threads, memory_bytes: pipeline.dedup.memory },
        window_days: i32::try_from(pipeline.dedup.window_days).unwrap_or(i32::MAX),
    }
}

fn shards(args: &RunArgs, engine: &EngineConfig, threads: usize) -> usize {
    args.layout.shards.or(engine.shards).map_or(threads, usize::from).clamp(1, caudal_usage::position::SLOTS)
}
