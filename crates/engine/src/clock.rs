//! The clock, as an input of the runtime. No stage has one.

/// Tells the time of arrivals.
pub trait Clock: Send + Sync {
    /// UTC milliseconds since 1970.
    fn now_ms(&self) -> i64;
}
