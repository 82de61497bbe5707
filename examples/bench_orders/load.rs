//! Connections that place orders one after the other.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Failure;

/// A cart that is ready to become an order.
pub struct Cart {
    id: String,
    total: String,
    currency: String,
    guest_token: String,
}

impl Cart {
    /// Reads carts from a file of tab-separated lines, without the first `skip`.
    ///
    /// # Errors
    /// The file cannot be read, or a line has not four fields.
    pub fn read(file: &Path, skip: usize) -> Result<Vec<Self>, Failure> {
        let text = std::fs::read_to_string(file)?;
        text.lines()
            .skip(skip)
            .map(|line| {
                let [id, total, currency, guest_token] = line
                    .split('\t')
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
                    .try_into()
                    .map_err(|_| format!("not a cart: {line}"))?;
                Ok(Self { id, total, currency, guest_token })
            })
            .collect()
    }

    fn request(&self, host: &str) -> Result<Request<Full<Bytes>>, Failure> {
        let Self { id, total, currency, guest_token } = self;
        let body = format!(
            r#"{{"cart_id":"{id}","expected_total":"{total}","currency":"{currency}","email":"ada@example.com","shipping_address":{{"name":"Ada Lovelace","line1":"12 St James's Square","city":"London","postal_code":"SW1Y 4JH","country":"GB","phone":"+44 20 7946 0000"}}}}"#
        );
        Ok(Request::post("/api/v1/orders")
            .header("host", host)
            .header("content-type", "application/json")
            .header("x-guest-token", guest_token)
            .header("idempotency-key", id)
            .body(Full::new(Bytes::from(body)))?)
    }
}

/// When to stop.
#[derive(Clone, Copy)]
pub enum Limit {
    /// After this time; answers under way are waited for.
    Time(Duration),
    /// After this many orders.
    Orders(usize),
}

/// What came of a run.
#[derive(Default)]
pub struct Outcome {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long each order took, in microseconds, ascending.
    pub micros: Vec<u32>,
    /// The first answer that was not 201.
    pub refused: Option<String>,
    /// The body of one answer.
    pub sample: Bytes,
}

/// Open connections, and the carts not yet placed.
pub struct Load {
    souk: SocketAddr,
    connections: usize,
    carts: Arc<Vec<Cart>>,
    next: Arc<AtomicUsize>,
}

/// How long souk may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

impl Load {
    /// Waits until souk takes connections.
    ///
    /// # Errors
    /// It does not within 30 seconds.
    pub async fn connect(souk: SocketAddr, connections: usize, carts: Vec<Cart>) -> Result<Self, Failure> {
        let began = Instant::now();
        while let Err(error) = TcpStream::connect(souk).await {
            if began.elapsed() > PATIENCE {
                return Err(format!("souk does not listen on {souk}: {error}").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Self { souk, connections, carts: Arc::new(carts), next: Arc::default() })
    }

    /// Places orders on all connections until `limit`.
    ///
    /// # Errors
    /// A connection broke, or the carts ran out.
    pub async fn run(&self, limit: Limit) -> Result<Outcome, Failure> {
        let mut senders = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            senders.push(open(self.souk).await?);
        }
        let placed = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let mut workers = JoinSet::new();
        for sender in senders {
            let (carts, next, placed) = (self.carts.clone(), self.next.clone(), placed.clone());
            let host = self.souk.to_string();
            workers.spawn(async move {
                let more = || match limit {
                    Limit::Time(time) => began.elapsed() < time,
                    Limit::Orders(orders) => placed.fetch_add(1, Ordering::Relaxed) < orders,
                };
                place(sender, &host, &carts, &next, more).await
            });
        }
        let mut all = Outcome::default();
        while let Some(worker) = workers.join_next().await {
            let mut one = worker??;
            all.micros.append(&mut one.micros);
            all.refused = all.refused.or(one.refused);
            if all.sample.is_empty() {
                all.sample = one.sample;
            }
        }
        all.elapsed = began.elapsed();
        all.micros.sort_unstable();
        Ok(all)
    }
}

async fn open(souk: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(souk).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn place(
    mut sender: SendRequest<Full<Bytes>>,
    host: &str,
    carts: &[Cart],
    next: &AtomicUsize,
    more: impl Fn() -> bool,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    while more() {
        let cart = carts.get(next.fetch_add(1, Ordering::Relaxed)).ok_or("the carts ran out; prepare more")?;
        let request = cart.request(host)?;
        let sent = Instant::now();
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        outcome.micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if status != StatusCode::CREATED {
            outcome.refused = Some(format!("{status} {}", String::from_utf8_lossy(&body)));
            break;
        }
        outcome.sample = body;
    }
    Ok(outcome)
}
