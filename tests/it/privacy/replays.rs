//! Answers that are kept for repeated requests of others, of which some tell of a shopper.

use serde_json::json;

use crate::souk::Souk;

#[tokio::test]
async fn an_answer_to_somebody_else_goes_with_the_shopper_and_nothing_is_done_again() {
    let souk = Souk::start().await;
    let seller = souk.seller("Answered").await;
    let offer = seller.offer("ANSWER-1", "5.00", 9).await;
    let admin = &souk.admin().await.client;
    let (first, second) = (souk.guest(), souk.guest());
    let place = async |guest: &crate::souk::Shopper| guest.place(&guest.cart(&[(&offer, 1)]).await).await;
    let (cancelled, other) = (place(&first).await, place(&second).await);
    let cancel = async |part: &str| {
        let path = format!("/api/v1/admin/seller-orders/{part}/cancel");
        admin.post_once(&path, part, json!({"reason": "Not wanted."})).await
    };
    let reject = async |part: &str| {
        let path = format!("/api/v1/seller/orders/{part}/reject");
        seller.client.post_once(&path, "reject", json!({"reason": "Out of stock."})).await
    };
    let (part, others) = (cancelled.part(&seller).id().to_owned(), other.part(&seller).id().to_owned());
    first.pay(cancelled.id(), "pm_ok").await;
    first.until(cancelled.id(), "processing").await;
    let answer = cancel(&part).await.expect(200);
    assert!(answer["shipping_address"].is_object(), "{answer}");
    assert_eq!(cancel(&part).await.expect(200), answer, "the answer is kept");
    second.pay(other.id(), "pm_ok").await;
    second.until(other.id(), "processing").await;
    let rejected = reject(&others).await.expect(200);
    souk.settle().await;

    let erase = async |order: &str| admin.post_empty(&format!("/api/v1/admin/orders/{order}/erase-shopper")).await;
    erase(cancelled.id()).await.expect(200);
    let told = cancel(&part).await.refused(409, "ALREADY_EXISTS");
    assert!(told["message"].as_str().is_some_and(|told| told.contains("was done")), "{told}");
    assert_eq!(reject(&others).await.expect(200), rejected, "answers about others stay");
    second.until(other.id(), "cancelled").await;
    souk.settle().await;
    erase(other.id()).await.expect(200);
    reject(&others).await.refused(409, "ALREADY_EXISTS");
    let left = "SELECT count(*) FROM idempotency_key WHERE length(body) > 0 AND order_id IS NOT NULL";
    assert_eq!(souk.database().number(left, []).await, 0);
    souk.audit().await;
}
