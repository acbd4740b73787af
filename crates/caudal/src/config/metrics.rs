//! `[metrics]` of the pipeline to where metrics and health are served.
//! Relies on the standard library's grammar of addresses; a name would have to be looked up, and is refused.
//! Never opens a port: whether it can be had shows when the run begins.

use super::reader::{Keys, Report};
use std::net::SocketAddr;

/// Whether metrics and health are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MetricsConfig {
    /// Where; nowhere when the section is absent.
    pub listen: Option<SocketAddr>,
}

/// Reads the section.
pub(super) fn read(report: &mut Report, keys: &mut Keys<'_, '_>) -> MetricsConfig {
    let Some(mut table) = keys.table(report, "metrics") else { return MetricsConfig::default() };
    let listen = if table.has("listen") {
        let expected = "an IP address and a port such as \"127.0.0.1:9464\"";
        table.parsed(report, "listen", (expected, |text| text.parse().ok()))
    } else {
        table.needed(report, "listen");
        None
    };
    table.finish(report);
    MetricsConfig { listen }
}
