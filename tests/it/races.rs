//! Many people who want the same thing at the same moment.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::souk::{Answer, Options, Order, Shopper, Souk, cents, text};

/// How many answers had a status; every other one must be a refusal that `refusal` names.
#[track_caller]
fn succeeded(answers: &[Answer], status: u16, refusal: (u16, &str)) -> usize {
    let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.as_u16() == status);
    for answer in bad {
        answer.refused(refusal.0, refusal.1);
    }
    good.len()
}

/// So many guests, each with a cart of these lines.
async fn carts(souk: &Souk, count: usize, lines: &[(&str, i64)]) -> Vec<(Shopper, String)> {
    let filling = (0..count).map(async |_| {
        let shopper = souk.guest();
        let cart = shopper.cart(lines).await;
        (shopper, cart)
    });
    join_all(filling).await
}

async fn place_all(carts: &[(Shopper, String)]) -> Vec<Answer> {
    join_all(carts.iter().map(|(shopper, cart)| shopper.try_place(cart))).await
}

#[tokio::test]
async fn fifty_buyers_for_the_last_ten_units() {
    let souk = Souk::start().await;
    let seller = souk.seller("Sought After").await;
    let offer = seller.offer("LAST-1", "10.00", 10).await;
    let carts = carts(&souk, 50, &[(&offer, 1)]).await;

    let answers = place_all(&carts).await;
    assert_eq!(succeeded(&answers, 201, (409, "INVENTORY_UNAVAILABLE")), 10);
    for refused in answers.iter().filter(|answer| answer.status.as_u16() == 409) {
        let details = &refused.json()["error"]["details"];
        assert_eq!(
            (&details[0]["offer_id"], &details[0]["available_quantity"]),
            (&json!(offer), &json!(0)),
            "{details}"
        );
    }
    assert_eq!(seller.inventory(&offer).await, (10, 10));
    souk.settle().await;
}

#[tokio::test]
async fn twenty_clients_place_one_cart() {
    let souk = Souk::start().await;
    let seller = souk.seller("Once").await;
    let offer = seller.offer("ONCE-1", "10.00", 50).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;

    let answers = join_all((0..20).map(|_| shopper.try_place(&cart))).await;
    let made = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    assert_eq!(made, 1, "one client has made the order");
    let first = answers[0].json();
    for answer in &answers {
        assert!(answer.status.is_success(), "{}", answer.json());
        assert_eq!(answer.json()["id"], first["id"]);
    }
    assert_eq!(seller.inventory(&offer).await, (50, 1));
    souk.settle().await;
}

#[tokio::test]
async fn one_idempotency_key_has_one_effect_and_one_answer() {
    let souk = Souk::start().await;
    let seller = souk.seller("Retried").await;
    let offer = seller.offer("RETRIED-1", "10.00", 50).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;

    let client = shopper.client();
    let placing = (0..20).map(|_| client.post_once("/api/v1/orders", "place-1", shopper.placement(&cart)));
    let answers = join_all(placing).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body));
    }
    assert_eq!(seller.inventory(&offer).await, (50, 1));

    let product = json!({"name": "Made Once", "description": ""});
    let making = (0..20).map(|_| seller.client.post_once("/api/v1/seller/products", "make-1", product.clone()));
    let answers = join_all(making).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body));
    }
    let products = seller.client.list("/api/v1/seller/products").await;
    assert_eq!(products.iter().filter(|product| product["name"] == "Made Once").count(), 1);

    let other = json!({"name": "Something Else", "description": ""});
    let reused = seller.client.post_once("/api/v1/seller/products", "make-1", other).await;
    reused.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let mut placement = shopper.placement(&cart);
    placement["email"] = json!("another@example.com");
    let reused = client.post_once("/api/v1/orders", "place-1", placement).await;
    reused.refused(422, "IDEMPOTENCY_KEY_REUSED");
    souk.settle().await;
}

