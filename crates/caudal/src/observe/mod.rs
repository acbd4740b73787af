//! What a run does, to what its operators see: log, metrics, health, progress.
//! Relies on the runtime to tell of commits only when they stand.
//! Never slows the run: what is done per commit is a line, some counters, and a look at the clock.

mod event;
pub mod health;
mod meters;
mod server;

use crate::config::Pipeline;
use crate::failure::Failure;
use crate::print::progress::Bar;
use caudal_runtime::{Report, Standing, Watcher};
use event::Event;
use health::{Health, Stage};
use meters::Meters;
use metrics_exporter_prometheus::PrometheusHandle;
use server::{Pages, Server};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Time between two lines about progress.
const EVERY: Duration = Duration::from_secs(5);

/// Watches one run.
pub struct Observer {
    health: Arc<Health>,
    meters: Meters,
    /// Answers until the run has ended and this value is dropped.
    server: Option<Server>,
    bar: Option<Bar>,
    shown: Instant,
    /// Octets on disk of all claimed files.
    octets: u64,
}

impl Observer {
    /// An observer of a run of the pipeline, which ends when `stop` is set. Serves metrics and health from now on,
    /// where the pipeline says so; an address that cannot be had is a wrong configuration.
    pub fn start(pipeline: &Pipeline, stop: &Arc<AtomicBool>) -> Result<Self, Failure> {
        let health = Arc::new(Health::new(Arc::clone(stop)));
        let names = || pipeline.sources.iter().map(|source| source.name.as_str());
        let (meters, server) = match pipeline.metrics.listen {
            None => (Meters::register(names()), None),
            Some(address) => {
                let metrics = record()?;
                // Registered before anyone can ask: every metric is there from the first answer.
                let meters = Meters::register(names());
                let pages = Pages { name: pipeline.name.clone(), health: Arc::clone(&health), metrics };
                (meters, Some(serve(address, pages)?))
            }
        };
        let bar = Bar::on_terminal(&pipeline.name);
        Ok(Self { health, meters, server, bar, shown: Instant::now(), octets: 0 })
    }

    /// The run has ended: readiness is over, the bar goes, and after the last line nothing is served any more.
    pub fn ended(mut self, result: anyhow::Result<Report>) -> anyhow::Result<Report> {
        drop(self.bar.take());
        let asked = self.health.stage() == Stage::Draining;
        match &result {
            Ok(report) => {
                self.health.become_stage(Stage::Stopped);
                let because = if asked { "a stop was asked for" } else { "nothing is left to do" };
                Event::Ended { report, because }.happens(&mut self.meters);
            }
            Err(_) => self.health.become_stage(Stage::Failed),
        }
        drop(self.server.take());
        result
    }
}

/// Metrics of this process go to a recorder from now on.
fn record() -> anyhow::Result<PrometheusHandle> {
    let recorder = meters::recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(handle)
}

fn serve(address: SocketAddr, pages: Pages) -> Result<Server, Failure> {
    let server = Server::start(address, pages).map_err(|error| {
        Failure::usage(format!(
            "cannot listen at {address} for metrics: {error}; name another address at `listen` of [metrics] in \
             pipeline.toml, or end the process that has it"
        ))
    })?;
    Event::Listening { address: server.address() }.log();
    Ok(server)
}

impl Watcher for Observer {
    fn claimed(&mut self, files: u64, octets: u64) {
        self.octets += octets;
        if let Some(bar) = &self.bar {
            bar.reaches(self.octets);
        }
        Event::FilesClaimed { files, octets }.happens(&mut self.meters);
    }

    fn committed(&mut self, report: &Report) {
        // Compressed content is longer than its file: progress stands at its end until the run does.
        let read = report.bytes.min(self.octets);
        if let Some(bar) = &self.bar {
            bar.stands(read);
        } else if self.shown.elapsed() >= EVERY {
            self.shown = Instant::now();
            let percent = read.saturating_mul(100) / self.octets.max(1);
            Event::Progress { report, percent }.happens(&mut self.meters);
        }
    }

    fn restores(&mut self) {
        self.health.become_stage(Stage::Restoring);
    }

    fn stands(&mut self, report: &Report, standing: &Standing) {
        if standing.commit.is_some() {
            self.health.turned();
            Event::Committed { report, standing }.happens(&mut self.meters);
        } else {
            self.health.become_stage(Stage::Ready);
            Event::Restored { report, standing }.happens(&mut self.meters);
        }
    }

    fn turned(&mut self) {
        self.health.turned();
    }
}
