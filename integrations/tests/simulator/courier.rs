//! Webhooks over real HTTP, to a receiver that does as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use souk_domain::port::{Headers, PaymentSubject, WebhookError};
use souk_entity::status::TrackingStatus;
use souk_integrations::simulated::{ConfirmOutcome, Simulator};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fixture::{World, long_ago, parcel, usd};

/// A webhook as it arrived.
#[derive(Clone)]
struct Received {
    path: String,
    headers: Headers,
    body: Vec<u8>,
}

/// Answers the first requests with these statuses and all after them with 204.
#[derive(Clone)]
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { url: format!("http://{}", listener.local_addr().unwrap()), received: Arc::default() };
        let (received, statuses) = (Arc::clone(&receiver.received), statuses.to_vec());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (received, statuses) = (Arc::clone(&received), statuses.clone());
                tokio::spawn(async move {
                    let request = read(&mut BufReader::new(&mut stream)).await;
                    let status = {
                        let mut received = received.lock().unwrap();
                        received.push(request);
                        statuses.get(received.len() - 1).copied().unwrap_or(204)
                    };
                    let answer = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        receiver
    }

    async fn wait_for(&self, count: usize) -> Vec<Received> {
        let enough = async {
            while self.received.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), enough).await.expect("webhooks in time");
        self.received.lock().unwrap().clone()
    }
}

async fn read<S: AsyncBufReadExt + Unpin>(stream: &mut S) -> Received {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let mut headers = Headers::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Received { path, headers, body }
}

async fn all_delivered(simulator: &Simulator) {
    let control = simulator.control();
    let done = async {
        while control.undelivered_webhooks().await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.expect("delivered in time");
}

async fn confirmed(simulator: &Simulator, key: &str) -> String {
    let id = simulator.payments().create("ORD-1", usd(100), key).await.unwrap().provider_ref;
    simulator.control().confirm_payment(&id, ConfirmOutcome::Authorized).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_arrive_signed_and_tell_what_changed() {
    let world = World::new().await;
    let receiver = Receiver::start(&[]).await;
    let simulator = world.simulator_with(&receiver.url, None);
    let (gateway, carrier) = (simulator.payments(), simulator.carrier());
    let stop = CancellationToken::new();
    let courier = tokio::spawn(simulator.courier().unwrap().run(stop.clone()));
    let now = world.store.now();

    let id = confirmed(&simulator, "pay:1").await;
    let webhook = receiver.wait_for(1).await.remove(0);
    assert_eq!(webhook.path, "/api/v1/webhooks/payments/simulated");
    let notice = gateway.verify(&webhook.headers, &webhook.body, now).unwrap();
    assert_eq!(notice.subject, PaymentSubject::Payment(id));
    assert!(notice.event_id.starts_with("evt_"));
    assert_eq!(gateway.read(&webhook.body).unwrap(), notice);
    let body: serde_json::Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!(body["type"], "payment.updated");
    assert_eq!(body["data"]["payment"]["status"], "authorized");
    assert_eq!(body["data"]["payment"]["amount"], 100);
    assert_eq!(body["data"]["payment"]["reference"], "ORD-1");

    let bad = |result| matches!(result, Err(WebhookError::BadSignature(_)));
    let mut forged = webhook.body.clone();
    forged.push(b' ');
    assert!(bad(gateway.verify(&webhook.headers, &forged, now)));
    assert!(bad(gateway.verify(&Headers::new(), &webhook.body, now)));
    assert!(bad(gateway.verify(&webhook.headers, &webhook.body, long_ago())));
    // Signed, and yet nothing that a carrier says.
    assert!(matches!(carrier.verify(&webhook.headers, &webhook.body, now), Err(WebhookError::Unreadable(_))));

    let label = carrier.buy(&parcel(), "label:1:1").await.unwrap();
    simulator.control().advance_parcel(&label.tracking_number, TrackingStatus::OutForDelivery, false).await.unwrap();
    let webhook = receiver.wait_for(2).await.remove(1);
    assert_eq!(webhook.path, "/api/v1/webhooks/carriers/simulated");
    let notice = carrier.verify(&webhook.headers, &webhook.body, now).unwrap();
    assert_eq!(notice.tracking_number, label.tracking_number);
    assert_eq!(notice.scans, carrier.track(&label.tracking_number).await.unwrap());
    assert_eq!(notice.scans.len(), 3);

    all_delivered(&simulator).await;
    stop.cancel();
    courier.await.unwrap();
    assert_eq!(receiver.received.lock().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_repeated_until_it_is_accepted() {
    let world = World::new().await;
    let receiver = Receiver::start(&[500, 301]).await;
    let simulator = world.simulator_with(&receiver.url, None);
    let stop = CancellationToken::new();
    let courier = tokio::spawn(simulator.courier().unwrap().run(stop.clone()));
    confirmed(&simulator, "pay:1").await;
    let received = receiver.wait_for(3).await;
    all_delivered(&simulator).await;
    assert!(received.iter().all(|webhook| webhook.body == received[0].body), "the same event");
    let gateway = simulator.payments();
    for webhook in received {
        gateway.verify(&webhook.headers, &webhook.body, world.store.now()).unwrap();
    }
    stop.cancel();
    courier.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_couriers_share_the_work() {
    let world = World::new().await;
    let receiver = Receiver::start(&[]).await;
    let stop = CancellationToken::new();
    let simulators: Vec<_> = (0..3).map(|_| world.simulator_with(&receiver.url, None)).collect();
    // Queued before anybody delivers, as after a crash, and more than one batch.
    for n in 0..50 {
        confirmed(&simulators[0], &format!("pay:{n}")).await;
    }
    let mut couriers = JoinSet::new();
    for simulator in &simulators {
        couriers.spawn(simulator.courier().unwrap().run(stop.clone()));
    }
    all_delivered(&simulators[0]).await;
    stop.cancel();
    couriers.join_all().await;
    let received = receiver.received.lock().unwrap();
    let mut bodies: Vec<_> = received.iter().map(|webhook| webhook.body.clone()).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!((bodies.len(), received.len()), (50, 50), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_stops_when_told() {
    let world = World::new().await;
    let simulator = world.simulator_with("http://127.0.0.1:1", None);
    confirmed(&simulator, "pay:1").await;
    let stop = CancellationToken::new();
    let courier = tokio::spawn(simulator.courier().unwrap().run(stop.clone()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(6), courier).await.expect("stops in time").unwrap();
    assert_eq!(simulator.control().undelivered_webhooks().await.unwrap(), 1);
}
