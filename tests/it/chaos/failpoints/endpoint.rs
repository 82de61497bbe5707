//! A seller's own system that takes every webhook.

use std::sync::{Arc, Mutex, PoisonError};

use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Request, Server, endpoint};
use tokio::task::JoinHandle;

/// The ids of what was posted.
type Taken = Arc<Mutex<Vec<String>>>;

/// A running endpoint; it lives on while processes of souk end.
pub struct Endpoint {
    url: String,
    taken: Taken,
    server: JoinHandle<()>,
}

impl Endpoint {
    /// Starts one.
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let address = acceptor.local_addr().remove(0);
        let url = format!("http://{}", address.as_socket_addr().expect("an address"));
        let taken = Taken::default();
        let posted = Arc::clone(&taken);
        let app = endpoint::make(move |request: Request| {
            let posted = Arc::clone(&posted);
            async move {
                let id = request.header("webhook-id").expect("an id").to_owned();
                posted.lock().unwrap_or_else(PoisonError::into_inner).push(id);
                StatusCode::NO_CONTENT
            }
        });
        let server = tokio::spawn(async move {
            let _ = Server::new_with_acceptor(acceptor).run(app).await;
        });
        Self { url, taken, server }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The ids of what was posted, in order.
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}
