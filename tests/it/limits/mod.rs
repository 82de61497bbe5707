//! What stands between the network and the API: budgets of requests, bounds of connections and
//! bodies, what browsers are told, and TLS.

mod bounds;
mod browsers;
mod measurements;
mod peers;
mod rates;
mod replicas;
mod tls;

use crate::souk::{Answer, Client, Options, Souk};

/// Whatever anybody may read.
const PRODUCTS: &str = "/api/v1/catalog/products";

/// An installation with these rate limits.
async fn limited(limits: &str) -> Souk {
    Souk::with(Options::default().env("SOUK_RATE_LIMITS", limits)).await
}

/// The statuses of so many requests, one after the other.
async fn statuses<const N: usize>(client: &Client, path: &str) -> [u16; N] {
    let mut statuses = [0; N];
    for status in &mut statuses {
        *status = client.get(path).await.status.as_u16();
    }
    statuses
}

/// A header that is a number.
#[track_caller]
fn number(answer: &Answer, name: &str) -> u64 {
    let text = answer.header(name).unwrap_or_else(|| panic!("no {name}"));
    text.parse().unwrap_or_else(|_| panic!("{name}: {text}"))
}

/// What `souk serve` says when it refuses to begin with these settings.
#[track_caller]
fn refusal(souk: &Souk, settings: &[(&str, &str)]) -> String {
    let mut command = souk.souk(&["serve"]);
    command.env("SOUK_BIND", "127.0.0.1:0").envs(settings.iter().copied());
    let output = command.output().expect("souk runs");
    assert_eq!(output.status.code(), Some(2), "{settings:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
