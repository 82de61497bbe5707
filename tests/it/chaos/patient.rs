//! A client as it should be: what got no answer is sent again, under the same key.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::souk::client::try_send;
use crate::souk::{Answer, Client};

/// How long a request may go without an answer that counts.
const PATIENCE: Duration = Duration::from_secs(150);
const PAUSE: Duration = Duration::from_millis(100);
/// After this long without an answer a request is sent again.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A client that does not give up.
#[derive(Debug)]
pub struct Patient {
    client: Mutex<Client>,
    /// Who signs in again when the access token is over.
    account: Option<(String, &'static str)>,
}

impl Patient {
    /// Somebody whose credential lasts.
    pub fn new(client: Client) -> Self {
        Self { client: Mutex::new(client), account: None }
    }

    /// Somebody who is signed in by an address and a password.
    pub fn signed_in(client: Client, email: &str, password: &'static str) -> Self {
        Self { client: Mutex::new(client), account: Some((email.to_owned(), password)) }
    }

    fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// POST under a key of its own.
    pub async fn post(&self, path: &str, body: Option<&Value>) -> Answer {
        self.post_under(&Uuid::new_v4().to_string(), path, body).await
    }

    /// POST under a key.
    pub async fn post_under(&self, key: &str, path: &str, body: Option<&Value>) -> Answer {
        self.insist(path, || {
            let request = self.client().request(Method::POST, path).header("Idempotency-Key", key);
            match body {
                Some(body) => request.json(body),
                None => request,
            }
        })
        .await
    }

    /// POST of JSON.
    pub async fn send(&self, path: &str, body: &Value) -> Answer {
        self.post(path, Some(body)).await
    }

    /// POST of CSV.
    pub async fn csv(&self, path: &str, csv: &str) -> Answer {
        let key = Uuid::new_v4().to_string();
        self.insist(path, || {
            let request = self.client().request(Method::POST, path).header("Idempotency-Key", &key);
            request.header("Content-Type", "text/csv").body(csv.to_owned())
        })
        .await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Value {
        self.insist(path, || self.client().request(Method::GET, path)).await.expect(200)
    }

    /// Reads again and again until there is an answer to `probe`.
    pub async fn until<T>(&self, what: &str, path: &str, probe: impl Fn(&Value) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            let seen = self.get(path).await;
            if let Some(found) = probe(&seen) {
                return found;
            }
            assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}: {seen}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether there is a new access token.
    async fn sign_in_again(&self) -> bool {
        let Some((email, password)) = &self.account else { return false };
        let body = json!({"email": email, "password": password});
        let client = self.client();
        let Ok(answer) = try_send(client.request(Method::POST, "/api/v1/auth/sign-in").json(&body)).await else {
            return true;
        };
        if answer.status.is_success() {
            let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client.bearer(&token);
        }
        true
    }

    async fn insist(&self, path: &str, request: impl Fn() -> reqwest::RequestBuilder) -> Answer {
        let begin = Instant::now();
        loop {
            let answer = try_send(request().timeout(TIMEOUT)).await;
            let told = match answer {
                Ok(answer) if answer.status.as_u16() == 401 && self.sign_in_again().await => "signed in".to_owned(),
                Ok(answer) if !try_again(&answer) => return answer,
                Ok(answer) => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
                Err(error) => error.to_string(),
            };
            assert!(begin.elapsed() < PATIENCE, "no answer from {path}: {told}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether the same request may go better later.
fn try_again(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 429 | 500 | 502 | 503 | 504)
        || (answer.status.as_u16() == 409 && answer.json()["error"]["code"] == "CONCURRENT_CHANGE")
}
