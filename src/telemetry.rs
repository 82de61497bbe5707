//! Logs on standard error; metrics for Prometheus.

use std::borrow::Cow;
use std::io::{self, Write};
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
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| OneLine(io::stderr()));
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

/// Writes each event as one line: a line end in a value, which somebody else may have chosen, must
/// not begin what looks like another event.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    /// Takes a whole event, as the subscriber hands it over.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(&one_line(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn one_line(event: &[u8]) -> Cow<'_, [u8]> {
    let text = event.strip_suffix(b"\n").unwrap_or(event);
    if !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Cow::Borrowed(event);
    }
    let mut line = Vec::with_capacity(event.len() + 8);
    for byte in text {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            byte => line.push(*byte),
        }
    }
    line.extend_from_slice(event.get(text.len()..).unwrap_or_default());
    Cow::Owned(line)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_begins_a_line_of_its_own() {
        let mut log = Vec::new();
        let mut writer = OneLine(&mut log);
        for event in ["plain\n", "a name\r\n2026-01-01T00:00:00Z ERROR forged\n", "without an end", "\n"] {
            writer.write_all(event.as_bytes()).unwrap();
        }
        let expected = "plain\na name\\r\\n2026-01-01T00:00:00Z ERROR forged\nwithout an end\n";
        assert_eq!(String::from_utf8(log).unwrap(), expected);
    }
}
