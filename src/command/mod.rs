//! The subcommands.

pub mod audit;
pub mod demo;
pub mod events;
pub mod import;
pub mod jobs;
pub mod keys;
pub mod migrate;
pub mod schedules;
pub mod serve;
pub mod verify;
pub mod worker;

/// Why a command ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Wrong usage or configuration: nothing was begun.
    #[error("{0}")]
    Usage(String),
    /// It was begun and does not hold, or cannot go on.
    #[error("{0}")]
    Failed(String),
}

impl From<souk_domain::Error> for Failure {
    fn from(error: souk_domain::Error) -> Self {
        let cause = error.source.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self::Failed(format!("{}{cause}", error.message))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub async fn stop_requested() {
    let interrupt = tokio::signal::ctrl_c();
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be caught; only Ctrl-C stops gracefully");
            let _ = interrupt.await;
            return;
        }
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
