//! Logs on standard error; metrics for Prometheus.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::command::Failure;
use crate::config::{LogFormat, Settings};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts logging and measuring.
///
/// # Errors
/// [`Failure::Usage`] for a filter that cannot be read.
pub fn init(settings: &Settings, default_filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(settings.log.as_deref().unwrap_or(default_filter))
        .map_err(|error| Failure::Usage(format!("SOUK_LOG is not a tracing filter: {error}.")))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    started.map_err(|error| Failure::Failed(format!("logging cannot be started: {error}")))?;
    let handle = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| Failure::Failed(format!("metrics cannot be recorded: {error}")))?;
    let _ = METRICS.set(handle);
    Ok(())
}

/// All measurements in Prometheus' text format.
pub fn metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Empties what histograms have gathered, as the exporter asks for from time to time.
pub fn upkeep() {
    if let Some(handle) = METRICS.get() {
        handle.run_upkeep();
    }
}
