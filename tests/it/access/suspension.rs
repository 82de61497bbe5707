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
    let product = souk.anyone().get(&path).await.expect(200);
    assert_eq!(product["variants"][0]["offers"], json!([]), "it is not shown as for sale");
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
