//! Requests to a running souk: as whom, how often again, and what the refusals mean.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// A request is made at most this often before its failure is believed.
const ATTEMPTS: u32 = 8;
/// The pause before the second attempt; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// No answer within this time is none.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// souk answered, and not with success.
    #[error("{request}: {status} {code}: {message}")]
    Refused { request: String, status: u16, code: String, message: String },
    /// souk did not answer.
    #[error("{request}: no answer: {cause}")]
    Unreachable { request: String, cause: String },
    /// The answer is not what this program expects.
    #[error("{request}: an answer that cannot be read: {cause}")]
    Unreadable { request: String, cause: serde_json::Error },
    /// It did not happen in time, or cannot be gone on with.
    #[error("{0}")]
    Stuck(String),
}

impl Error {
    /// Whether souk refused with this code.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    fn is_passing(&self) -> bool {
        match self {
            Self::Refused { status: 429 | 502 | 503 | 504, .. } | Self::Unreachable { .. } => true,
            error => error.is("CONCURRENT_CHANGE"),
        }
    }
}

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One request.
///
/// Each may be sent again when no answer came: it has a key, or saying it twice is saying it once, or
/// the second one is refused with a code that its caller understands.
#[derive(Clone)]
pub struct Call<'a> {
    method: Method,
    path: String,
    body: Option<Value>,
    account: Option<&'a Account>,
    key: Option<String>,
    if_match: Option<i64>,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, account: None, key: None, if_match: None }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, None)
    }

    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    /// A POST of a route that reads no body.
    pub fn post_nothing(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path, None)
    }

    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, path, Some(body))
    }

    pub fn patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PATCH, path, Some(body))
    }

    /// Made by this person.
    pub fn by(self, account: &'a Account) -> Self {
        Self { account: Some(account), ..self }
    }

    /// With an idempotency key.
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// Only if the thing is at this version.
    pub fn if_match(self, version: i64) -> Self {
        Self { if_match: Some(version), ..self }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The API at one address.
pub struct Client {
    http: reqwest::Client,
    base: String,
    requests: AtomicU64,
    repeats: AtomicU64,
}

impl Client {
    /// A client of the souk at `base`, such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// A sentence, when it is not a URL.
    pub fn new(base: &str) -> Result<Self, String> {
        let url = reqwest::Url::parse(base).map_err(|error| format!("--url: {error}"))?;
        souk_integrations::tls::install();
        let mut http = reqwest::Client::builder().timeout(TIMEOUT);
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            // A proxy for the outside cannot reach this machine's own addresses.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| format!("the HTTP client: {error}"))?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { http, base, requests: AtomicU64::new(0), repeats: AtomicU64::new(0) })
    }

    /// Requests answered or given up so far, and those of them that were repetitions.
    pub fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.repeats.load(Ordering::Relaxed))
    }

    /// Makes a request and reads its answer.
    ///
    /// # Errors
    /// [`Error`]; what passes is tried again first.
    pub async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let Some(account) = call.account else { return self.send(&call, None).await };
        let token = account.token(self).await?;
        match self.send(&call, Some(&token)).await {
            Err(error) if error.is("UNAUTHENTICATED") => {
                // Access tokens live for minutes, a replay may take longer.
                account.forget(&token).await;
                let token = account.token(self).await?;
                self.send(&call, Some(&token)).await
            }
            other => other,
        }
    }

    /// Makes a request whose answer's contents do not matter.
    ///
    /// # Errors
    /// As for [`Self::call`].
    pub async fn done(&self, call: Call<'_>) -> Result<()> {
        self.call::<Value>(call).await.map(drop)
    }

    async fn send<T: DeserializeOwned>(&self, call: &Call<'_>, token: Option<&str>) -> Result<T> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.attempt(call, token).await {
                Err(error) if error.is_passing() => {
                    self.repeats.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                other => return other,
            }
        }
        self.attempt(call, token).await
    }

    async fn attempt<T: DeserializeOwned>(&self, call: &Call<'_>, token: Option<&str>) -> Result<T> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = self.http.request(call.method.clone(), format!("{}{}", self.base, call.path));
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = &call.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(version) = call.if_match {
            request = request.header("If-Match", format!("\"{version}\""));
        }
        let unreachable = |error| Error::Unreachable { request: call.name(), cause: innermost(&error) };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|cause| Error::Unreadable { request: call.name(), cause });
        }
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |field: &str| told["error"][field].as_str().unwrap_or_default().to_owned();
        let (code, message) = (text("code"), text("message"));
        Err(Error::Refused { request: call.name(), status: status.as_u16(), code, message })
    }
}

/// What an HTTP error comes down to, such as a refused connection.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// A person with an account, signed in when needed.
pub struct Account {
    email: String,
    password: String,
    name: String,
    token: Mutex<Option<String>>,
}

#[derive(serde::Deserialize)]
struct Session {
    access_token: String,
}

impl Account {
    /// Somebody who has an account, or will have one after [`Self::register`].
    pub fn new(email: impl Into<String>, password: impl Into<String>, name: impl Into<String>) -> Self {
        Self { email: email.into(), password: password.into(), name: name.into(), token: Mutex::new(None) }
    }

    /// The e-mail address.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Makes the account, unless it is there already.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn register(&self, client: &Client) -> Result<()> {
        let body = json!({"email": self.email, "password": self.password, "name": self.name});
        match client.send::<Session>(&Call::post("/api/v1/auth/register", body), None).await {
            Ok(session) => *self.token.lock().await = Some(session.access_token),
            // An earlier run was stopped right after; whether it is ours, the sign-in tells.
            Err(error) if error.is("ALREADY_EXISTS") => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn token(&self, client: &Client) -> Result<String> {
        let mut kept = self.token.lock().await;
        if let Some(token) = &*kept {
            return Ok(token.clone());
        }
        let body = json!({"email": self.email, "password": self.password});
        match client.send::<Session>(&Call::post("/api/v1/auth/sign-in", body), None).await {
            Ok(session) => Ok(kept.insert(session.access_token).clone()),
            Err(error) if error.is("BAD_CREDENTIALS") => Err(Error::Stuck(format!(
                "{} cannot sign in. For an administrator, check the password; for anybody else, the state file \
                 belongs to another installation: name a new one with --state",
                self.email
            ))),
            Err(error) => Err(error),
        }
    }

    /// Gives up a token that is over, unless there is a newer one already.
    async fn forget(&self, token: &str) {
        let mut kept = self.token.lock().await;
        if kept.as_deref() == Some(token) {
            *kept = None;
        }
    }
}