#[tokio::test]
async fn a_promotion_is_used_as_often_as_it_allows() {
    let souk = Souk::start().await;
    let seller = souk.seller("Discounted").await;
    let offer = seller.offer("PROMOTED-1", "10.00", 50).await;
    let terms = json!({"code": "FIVE", "kind": "fixed", "amount": "2.00", "currency": "USD", "usage_limit": 5});
    souk.admin().await.promotion(terms).await;
    let carts = carts(&souk, 20, &[(&offer, 1)]).await;
    for used in join_all(carts.iter().map(|(shopper, cart)| shopper.use_coupon(cart, "FIVE"))).await {
        used.expect(200);
    }

    let answers = place_all(&carts).await;
    assert_eq!(succeeded(&answers, 201, (409, "COUPON_EXHAUSTED")), 5);
    assert_eq!(seller.inventory(&offer).await, (50, 5));

    // An order that is called off unpaid gives its use back, to one of the others.
    let (placed, (shopper, _)) =
        answers.iter().zip(&carts).find(|(answer, _)| answer.status.is_success()).expect("an order");
    shopper.cancel(text(&placed.json()["id"])).await.expect(200);
    let refused: Vec<_> = answers.iter().zip(&carts).filter(|(answer, _)| !answer.status.is_success()).collect();
    let again = join_all(refused.iter().map(|(_, (shopper, cart))| shopper.try_place(cart))).await;
    assert_eq!(succeeded(&again, 201, (409, "COUPON_EXHAUSTED")), 1);
    souk.settle().await;
}

/// A cancellation and a payment meet at every point of the way from the payment page to the
/// capture: what was taken is paid back, or the order goes on.
#[tokio::test]
async fn cancellations_race_payments() {
    let souk = Souk::with(Options::default().workers(2)).await;
    let seller = souk.seller("Undecided").await;
    let offer = seller.offer("RACE-1", "10.00", 100).await;
    let carts = carts(&souk, 20, &[(&offer, 1)]).await;

    let racing = carts.iter().zip(0_u64..).map(async |((shopper, cart), place)| {
        let order = shopper.place(cart).await;
        let payment = shopper.start_payment(order.id()).await.expect(201);
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(place * 15)).await;
            shopper.cancel(order.id()).await
        };
        let (confirmed, cancelled) = tokio::join!(shopper.confirm(&payment, "pm_ok"), cancel);
        // The page is closed already where the cancellation was first.
        if !confirmed.status.is_success() {
            confirmed.refused(409, "ILLEGAL_TRANSITION");
        }
        (order, cancelled)
    });
    let raced = join_all(racing).await;

    let books = souk.audit().await;
    let (mut captured, mut refunded) = (0, 0);
    for (order, cancelled) in &raced {
        let told = souk.admin().await.order(order.id()).await;
        let sum = |list: &str, field: &str| -> i64 {
            told[list].as_array().expect("a list").iter().map(|row| cents(&row[field])).sum()
        };
        let (taken, returned) = (sum("payments", "captured_amount"), sum("refunds", "amount"));
        if cancelled.status.is_success() {
            assert_eq!(told["order"]["status"], "cancelled");
            assert_eq!(taken, returned, "{told}");
        } else {
            assert_eq!((told["order"]["status"].as_str(), taken, returned), (Some("processing"), order.total(), 0));
        }
        captured += taken;
        refunded += returned;
    }
    assert_eq!((books.captured, books.refunded), (captured, refunded));
    let (_, reserved) = seller.inventory(&offer).await;
    let alive = raced.iter().filter(|(_, cancelled)| !cancelled.status.is_success()).count();
    assert_eq!(reserved, i64::try_from(alive).expect("a small number"));
}

