//! Two markets alike: whatever A has, B has, too.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use souk_domain::account::token_hash;
use uuid::Uuid;

use super::file::Realm;
use super::people::{self, Actor, Known, make_key};
use super::rows::Owner;
use crate::access::credentials::SECRET;
use crate::seller_webhooks::receiver::Receiver;
use crate::souk::client::{PASSWORD, send};
use crate::souk::{Client, Options, Seller, Shopper, Souk, eventually, text};

/// The market, and everybody in it.
pub struct Market {
    /// The installation.
    pub souk: Souk,
    /// Everybody who asks.
    pub people: Vec<Actor>,
    /// Everybody to whom rows belong.
    pub owners: Vec<Owner>,
    /// Where webhooks of the market go.
    _receiver: Receiver,
}

/// A seller, and what they sell.
struct Shop {
    seller: Seller,
    offer: String,
}

impl Market {
    /// Opens it, and waits until nothing is going on.
    pub async fn open() -> Self {
        let options = Options::default().env("SOUK_SECRET", SECRET).env("SOUK_WEBHOOK_PRIVATE_TARGETS", "true");
        let (souk, receiver) = (Souk::with(options).await, Receiver::start().await);
        let shops = [shop(&souk, "A", &receiver).await, shop(&souk, "B", &receiver).await];
        let shoppers = [souk.shopper().await, souk.shopper().await];
        let guests = [souk.guest(), souk.guest()];
        join_all(shoppers.iter().chain(&guests).map(|shopper| trade(&souk, &shops, shopper))).await;
        shoppers[0].buy(&[(&shops[0].offer, 2), (&shops[1].offer, 2)]).await;
        pay_out(&souk, &shops).await;
        operate(&souk, &shoppers[1]).await;
        wait_for_a_second(&souk, &shops[0].seller).await;
        for shopper in &shoppers {
            // A second sign-in, which they may end.
            let email = shopper.client().get("/api/v1/me").await.expect(200)["email"].take();
            souk.anyone().sign_in(text(&email), PASSWORD).await;
            let home = json!({"name": "Home", "line1": "1 Main Street", "city": "Springfield", "postal_code": "62701",
                              "country": "US"});
            shopper.client().post("/api/v1/me/addresses", json!({"address": home})).await.expect(201);
        }
        let owners = owners(&shops, &shoppers, &guests).await;
        let known = Known {
            sellers: [&shops[0].seller, &shops[1].seller],
            shoppers: [&shoppers[0], &shoppers[1]],
            guests: [&guests[0], &guests[1]],
        };
        let people = people::all(&souk, &known).await;
        calm(&souk).await;
        Self { souk, people, owners, _receiver: receiver }
    }
}

/// A seller with one of everything that sellers have.
async fn shop(souk: &Souk, letter: &str, receiver: &Receiver) -> Shop {
    let seller = souk.seller(&format!("Seller {letter}")).await;
    let sku = format!("LAMP-OF-{letter}");
    let offer = seller.offer(&sku, "10.00", 1_000).await;
    seller.shipping_zone("Home", &["US"]).await;
    seller.promotion(json!({"code": format!("OFF-AT-{letter}"), "kind": "percentage", "percent": "5"})).await;
    let account = json!({"account": format!("acct_of_{letter}")});
    seller.client.put("/api/v1/seller/payout-account", account).await.expect(200);
    make_key(&seller.client, "/api/v1/seller/api-keys", "To be revoked", &["orders:read"]).await;
    let areas = json!({"catalogue": true, "orders": false, "money": false});
    let invitation = json!({"email": format!("colleague-{letter}@example.com"), "areas": areas});
    seller.client.post("/api/v1/seller/invitations", invitation).await.expect(201);
    let endpoint = json!({"url": receiver.url(&format!("/{letter}")), "event_types": ["payout.*", "seller_order.*"]});
    let endpoint = seller.client.post("/api/v1/seller/webhook-endpoints", endpoint).await.expect(201);
    let test = format!("/api/v1/seller/webhook-endpoints/{}/test", text(&endpoint["id"]));
    seller.client.post_empty(&test).await.expect(200);
    rows(
        &seller.client,
        "/api/v1/seller/batches/inventory",
        &json!({"sku": sku, "warehouse": "Nowhere", "on_hand": 1}),
    )
    .await;
    souk.admin().await.commission_rule(json!({"percent": "11", "seller_id": seller.id})).await;
    Shop { seller, offer }
}

/// Uploads a row.
async fn rows(client: &Client, path: &str, row: &Value) {
    let request = client.request(Method::POST, path).header("content-type", "application/x-ndjson");
    send(request.body(format!("{row}\n"))).await.expect(201);
}

/// Buys from both sellers, gets it, and sends it back; orders more without paying; and fills a cart.
async fn trade(souk: &Souk, shops: &[Shop; 2], shopper: &Shopper) {
    let lines: Vec<(&str, i64)> = shops.iter().map(|shop| (shop.offer.as_str(), 2)).collect();
    let order = deliver(souk, shops, shopper, &lines).await;
    for Shop { seller, .. } in shops {
        let part = order.part(seller);
        let returned = shopper.give_back(part, part.line(), 1).await.expect(201);
        seller.approve_return(text(&returned["id"])).await.expect(200);
        shopper.return_with_label(text(&returned["id"])).await;
        souk.admin().await.goodwill(part.id(), "1.00").await.expect(201);
    }
    let waiting = shopper.cart(&lines).await;
    shopper.place(&waiting).await;
    shopper.cart(&lines).await;
}

