//! A seller's own system: takes webhooks, and answers them as it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::{HeaderMap, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Request, Response, Server, endpoint};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use crate::souk::eventually;

/// What is answered to whatever is posted to a path.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// With this status.
    Answer(u16),
    /// With status 500 and this text.
    Complain(String),
    /// With a redirect to another path.
    Redirect(&'static str),
    /// Never.
    Hang,
}

/// A webhook as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Where it was posted to.
    pub path: String,
    headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Received {
    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().expect("text")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// How many of the signatures are by `secret`, which is as the API shows it.
    pub fn signatures_by(&self, secret: &str) -> usize {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("the prefix")).expect("base64");
        assert_eq!(key.len(), 32);
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let message = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &self.body].concat();
        let expected = format!("v1,{}", STANDARD.encode(hmac(&key, &message)));
        self.signatures().into_iter().filter(|signature| *signature == expected).count()
    }

    /// Its signatures.
    pub fn signatures(&self) -> Vec<&str> {
        self.header("webhook-signature").split(' ').collect()
    }
}

/// HMAC-SHA256 by its definition, for keys that fit a block.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect() };
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

#[derive(Default)]
struct State {
    behaviours: HashMap<String, Behaviour>,
    received: Vec<Received>,
}

/// A running receiver.
pub struct Receiver {
    url: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// Starts one that answers everything with 204.
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let address = acceptor.local_addr().remove(0);
        let url = format!("http://{}", address.as_socket_addr().expect("an address"));
        let state: Arc<Mutex<State>> = Arc::default();
        let taken = state.clone();
        let app = endpoint::make(move |request| take(request, taken.clone()));
        let server = tokio::spawn(async move {
            let _ = Server::new_with_acceptor(acceptor).run(app).await;
        });
        Self { url, state, server }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Changes what is answered to what is posted to a path.
    pub fn behave(&self, path: &str, behaviour: Behaviour) {
        self.state().behaviours.insert(path.to_owned(), behaviour);
    }

    /// What was posted to a path so far.
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.state().received.iter().filter(|received| received.path == path).cloned().collect()
    }

    /// What was posted to a path, once there are so many.
    pub async fn until(&self, path: &str, count: usize) -> Vec<Received> {
        eventually(&format!("{path} gets {count} webhooks"), async || {
            let received = self.received(path);
            (received.len() >= count).then_some(received)
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(mut request: Request, state: Arc<Mutex<State>>) -> Response {
    let path = request.uri().path().to_owned();
    let body = request.take_body().into_vec().await.expect("a body");
    let behaviour = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received.push(Received { path: path.clone(), headers: request.headers().clone(), body });
        state.behaviours.get(&path).cloned().unwrap_or(Behaviour::Answer(204))
    };
    match behaviour {
        Behaviour::Answer(status) => StatusCode::from_u16(status).expect("a status").into(),
        Behaviour::Complain(text) => Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body(text),
        Behaviour::Redirect(to) => Response::builder().status(StatusCode::FOUND).header("location", to).finish(),
        Behaviour::Hang => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            StatusCode::OK.into()
        }
    }
}