#[tokio::test]
async fn colleagues_accept_and_reject_the_same_order() {
    let souk = Souk::start().await;
    let seller = souk.seller("Crowded").await;
    seller.configure(json!({"auto_accept": false})).await;
    let offer = seller.offer("CROWD-1", "10.00", 10).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "confirmed").await;
    let part = order.part(&seller).id();

    let accepting = join_all((0..5).map(|_| seller.accept(part)));
    let rejecting = join_all((0..5).map(|_| seller.reject(part)));
    let (accepted, rejected) = tokio::join!(accepting, rejecting);
    assert!(succeeded(&accepted, 200, (409, "ILLEGAL_TRANSITION")) <= 1);
    assert_eq!(succeeded(&rejected, 200, (409, "ILLEGAL_TRANSITION")), 1);
    shopper.until(order.id(), "cancelled").await;
    let books = souk.audit().await;
    assert_eq!(books.refunded, order.total());
}

#[tokio::test]
async fn one_unit_is_returned_once() {
    let souk = Souk::start().await;
    let seller = souk.seller("Returned").await;
    let offer = seller.offer("UNIT-1", "10.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let parcel = seller.ship(order.part(&seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    let order = shopper.until(order.id(), "delivered").await;
    let part = order.part(&seller);

    let asked = join_all((0..10).map(|_| shopper.give_back(part, part.line(), 1))).await;
    assert_eq!(succeeded(&asked, 201, (422, "RETURN_NOT_ALLOWED")), 1);
    let id = asked.iter().find(|answer| answer.status.is_success()).expect("a return").json();
    let id = text(&id["id"]);
    let approved = join_all((0..5).map(|_| seller.approve_return(id))).await;
    assert_eq!(succeeded(&approved, 200, (409, "ILLEGAL_TRANSITION")), 1);
    let received = join_all((0..5).map(|_| seller.receive(id, part.line(), 1))).await;
    assert_eq!(succeeded(&received, 200, (409, "ILLEGAL_TRANSITION")), 1);
    shopper.until(order.id(), "refunded").await;
    let books = souk.audit().await;
    assert_eq!(books.refunded, part.cents("items_total"));
}

/// Transactions that lock the same rows in opposite orders wait for each other for ever, unless
/// every one of them locks in the same order.
#[tokio::test]
async fn carts_with_the_same_lines_in_opposite_orders() {
    let souk = Souk::start().await;
    let sellers = [souk.seller("Forth").await, souk.seller("Back").await];
    let mut offers = Vec::new();
    for sku in ["A", "B", "C"] {
        offers.push(sellers[0].offer(&format!("FORTH-{sku}"), "1.00", 100).await);
        offers.push(sellers[1].offer(&format!("BACK-{sku}"), "2.00", 100).await);
    }
    let forth: Vec<_> = offers.iter().map(|offer| (offer.as_str(), 1)).collect();
    let back: Vec<_> = forth.iter().rev().copied().collect();
    let mut carts = carts(&souk, 20, &forth).await;
    carts.extend(self::carts(&souk, 20, &back).await);

    let answers = place_all(&carts).await;
    let orders: Vec<_> = answers.iter().map(|answer| Order(answer.expect(201))).collect();
    let cancelled = join_all(orders.iter().zip(&carts).map(|(order, (shopper, _))| shopper.cancel(order.id()))).await;
    for answer in cancelled {
        answer.expect(200);
    }
    for (offer, seller) in offers.iter().zip(sellers.iter().cycle()) {
        assert_eq!(seller.inventory(offer).await, (100, 0));
    }
    souk.settle().await;
}

#[tokio::test]
async fn refunds_never_exceed_what_was_paid() {
    let souk = Souk::start().await;
    let seller = souk.seller("Kind").await;
    let offer = seller.offer("KIND-1", "20.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let (admin, part) = (souk.admin().await, order.part(&seller).id());

    let answers = join_all((0..64).map(|_| admin.goodwill(part, "1.00"))).await;
    assert_eq!(succeeded(&answers, 201, (422, "REFUND_EXCEEDS_PAYMENT")), 25, "20.00 and 5.00 for shipping");
    let refunds: Vec<Value> = shopper.refunded(order.id(), 25).await;
    assert_eq!(refunds.iter().map(|refund| cents(&refund["amount"])).sum::<i64>(), order.total());
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (order.total(), order.total()));
    admin.goodwill(part, "0.01").await.refused(422, "REFUND_EXCEEDS_PAYMENT");
}
