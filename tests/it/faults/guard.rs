//! Companies that are away are left alone, and what may have been done is asked about before it is
//! done again.

use crate::souk::{Options, Souk, eventually, text};

/// What `/metrics` says of all measurements of a name that have these labels, added up.
async fn measured(souk: &Souk, name: &str, labels: &[&str]) -> u64 {
    let page = reqwest::get(souk.anyone().address("/metrics")).await.expect("/metrics answers");
    let page = page.text().await.expect("text");
    page.lines()
        .filter(|line| line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label)))
        .map(|line| line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number") as u64)
        .sum()
}

async fn until_breaker(souk: &Souk, port: &str, state: u64) {
    let label = format!("port=\"{port}\"");
    eventually(&format!("the breaker of the {port} port is at {state}"), async || {
        (measured(souk, "outside_breaker_state", &[&label]).await == state).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_payment_provider_that_is_away_is_left_alone_and_everything_goes_on_afterwards() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Patient").await;
    let offer = seller.offer("AWAY-1", "10.00", 20).await;
    let before = souk.guest();
    let bought = before.buy(&[(&offer, 1)]).await;

    let mut waiting = Vec::new();
    for _ in 0..4 {
        let shopper = souk.guest();
        let order = shopper.place(&shopper.cart(&[(&offer, 1)]).await).await;
        let payment = shopper.start_payment(order.id()).await.expect(201);
        waiting.push((shopper, order, payment));
    }
    let late = souk.guest();
    let late_order = late.place(&late.cart(&[(&offer, 1)]).await).await;
    for operation in ["create_payment", "fetch_payment", "capture_payment"] {
        souk.simulator().fault(operation, "unavailable", 100_000).await;
    }
    for (shopper, _, payment) in &waiting {
        shopper.confirm(payment, "pm_ok").await.expect(200);
    }
    until_breaker(&souk, "payment", 2).await;

    // A shopper is told at once, without the provider being asked.
    eventually("a payment is refused without a call", async || {
        let refused = late.start_payment(late_order.id()).await;
        refused.refused(503, "PROVIDER_UNAVAILABLE");
        assert!(refused.header("Retry-After").is_some());
        let labels = ["operation=\"create_payment\"", "outcome=\"not_called\""];
        (measured(&souk, "outside_call_total", &labels).await > 0).then_some(())
    })
    .await;
    // The carrier is another company.
    seller.ship(bought.part(&seller).id(), "Main").await;
    assert_eq!(measured(&souk, "outside_breaker_state", &["port=\"carrier\""]).await, 0);

    for operation in ["create_payment", "fetch_payment", "capture_payment"] {
        souk.simulator().fault(operation, "unavailable", 0).await;
    }
    for (shopper, order, _) in &waiting {
        shopper.until(order.id(), "processing").await;
    }
    until_breaker(&souk, "payment", 0).await;
    late.pay(late_order.id(), "pm_ok").await;
    late.until(late_order.id(), "processing").await;
    let books = souk.audit().await;
    assert_eq!((books.payments, books.captured, books.labels), (6, 6 * bought.total(), 1));
}

#[tokio::test]
async fn a_carrier_that_is_away_keeps_no_payment_waiting() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Grounded").await;
    let offer = seller.offer("GROUNDED-1", "10.00", 20).await;
    let shopper = souk.guest();
    souk.simulator().fault("buy_label", "request_lost", 100_000).await;
    let mut parcels = Vec::new();
    for _ in 0..5 {
        let order = shopper.buy(&[(&offer, 1)]).await;
        parcels.push(seller.pack(order.part(&seller).id(), "Main").await.expect(201));
    }
    until_breaker(&souk, "carrier", 2).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    assert_eq!(measured(&souk, "outside_breaker_state", &["port=\"payment\""]).await, 0);

    souk.simulator().fault("buy_label", "request_lost", 0).await;
    for parcel in &parcels {
        seller.labelled(text(&parcel["id"])).await;
    }
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided, books.captured), (5, 0, 6 * order.total()));
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_lose_a_label_that_was_bought() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Labelled").await;
    let offer = seller.offer("KEPT-1", "10.00", 10).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    souk.simulator().fault("buy_label", "answer_lost", 1).await;
    let parcel = seller.pack(order.part(&seller).id(), "Main").await.expect(201);
    eventually("the label was bought", async || (souk.simulator().books().await.labels == 1).then_some(())).await;
    souk.simulator().fault("buy_label", "refused", 1).await;
    seller.labelled(text(&parcel["id"])).await;
    souk.simulator().fault("buy_label", "refused", 0).await;
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided), (1, 0));
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_charge_for_a_label_that_was_given_back() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Unlabelled").await;
    let offer = seller.offer("VOIDED-1", "10.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    seller.ship(order.part(&seller).id(), "Main").await;
    souk.simulator().fault("void_label", "answer_lost", 1).await;
    shopper.cancel(order.id()).await.expect(200);
    eventually("the label was given back", async || (souk.simulator().books().await.voided == 1).then_some(())).await;
    souk.simulator().fault("void_label", "refused", 1).await;
    shopper.refunded(order.id(), 1).await;
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided), (1, 1));
}
