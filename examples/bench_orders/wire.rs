//! Stands between souk and PostgreSQL and counts statements and round trips as they are.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Failure;

/// Where to listen and whom to pass everything to.
#[derive(Clone, Copy)]
pub struct Route {
    listen: SocketAddr,
    server: SocketAddr,
}

impl FromStr for Route {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (listen, server) = text.split_once('=').ok_or("LISTEN=SERVER, each an address and port")?;
        Ok(Self { listen: listen.parse()?, server: server.parse()? })
    }
}

/// What has gone through.
#[derive(Clone, Copy)]
pub struct Counts {
    /// Statements that PostgreSQL has completed.
    pub statements: u64,
    /// Times that PostgreSQL was done and waited for the client.
    pub round_trips: u64,
}

impl Counts {
    /// What has gone through since `before`.
    pub fn since(self, before: Self) -> Self {
        Self { statements: self.statements - before.statements, round_trips: self.round_trips - before.round_trips }
    }
}

#[derive(Default)]
struct Tally {
    statements: AtomicU64,
    round_trips: AtomicU64,
}

/// A running proxy. It knows PostgreSQL's protocol without encryption only.
pub struct Wire {
    tally: Arc<Tally>,
}

impl Wire {
    /// Begins to listen.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn start(route: Route) -> Result<Self, Failure> {
        let listener = TcpListener::bind(route.listen).await?;
        let tally = Arc::<Tally>::default();
        let shared = tally.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, route.server, shared.clone()));
            }
        });
        Ok(Self { tally })
    }

    /// What has gone through so far.
    pub fn counts(&self) -> Counts {
        Counts {
            statements: self.tally.statements.load(Ordering::Relaxed),
            round_trips: self.tally.round_trips.load(Ordering::Relaxed),
        }
    }
}

async fn pass(client: TcpStream, server: SocketAddr, tally: Arc<Tally>) -> std::io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut messages = Messages::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from_server.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        messages.read(bytes, |kind| match kind {
            // CommandComplete, EmptyQueryResponse
            b'C' | b'I' => drop(tally.statements.fetch_add(1, Ordering::Relaxed)),
            // ReadyForQuery
            b'Z' => drop(tally.round_trips.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        });
        to_client.write_all(bytes).await?;
    }
    requests.abort();
    Ok(())
}

/// The server's messages: a byte for the kind, then four for the length, which counts itself.
#[derive(Default)]
struct Messages {
    header: Vec<u8>,
    rest: usize,
}

impl Messages {
    fn read(&mut self, mut bytes: &[u8], mut seen: impl FnMut(u8)) {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let skipped = self.rest.min(bytes.len());
                self.rest -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if let [kind, a, b, c, d] = self.header[..] {
                seen(kind);
                let length = u32::from_be_bytes([a, b, c, d]);
                self.rest = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(4);
                self.header.clear();
            }
        }
    }
}
