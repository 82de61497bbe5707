//! Processes that die, answers that get lost, a queue that goes away: nothing is lost, and nothing
//! happens twice.

mod frozen;
mod guard;
pub mod outage;

use serde_json::Value;

use crate::souk::{Options, Order, Seller, Shopper, Souk, eventually, text};

/// Long enough to do something while a company is being asked.
const SLOW_MS: u32 = 800;

/// An installation with an order that is paid and can be packed.
async fn sold(options: Options) -> (Souk, Seller, Shopper, Order) {
    let souk = Souk::with(options).await;
    let seller = souk.seller("Unlucky").await;
    let offer = seller.offer("FAULT-1", "10.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 2)]).await;
    (souk, seller, shopper, order)
}

/// The job that buys a parcel's label, once it has the status.
async fn label_job(souk: &Souk, status: &str) -> Value {
    eventually(&format!("the label's job is {status}"), async || {
        let jobs = souk.admin().await.jobs("buy_label").await;
        jobs.into_iter().find(|job| job["status"] == status)
    })
    .await
}

#[tokio::test]
async fn a_worker_is_killed_while_it_buys_a_label() {
    let (mut souk, seller, _, order) = sold(Options::default().env("SOUK_SIMULATOR_LATENCY_MS", SLOW_MS)).await;
    let parcel = seller.pack(order.parts()[0].id(), "Main").await.expect(201);
    let shipment = text(&parcel["id"]);
    label_job(&souk, "running").await;

    souk.kill_workers();
    souk.database().end_leases().await;
    souk.resume().await;
    seller.labelled(shipment).await;
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided), (1, 0));
}

#[tokio::test]
async fn everything_is_killed_between_payment_and_capture() {
    let mut souk = Souk::with(Options::default().env("SOUK_SIMULATOR_LATENCY_MS", 300)).await;
    let seller = souk.seller("Interrupted").await;
    let offer = seller.offer("KILLED-1", "10.00", 10).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    shopper.pay(order.id(), "pm_ok").await;

    souk.kill();
    souk.database().end_leases().await;
    souk.resume().await;
    shopper.until(order.id(), "processing").await;
    let books = souk.audit().await;
    assert_eq!((books.payments, books.captured), (1, order.total()));
}

#[tokio::test]
async fn a_stop_lets_the_label_be_bought_or_gives_its_job_back() {
    let (mut souk, seller, shopper, order) = sold(Options::default().env("SOUK_SIMULATOR_LATENCY_MS", SLOW_MS)).await;
    let parcel = seller.pack(order.parts()[0].id(), "Main").await.expect(201);
    label_job(&souk, "running").await;

    souk.stop();
    let running = souk.database().number("SELECT count(*) FROM job WHERE status = 'running'", []).await;
    assert_eq!(running, 0, "nobody runs the jobs of a stopped process");
    souk.resume().await;
    seller.labelled(text(&parcel["id"])).await;
    assert_eq!(shopper.order(order.id()).await.status(), "processing");
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided), (1, 0));
}

#[tokio::test]
async fn a_restart_goes_on_where_the_installation_was() {
    let (mut souk, seller, shopper, order) = sold(Options::default()).await;
    souk.stop();
    souk.resume().await;
    let parcel = seller.ship(order.parts()[0].id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await;
    souk.audit().await;
}

#[tokio::test]
async fn a_lost_answer_to_a_capture_takes_the_money_once() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Lossy").await;
    let offer = seller.offer("LOST-1", "10.00", 10).await;
    for fault in ["answer_lost", "request_lost", "unavailable"] {
        let shopper = souk.guest();
        let cart = shopper.cart(&[(&offer, 1)]).await;
        let order = shopper.place(&cart).await;
        souk.simulator().fault("capture_payment", fault, 1).await;
        shopper.pay(order.id(), "pm_ok").await;
        let order = shopper.until(order.id(), "processing").await;
        assert_eq!(order.total(), 1500);
    }
    let books = souk.audit().await;
    assert_eq!((books.payments, books.captured), (3, 3 * 1500));
}

#[tokio::test]
async fn a_lost_answer_to_a_refund_pays_back_once() {
    let (souk, seller, shopper, order) = sold(Options::default().inside()).await;
    for (at, (fault, calls)) in [("answer_lost", 2), ("request_lost", 1), ("unavailable", 1)].into_iter().enumerate() {
        souk.simulator().fault("refund_payment", fault, calls).await;
        souk.admin().await.goodwill(order.part(&seller).id(), "1.00").await.expect(201);
        shopper.refunded(order.id(), at + 1).await;
    }
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (order.total(), 300));
}

#[tokio::test]
async fn a_lost_answer_to_a_label_buys_one() {
    let (souk, seller, _, order) = sold(Options::default().inside()).await;
    souk.simulator().fault("buy_label", "answer_lost", 2).await;
    seller.ship(order.part(&seller).id(), "Main").await;
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided), (1, 0));
}

#[tokio::test]
async fn an_order_cancelled_while_its_label_is_in_doubt_keeps_none() {
    let (souk, seller, shopper, order) = sold(Options::default().inside()).await;
    souk.simulator().fault("buy_label", "answer_lost", 1).await;
    seller.pack(order.part(&seller).id(), "Main").await.expect(201);
    eventually("the label was tried", async || (souk.simulator().books().await.labels == 1).then_some(())).await;
    souk.simulator().fault("void_label", "answer_lost", 1).await;
    shopper.cancel(order.id()).await.expect(200);
    shopper.refunded(order.id(), 1).await;
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided), (1, 1));
    assert_eq!(books.refunded, order.total());
}

#[tokio::test]
async fn a_refused_label_lets_the_goods_be_packed_again() {
    let (souk, seller, _, order) = sold(Options::default().inside()).await;
    souk.simulator().fault("buy_label", "refused", 1).await;
    let parcel = seller.pack(order.part(&seller).id(), "Main").await.expect(201);
    let refused = seller.shipment_until(text(&parcel["id"]), "cancelled").await;
    assert!(refused["failure_message"].is_string(), "{refused}");
    seller.ship(order.part(&seller).id(), "Main").await;
    let books = souk.audit().await;
    assert_eq!(books.labels, 1);
}

#[tokio::test]
async fn a_payment_session_that_may_have_been_opened_is_found_again() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Doubtful").await;
    let offer = seller.offer("DOUBT-1", "10.00", 10).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    souk.simulator().fault("create_payment", "answer_lost", 1).await;
    let lost = shopper.start_payment(order.id()).await;
    lost.refused(503, "PROVIDER_UNAVAILABLE");
    assert!(lost.header("Retry-After").is_some());
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;
    let books = souk.audit().await;
    assert_eq!((books.payments, books.captured), (1, order.total()));
}
