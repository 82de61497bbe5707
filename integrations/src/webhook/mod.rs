//! Posting to sellers' endpoints, which are any hosts that sellers name: only public addresses are
//! connected to, whatever a name resolves to at that moment.

mod resolver;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::Policy;
use souk_domain::port::{OutgoingWebhook, WebhookAnswer, WebhookSender};
use souk_domain::webhook::target::Targets;

use resolver::Resolver;

/// From the name's resolution to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// So much of an answer is read and told, in bytes; the rest is left and the connection closed.
const READ: usize = 64 * 1024;

/// Posts over HTTP.
pub struct HttpSender {
    client: reqwest::Client,
    targets: Targets,
}

impl HttpSender {
    /// Posts to `targets` only: to any port, never through a proxy, and follows no redirect.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(targets: Targets) -> reqwest::Result<Self> {
        crate::tls::install();
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(Resolver { targets }))
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .build()?;
        Ok(Self { client, targets })
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    async fn post(&self, webhook: &OutgoingWebhook) -> Result<WebhookAnswer, String> {
        // The client resolves names only: an address in the URL is checked here.
        let url = self.targets.read(&webhook.url).map_err(|error| error.message)?;
        let mut request = self.client.post(url).body(webhook.body.clone());
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        let mut response = request.send().await.map_err(|error| describe(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while body.len() < READ {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                // The status was answered, which is what counts.
                Err(_) => break,
            }
        }
        body.truncate(READ);
        Ok(WebhookAnswer { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// The failure with its causes and without the URL, which may hold what is secret.
fn describe(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        format!("no answer within {} seconds", TIMEOUT.as_secs())
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "no answer".to_owned()
    };
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
