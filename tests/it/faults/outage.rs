//! Redis goes away and comes back.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::souk::{Options, Setup, Souk, eventually, text};

/// A door in front of Redis, which can be shut: connections break, and new ones come to nothing.
/// The server itself is shared by all tests and stays.
pub struct Door {
    /// Where Redis seems to be.
    pub url: String,
    open: watch::Sender<bool>,
}

impl Door {
    /// A door before the server of this URL, open.
    pub async fn before(redis_url: &str) -> Self {
        let rest = redis_url.strip_prefix("redis://").expect("REDIS_URL begins with redis://");
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, server) = address.rsplit_once('@').unwrap_or(("", address));
        let server: Arc<str> = if server.contains(':') { server.into() } else { format!("{server}:6379").into() };
        let at = if user.is_empty() { "" } else { "@" };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("redis://{user}{at}{}/{path}", listener.local_addr().expect("an address"));
        let (open, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, Arc::clone(&server), state.clone()));
            }
        });
        Self { url, open }
    }

    /// Shuts it.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    /// Opens it.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

/// Carries a connection until the door is shut.
async fn pass(mut client: TcpStream, server: Arc<str>, mut open: watch::Receiver<bool>) {
    if !*open.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(&*server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}

#[tokio::test]
async fn orders_go_on_without_redis() {
    if Setup::of_environment() == Setup::Embedded {
        println!("nothing to test: the embedded set-up has no Redis");
        return;
    }
    let door = Door::before(&std::env::var("REDIS_URL").expect("services have REDIS_URL")).await;
    let souk = Souk::with(Options::default().env("REDIS_URL", &door.url)).await;
    let seller = souk.seller("Unwoken").await;
    let offer = seller.offer("OUTAGE-1", "10.00", 10).await;
    let shopper = souk.guest();
    let condition = async |status: &str| {
        eventually(&format!("/readyz says {status}"), async || {
            let ready = souk.anyone().get("/readyz").await.expect(200);
            (ready["status"] == status && ready["redis"] == status).then_some(())
        })
        .await;
    };

    condition("ok").await;
    door.shut();
    condition("degraded").await;
    let order = shopper.buy(&[(&offer, 1)]).await;
    let parcel = seller.ship(order.parts()[0].id(), "Main").await;

    door.open();
    condition("ok").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await;
    let books = souk.audit().await;
    assert_eq!((books.captured, books.labels), (order.total(), 1));
}
