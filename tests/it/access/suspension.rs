//! Sellers who may not sell, not yet or not now.

use serde_json::json;

use crate::souk::{Seller, Souk, text};

#[tokio::test]
async fn a_suspended_seller_gets_no_new_orders_and_finishes_those_there_are() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let offer = seller.offer("LAMP", "10.00", 10).await;
    let (shopper, late) = (souk.guest(), souk.guest());
    let running = shopper.buy(&[(&offer, 1)]).await;
    let cart = late.cart(&[(&offer, 1)]).await;
    let admin = &souk.admin().await.client;
    let decide = format!("/api/v1/admin/sellers/{}", seller.id);
    admin.post(&format!("{decide}/suspend"), json!({"reason": "complaints"})).await.expect(200);
    admin.post(&format!("{decide}/suspend"), json!({"reason": "again"})).await.refused(409, "ILLEGAL_TRANSITION");

    let shown = late.client().get(&format!("/api/v1/carts/{cart}")).await.expect(200);
    assert_eq!(shown["obstacle"]["code"], "OFFER_UNAVAILABLE");
    late.try_place(&cart).await.refused(422, "OFFER_UNAVAILABLE");
    let line = json!({"offer_id": offer, "quantity": 1});
    let new = json!({"currency": "USD", "lines": [line]});
    late.client().post("/api/v1/carts", new).await.refused(422, "OFFER_UNAVAILABLE");
    let path = format!("/api/v1/carts/{cart}/lines");
    late.client().post(&path, line).await.refused(422, "OFFER_UNAVAILABLE");
    let products = seller.client.list("/api/v1/seller/products").await;
    let path = format!("/api/v1/catalog/products/{}", text(&products[0]["id"]));
    souk.anyone().get(&path).await.refused(404, "NOT_FOUND");
    assert_eq!(seller.inventory(&offer).await, (10, 1), "nothing is held for the refused order");

    let parcel = seller.ship(running.part(&seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    let delivered = shopper.until(running.id(), "delivered").await;
    let part = delivered.part(&seller);
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    seller.approve_return(text(&asked["id"])).await.expect(200);

    admin.post_empty(&format!("{decide}/approve")).await.expect(200);
    late.try_place(&cart).await.expect(201);
}

#[tokio::test]
async fn an_applicant_prepares_and_sells_once_approved() {
    let souk = Souk::start().await;
    let (accepted, declined) = (souk.shopper().await.client(), souk.shopper().await.client());
    let applicant = Seller::apply(accepted, "An Applicant").await.settle_in().await;
    let offer = applicant.offer("LAMP", "10.00", 1).await;
    let shopper = souk.guest();
    let cart = json!({"currency": "USD", "lines": [{"offer_id": offer, "quantity": 1}]});
    shopper.client().post("/api/v1/carts", cart).await.refused(422, "OFFER_UNAVAILABLE");
    souk.admin().await.approve(&applicant.id).await;
    let cart = shopper.cart(&[(&offer, 1)]).await;
    shopper.place(&cart).await;

    let refused = Seller::apply(declined, "Somebody Else").await;
    let path = format!("/api/v1/admin/sellers/{}/reject", refused.id);
    souk.admin().await.client.post(&path, json!({"reason": "incomplete"})).await.expect(200);
    refused.client.get("/api/v1/seller").await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn what_a_suspended_seller_has_sold_goes_on_to_its_end_and_is_paid_out_afterwards() {
    let souk = Souk::start().await;
    let seller = souk.seller("Finishing").await;
    seller.configure(json!({"auto_accept": false})).await;
    seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_finishing"})).await.expect(200);
    let offer = seller.offer("LAMP", "10.00", 10).await;
    let (shopper, keeper) = (souk.guest(), souk.guest());
    let mut orders = Vec::new();
    for buyer in [&shopper, &keeper] {
        let cart = buyer.cart(&[(&offer, 2)]).await;
        let order = buyer.place(&cart).await;
        buyer.pay(order.id(), "pm_ok").await;
        orders.push(buyer.until(order.id(), "confirmed").await);
    }
    let admin = &souk.admin().await.client;
    let decide = format!("/api/v1/admin/sellers/{}", seller.id);
    admin.post(&format!("{decide}/suspend"), json!({"reason": "complaints"})).await.expect(200);

    for (buyer, order) in [&shopper, &keeper].into_iter().zip(&orders) {
        let part = order.part(&seller);
        seller.accept(part.id()).await.expect(200);
        let parcel = seller.ship(part.id(), "Main").await;
        souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
        buyer.until(order.id(), "delivered").await;
    }
    let part = orders[0].part(&seller);
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    seller.receive(id, part.line(), 1).await.expect(200);
    shopper.return_until(id, "processed").await;
    let refunds = shopper.refunded(orders[0].id(), 1).await;
    assert_eq!(refunds[0]["amount"], "10.00");
    // By themselves they pay nothing back; an operator can.
    let lines = json!({"lines": [{"line_id": part.line(), "quantity": 1}]});
    let path = format!("/api/v1/seller/orders/{}/refunds", part.id());
    seller.client.post(&path, lines.clone()).await.refused(409, "ILLEGAL_TRANSITION");
    admin.post(&format!("/api/v1/admin/seller-orders/{}/refunds", part.id()), lines).await.expect(201);
    shopper.refunded(orders[0].id(), 2).await;

    souk.database().make_due(&format!("complete:{}", orders[1].part(&seller).id())).await;
    keeper.until(orders[1].id(), "completed").await;
    let pay = format!("{decide}/payouts");
    assert_eq!(admin.post_empty(&pay).await.expect(200)["payouts"], json!([]), "nothing is paid out meanwhile");
    admin.post_empty(&format!("{decide}/approve")).await.expect(200);
    let paid = admin.post_empty(&pay).await.expect(200);
    assert_eq!(paid["payouts"].as_array().map(Vec::len), Some(1), "{paid}");
    souk.audit().await;
}