async fn deliver(souk: &Souk, shops: &[Shop; 2], shopper: &Shopper, lines: &[(&str, i64)]) -> crate::souk::Order {
    let order = shopper.buy(lines).await;
    for Shop { seller, .. } in shops {
        let parcel = seller.ship(order.part(seller).id(), "Main").await;
        souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    }
    shopper.until(order.id(), "delivered").await
}

/// Both sellers have been paid for an order that nobody sends back.
async fn pay_out(souk: &Souk, shops: &[Shop; 2]) {
    let somebody = souk.guest();
    let lines: Vec<(&str, i64)> = shops.iter().map(|shop| (shop.offer.as_str(), 1)).collect();
    let order = deliver(souk, shops, &somebody, &lines).await;
    for Shop { seller, .. } in shops {
        souk.database().make_due(&format!("complete:{}", order.part(seller).id())).await;
    }
    somebody.until(order.id(), "completed").await;
    for Shop { seller, .. } in shops {
        let path = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
        souk.admin().await.client.post_empty(&path).await.expect(200);
        eventually("a payout is paid", async || {
            let payouts = seller.client.list("/api/v1/seller/payouts?status=paid").await;
            (!payouts.is_empty()).then_some(())
        })
        .await;
    }
}

/// One of everything that operators have.
async fn operate(souk: &Souk, exempt: &Shopper) {
    let admin = souk.admin().await;
    admin.category("lamps", None).await;
    admin.promotion(json!({"code": "MINE", "kind": "percentage", "percent": "1"})).await;
    let zone = admin.tax_zone("DE", true).await;
    admin.tax_rate(&zone, "standard", "19").await;
    let user = exempt.client().get("/api/v1/me").await.expect(200)["id"].take();
    let exemption = json!({"user_id": user, "country": "DE", "certificate": "ST-119.1"});
    admin.client.post("/api/v1/admin/tax-exemptions", exemption).await.expect(201);
    rows(&admin.client, "/api/v1/admin/batches/orders", &json!({})).await;
    for (kind, title) in [("terms", "Our terms"), ("custom", "Trade register")] {
        let asked = json!({"kind": kind, "title": title, "instructions": "Read it.", "required": false});
        admin.client.post("/api/v1/admin/seller-requirements", asked).await.expect(201);
    }
    make_key(&admin.client, "/api/v1/admin/api-keys", "To be revoked", &["orders:read"]).await;
    let person = |email: &str, name: &str| json!({"email": email, "password": PASSWORD, "name": name});
    let to_decide = person("decided@example.com", "A Person To Be Decided On");
    souk.anyone().post("/api/v1/auth/register", to_decide).await.expect(201);
    let applicant = souk.anyone().register("applicant@example.com").await;
    Seller::apply(applicant, "A Seller To Be Decided On").await;
}

/// An operator's refund that waits for another operator.
async fn wait_for_a_second(souk: &Souk, seller: &Seller) {
    let dear = seller.offer("DEAR-LAMP", "1000.00", 10).await;
    let order = souk.guest().buy(&[(&dear, 1)]).await;
    let part = order.part(seller);
    let path = format!("/api/v1/admin/seller-orders/{}/refunds", part.id());
    let lines = json!({"lines": [{"line_id": part.line(), "quantity": 1}], "note": "Broken"});
    souk.operator("manager").await.0.post(&path, lines).await.expect(202);
}

async fn owners(shops: &[Shop; 2], shoppers: &[Shopper; 2], guests: &[Shopper; 2]) -> Vec<Owner> {
    let mut owners = Vec::new();
    let id = |text: &str| -> sea_orm::Value { text.parse::<Uuid>().expect("an id").into() };
    for (name, shop) in ["seller_a", "seller_b"].into_iter().zip(shops) {
        owners.push(Owner { name, realm: Realm::Seller, column: "seller_id", key: id(&shop.seller.id), email: None });
    }
    for (name, shopper) in ["shopper_a", "shopper_b"].into_iter().zip(shoppers) {
        let user = shopper.client().get("/api/v1/me").await.expect(200)["id"].take();
        let email = Some(shopper.email().to_owned());
        owners.push(Owner { name, realm: Realm::Shopper, column: "user_id", key: id(text(&user)), email });
    }
    for (name, guest) in ["guest_a", "guest_b"].into_iter().zip(guests) {
        let client = guest.client();
        let token = client.guest_token().expect("a guest's token");
        let (key, email) = (token_hash(token).into(), Some(guest.email().to_owned()));
        owners.push(Owner { name, realm: Realm::Shopper, column: "guest_token_hash", key, email });
    }
    owners
}

/// Waits until nothing is going on, and nothing will begin by itself: what then changes, a request has
/// changed.
async fn calm(souk: &Souk) {
    let admin = &souk.admin().await.client;
    for schedule in admin.get("/api/v1/admin/schedules").await.expect(200)["items"].as_array().expect("schedules") {
        let path = format!("/api/v1/admin/schedules/{}", text(&schedule["name"]));
        admin.put(&path, json!({"enabled": false})).await.expect(200);
    }
    let unread = "SELECT (SELECT count(*) FROM notification WHERE status = 'pending') \
                  + (SELECT count(*) FROM event WHERE position IS NULL \
                     OR position > (SELECT min(position) FROM event_consumer))";
    for _ in 0..2 {
        eventually("everything is told", async || (souk.database().number(unread, []).await == 0).then_some(())).await;
        souk.settle().await;
    }
}
