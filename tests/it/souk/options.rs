//! What is special about a test's installation.

use super::Setup;

/// How an installation is run.
#[derive(Clone, Default)]
pub struct Options {
    workers: Option<usize>,
    inside: bool,
    environment: Vec<(String, String)>,
    trusted: Option<reqwest::Certificate>,
}

impl Options {
    /// On services, so many worker processes instead of one.
    pub fn workers(mut self, processes: usize) -> Self {
        self.workers = Some(processes);
        self
    }

    /// Workers inside of the API's process on services, too: faults are of one process only.
    pub fn inside(mut self) -> Self {
        self.inside = true;
        self
    }

    /// An environment variable for every process.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Messages in files, on both set-ups.
    pub fn mail(self) -> Self {
        self.env("SOUK_MAIL", "file").env("SOUK_MAIL_FROM", "Souk <post@shop.example>")
    }

    /// The API's own certificate, which clients are to trust.
    pub fn trust(mut self, certificate: reqwest::Certificate) -> Self {
        self.trusted = Some(certificate);
        self
    }

    /// An HTTP client for this installation.
    pub(super) fn http(&self) -> reqwest::Client {
        let builder = reqwest::Client::builder().no_proxy();
        let builder = match &self.trusted {
            Some(certificate) => builder.tls_certs_only([certificate.clone()]),
            None => builder,
        };
        builder.build().expect("an HTTP client")
    }

    pub(super) fn set_env(&mut self, name: &str, value: Option<&str>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    pub(super) fn workers_inside(&self) -> bool {
        self.inside || Setup::of_environment() == Setup::Embedded
    }

    pub(super) fn worker_processes(&self) -> usize {
        if self.workers_inside() { 0 } else { self.workers.unwrap_or(1) }
    }

    pub(super) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
