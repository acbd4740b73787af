//! Logs: plain lines on standard error.
//! Relies on nobody logging a subscriber number.
//! Never on standard output, which belongs to reports.

/// Starts logging. Every line says who must act: error and warn are for the operator.
pub fn start() {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .with_target(false)
        .without_time()
        // They would go to the same place, and panic there.
        .log_internal_errors(false)
        .finish();
    // Only the first call of a process can succeed, and it is the only one.
    drop(tracing::subscriber::set_global_default(subscriber));
}
