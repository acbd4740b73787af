//! Turns one broker into something that all tests of a program use, one after another.
//! Relies on the watch over the broker to clear it away when the program ends.
//! Never passes over a missing broker under `CI=true`.

use crate::broker::{Broker, Keeps};
use anyhow::Result;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, OnceLock};

/// The broker, held by one test at a time: the next may find it killed and starts it again.
#[derive(Debug)]
pub struct Lease(MutexGuard<'static, Broker>);

impl Deref for Lease {
    type Target = Broker;

    fn deref(&self) -> &Broker {
        &self.0
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Broker {
        &mut self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A test failed: what the broker said may tell why, so it stays.
            let _ = fs::write(self.folder().join("keep"), "");
            eprintln!("{}", self.log_tail());
        }
    }
}

/// The broker of this test program, running, started with the first call. Where none can run, `None`, after the line
/// `skipped: why`.
///
/// # Panics
/// Under `CI=true`, where none can run: there nothing is left out.
pub fn shared() -> Option<Lease> {
    static BROKER: OnceLock<Result<Mutex<Broker>, String>> = OnceLock::new();
    let broker = BROKER.get_or_init(|| start().map(Mutex::new).map_err(|error| format!("{error:#}")));
    let broker = match broker {
        Ok(broker) => broker,
        Err(why) if std::env::var_os("CI").is_some_and(|value| value == "true") => {
            panic!("no broker, and CI=true allows none to be missing: {why}")
        }
        Err(why) => {
            println!("skipped: no broker: {why}");
            return None;
        }
    };
    // A test that failed leaves a broker as good as any.
    let mut lease = Lease(broker.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    if let Err(error) = lease.start_again() {
        panic!("the broker does not come back: {error:#}");
    }
    Some(lease)
}

fn start() -> Result<Broker> {
    let name = format!("caudal-broker-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    // Left by a program of the same number that was killed together with its watch.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Broker::start_as(&folder, Keeps::Nothing)
}
