//! A client of the public API, as a shopper's, seller's or operator's program would be.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::command::Failure;

/// Who asks.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    /// Nobody yet.
    ///
    /// # Errors
    /// [`Failure`] when no HTTP client can be made.
    pub fn new(base: &str) -> Result<Self, Failure> {
        // The server is this process, whatever proxy the environment names for the outside.
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| Failure::Failed(format!("the HTTP client: {error}")))?;
        Ok(Self { http, base: base.to_owned(), token: None })
    }

    /// Registers a person and is them.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn register(&self, email: &str, name: &str, password: &str) -> Result<Self, Failure> {
        let body = json!({"email": email, "name": name, "password": password});
        self.signed_in(self.post("/api/v1/auth/register", body).await?)
    }

    /// Signs in and is that person.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Self, Failure> {
        self.signed_in(self.post("/api/v1/auth/sign-in", json!({"email": email, "password": password})).await?)
    }

    fn signed_in(&self, session: Value) -> Result<Self, Failure> {
        Ok(Self { token: Some(text(&session, "/access_token")?), ..self.clone() })
    }

    /// GET.
    ///
    /// # Errors
    /// [`Failure`] for anything but success.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None).await
    }

    /// POST.
    ///
    /// # Errors
    /// [`Failure`] for anything but success.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT.
    ///
    /// # Errors
    /// [`Failure`] for anything but success.
    pub async fn put(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH.
    ///
    /// # Errors
    /// [`Failure`] for anything but success.
    pub async fn patch(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// The bytes of a download.
    ///
    /// # Errors
    /// [`Failure`] for anything but success.
    pub async fn download(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let (status, body) = self.exchange(Method::GET, path, None).await?;
        if status.is_success() { Ok(body) } else { Err(refused(&Method::GET, path, status, &body)) }
    }

    /// Asks until `enough` is content, for at most 30 seconds.
    ///
    /// # Errors
    /// [`Failure`] when it never is.
    pub async fn until(&self, path: &str, what: &str, enough: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let began = Instant::now();
        loop {
            let seen = self.get(path).await?;
            if enough(&seen) {
                return Ok(seen);
            }
            if began.elapsed() > Duration::from_secs(30) {
                return Err(Failure::Failed(format!("after 30 s still not {what}: GET {path} answers {seen}")));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let (status, bytes) = self.exchange(method.clone(), path, body).await?;
        if !status.is_success() {
            return Err(refused(&method, path, status, &bytes));
        }
        serde_json::from_slice(&bytes).map_err(|error| Failure::Failed(format!("{method} {path}: not JSON: {error}")))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(reqwest::StatusCode, Vec<u8>), Failure> {
        let failed = |error: reqwest::Error| Failure::Failed(format!("{path}: {error}"));
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        Ok((status, response.bytes().await.map_err(failed)?.to_vec()))
    }
}

fn refused(method: &Method, path: &str, status: reqwest::StatusCode, body: &[u8]) -> Failure {
    Failure::Failed(format!("{method} {path} answers {status}: {}", String::from_utf8_lossy(body)))
}

/// The text at a JSON pointer.
///
/// # Errors
/// [`Failure`] when there is none.
pub fn text(value: &Value, pointer: &str) -> Result<String, Failure> {
    let found = value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Failure::Failed(format!("no text at {pointer} of {value}")))
}

/// The items of the list at a JSON pointer.
///
/// # Errors
/// [`Failure`] when there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> Result<&'a [Value], Failure> {
    let found = value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice);
    found.ok_or_else(|| Failure::Failed(format!("no list at {pointer} of {value}")))
}
