//! HTTP, as one person speaks it.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// What every account of the tests has.
pub const PASSWORD: &str = "correct horse battery";

/// Who asks.
#[derive(Clone, Debug)]
enum Credential {
    Nobody,
    Bearer(String),
    Guest(String),
}

/// A person's HTTP client.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    credential: Credential,
}

impl Client {
    /// A client without a credential.
    pub fn new(http: reqwest::Client, url: &str) -> Self {
        Self { http, url: url.to_owned(), credential: Credential::Nobody }
    }

    /// This person with an access token.
    pub fn bearer(&self, token: &str) -> Self {
        Self { credential: Credential::Bearer(token.to_owned()), ..self.clone() }
    }

    /// This person with a guest's token.
    pub fn guest(&self, token: &str) -> Self {
        Self { credential: Credential::Guest(token.to_owned()), ..self.clone() }
    }

    /// The token of a guest.
    pub fn guest_token(&self) -> Option<&str> {
        match &self.credential {
            Credential::Guest(token) => Some(token),
            _ => None,
        }
    }

    /// Makes an account and signs in.
    pub async fn register(&self, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD, "name": "A Person"});
        let session = self.post("/api/v1/auth/register", body).await.expect(201);
        self.bearer(text(&session["access_token"]))
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Self {
        let session = self.post("/api/v1/auth/sign-in", json!({"email": email, "password": password})).await;
        self.bearer(text(&session.expect(200)["access_token"]))
    }

    /// The address of a path; a whole URL stays.
    pub fn address(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) }
    }

    /// A request that is still to be sent with [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.address(path));
        match &self.credential {
            Credential::Nobody => request,
            Credential::Bearer(token) => request.bearer_auth(token),
            Credential::Guest(token) => request.header("X-Guest-Token", token),
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    /// POST without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        send(self.request(Method::POST, path)).await
    }

    /// POST of JSON with an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).header("Idempotency-Key", key).json(&body)).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::PUT, path).json(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// All items of a list, page by page.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let limit = if path.contains("limit=") { "" } else { "limit=100" };
            let page = self.get(&format!("{path}{separator}{limit}{cursor}")).await.expect(200);
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

/// Sends a request.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.expect("a whole answer")
}

/// Sends a request to somebody who may be away.
///
/// # Errors
/// When there is no answer, or only a part of one.
pub async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is empty.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()
    }

    /// The error of an answer that must be this refusal.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let error = self.expect(status)["error"].take();
        assert_eq!(error["code"], code, "{error}");
        error
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A JSON string.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}
