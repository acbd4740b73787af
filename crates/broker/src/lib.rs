//! Turns pinned jars into a real Apache Kafka of one node, for tests and for `cargo xtask kafka`.
//! Relies on a Java runtime, on Maven for the first fetch, and on loopback ports.
//! Never part of the product: nothing that ships depends on it.
//!
//! A test program shares one broker: [`shared`] starts it with its first use and says `skipped: why` where none can run.
//! A test that needs its own calls [`Broker::start`].

mod broker;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod feed;
mod kit;
mod node;
mod ready;
mod shared;
pub mod standing;

pub use broker::Broker;
#[cfg(feature = "client")]
pub use client::{Reading, Received, Topic, create_topics, read_topic};
#[cfg(feature = "client")]
pub use feed::{End, Feed, delete_before, group_and_end};
pub use kit::{Kit, VERSION, install_build_tools, install_java};
pub use shared::{Lease, shared};
