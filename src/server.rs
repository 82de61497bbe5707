//! Connections: how many, how long, and what they speak.
//!
//! poem's own server is not used: it has no bound on connections, no limit on the time that a head
//! takes to come in, and waits for ever for the first bytes of who says nothing. What is said on a
//! connection goes to poem's endpoint as it does there.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Response};
use souk_api::{Crowd, Standing};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::stall::Stalling;
use crate::tls::Tls;

/// A handshake that takes longer is broken off.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The largest head of a request, its line and its headers: more than browsers and proxies send. It is
/// looked at after each piece that comes in, so some are taken that are up to twice as large.
const HEAD: usize = 64 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 100;
/// Where the process has no file left for a connection, others end meanwhile.
const BREATHER: Duration = Duration::from_millis(100);

/// Where requests come in.
pub struct Door {
    /// The socket.
    pub listener: TcpListener,
    /// Its address.
    pub address: SocketAddr,
    /// TLS, where it is spoken here.
    pub tls: Option<Arc<Tls>>,
}

/// What bounds connections.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// So many are open at once; others wait to be accepted.
    pub connections: u32,
    /// A connection is closed that for so long has no request under way and has not sent the whole
    /// head of one, or that takes nothing of an answer for so long.
    pub idle: Duration,
    /// Requests under way at the end get so long.
    pub shutdown: Duration,
}

impl Door {
    /// Serves who `crowd` has room for until `stop` is cancelled and running requests have ended, or their time is over.
    pub async fn serve<E>(self, endpoint: E, bounds: Bounds, crowd: Crowd, stop: CancellationToken)
    where
        E: Endpoint<Output = Response> + 'static,
    {
        let endpoint = Arc::new(endpoint);
        let (places, over) = (Arc::new(Semaphore::new(bounds.connections as usize)), CancellationToken::new());
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener, &places, &crowd) => accepted,
            };
            let (stream, remote, held) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    sleep(BREATHER).await;
                    continue;
                }
            };
            let connection = Connection {
                endpoint: Arc::clone(&endpoint),
                local: self.address,
                remote,
                bounds,
                stop: stop.clone(),
                begun: AtomicUsize::new(0),
                running: Arc::default(),
            };
            let (tls, over) = (self.tls.clone(), over.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = connection.run(stream, tls) => {}
                    () = over.cancelled() => {}
                }
                drop(held);
            });
        }
        drop(self.listener);
        // Every place is free once every connection has ended.
        let ended = timeout(bounds.shutdown, places.acquire_many(bounds.connections)).await;
        if ended.is_err() {
            tracing::warn!("some requests did not end in time and are broken off");
        }
        over.cancel();
    }
}

/// A connection's place among all, and among those of its site.
type Held = (tokio::sync::OwnedSemaphorePermit, Standing);

/// The next connection, once there is a place for it. One whose site has as many as it may is closed: it would wait
/// in the way of others.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    crowd: &Crowd,
) -> std::io::Result<(TcpStream, SocketAddr, Held)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => match crowd.enter(remote.ip()) {
                Some(standing) => return Ok((stream, remote, (place, standing))),
                None => drop(stream),
            },
            // Its client has gone already.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}

struct Connection<E> {
    endpoint: Arc<E>,
    local: SocketAddr,
    remote: SocketAddr,
    bounds: Bounds,
    stop: CancellationToken,
    /// Requests that there have been.
    begun: AtomicUsize,
    /// Requests whose answer has not begun.
    running: Arc<AtomicUsize>,
}

impl<E: Endpoint<Output = Response> + 'static> Connection<E> {
    async fn run(self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        // An error here is a connection that has gone.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            return self.http1(stream, Scheme::HTTP).await;
        };
        match timeout(HANDSHAKE, TlsAcceptor::from(tls.config()).accept(stream)).await {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => self.http2(stream).await,
            Ok(Ok(stream)) => self.http1(stream, Scheme::HTTPS).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// Without TLS only HTTP/1.1 is spoken: no browser speaks HTTP/2 there, and telling them apart would
    /// mean to wait for what comes.
    async fn http1(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, scheme: Scheme) {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.bounds.idle).max_buf_size(HEAD);
        let io = TokioIo::new(Stalling::new(stream, self.bounds.idle));
        let service = service_fn(|request| self.answer(request, scheme.clone()));
        let mut connection = pin!(builder.serve_connection(io, service));
        // An error is a client that has gone or does not speak HTTP: nobody is left to be told.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => {}
        }
        // Who has not asked for anything yet is not waited for.
        if self.begun.load(Ordering::Relaxed) > 0 {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }

    async fn http2(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(HEAD as u32);
        let io = TokioIo::new(Stalling::new(stream, self.bounds.idle));
        let service = service_fn(|request| self.answer(request, Scheme::HTTPS));
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut seen = 0;
        let mut until = Instant::now() + self.bounds.idle;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                () = self.stop.cancelled() => break,
                () = sleep_until(until) => {
                    let now = self.begun.load(Ordering::Relaxed);
                    if self.running.load(Ordering::Relaxed) == 0 && now == seen {
                        break;
                    }
                    seen = now;
                    until = Instant::now() + self.bounds.idle;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }

    fn answer(
        &self,
        request: hyper::Request<Incoming>,
        scheme: Scheme,
    ) -> impl Future<Output = Result<hyper::Response<Body>, Infallible>> + Send + use<E> {
        let (local, remote) = (LocalAddr(Addr::SocketAddr(self.local)), RemoteAddr(Addr::SocketAddr(self.remote)));
        let endpoint = Arc::clone(&self.endpoint);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        let running = Running(Arc::clone(&self.running));
        async move {
            let answered = endpoint.get_response((request, local, remote, scheme).into()).await;
            drop(running);
            Ok(answered.into())
        }
    }
}

/// What poem's answers are made of.
type Body = http_body_util::combinators::BoxBody<bytes::Bytes, std::io::Error>;

/// A request under way, until it is dropped.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
