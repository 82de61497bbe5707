//! What is known of a person is nowhere in plain, is theirs to have, and is gone once they are erased.

use serde_json::{Value, json};

use super::traces::Traces;
use crate::souk::client::PASSWORD;
use crate::souk::{Order, Seller, Shopper, Souk, client, text};

/// Nothing else in the world is called so; each is a part of something that a person tells.
const WORDS: [&str; 7] = ["zyxwvname", "zyxwvmail", "zyxwvstreet", "zyxwvflat", "zyxwvnote", "zx9zy7", "5550199887"];

/// An address with all that it can have.
fn address() -> Value {
    json!({"name": "Ann Zyxwvname", "line1": "7 Zyxwvstreet", "line2": "Zyxwvflat 3", "city": "Springfield",
           "region": "IL", "postal_code": "ZX9ZY7", "country": "US", "phone": "+15550199887"})
}

fn placement(shopper: &Shopper, cart: &str) -> Value {
    let mut body = shopper.placement(cart);
    body["email"] = json!("Orders@Zyxwvmail.example");
    body["shipping_address"] = address();
    body["billing_address"] = address();
    body["notes"] = json!("Zyxwvnote: ring twice.");
    body
}

async fn place(shopper: &Shopper, offer: &str, key: &str) -> Order {
    let cart = shopper.cart(&[(offer, 1)]).await;
    let placed = shopper.client().post_once("/api/v1/orders", key, placement(shopper, &cart)).await;
    Order(placed.expect(201))
}

/// Somebody with an account and an unmistakable name.
async fn register(souk: &Souk) -> (Shopper, String) {
    let body = json!({"email": "ann@zyxwvmail.example", "password": PASSWORD, "name": "Ann Zyxwvname"});
    let session = souk.anyone().post("/api/v1/auth/register", body).await.expect(201);
    let id = text(&session["user"]["id"]).to_owned();
    let client = souk.anyone().bearer(text(&session["access_token"]));
    (Shopper::of(client, "ann@zyxwvmail.example"), id)
}

/// Ships, delivers and takes everything back, so that the order ends with its money returned.
async fn there_and_back(souk: &Souk, shopper: &Shopper, seller: &Seller, order: &Order) {
    let part = order.part(seller);
    let parcel = seller.ship(part.id(), "Main").await;
    let path = format!("/api/v1/seller/shipments/{}/label", text(&parcel["id"]));
    let label = seller.client.get(&format!("{path}?format=zpl")).await;
    assert!(String::from_utf8_lossy(&label.body).contains("7 Zyxwvstreet"), "the label shows where it goes");
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await;
    let line = json!({"line_id": part.line(), "quantity": 1, "reason": "damaged"});
    let body = json!({"seller_order_id": part.id(), "lines": [line], "note": "Zyxwvnote: it leaks."});
    let asked = shopper.client().post("/api/v1/returns", body).await.expect(201);
    let id = text(&asked["id"]);
    assert_eq!(asked["note"], "Zyxwvnote: it leaks.");
    let seen = seller.client.get(&format!("/api/v1/seller/returns/{id}")).await.expect(200);
    assert_eq!(seen["note"], "Zyxwvnote: it leaks.");
    seller.approve_return(id).await.expect(200);
    let approved = shopper.return_with_label(id).await;
    let refused = shopper.client().post("/api/v1/me/erase", json!({"current_password": PASSWORD})).await;
    let details = refused.refused(409, "ERASURE_BLOCKED")["details"].take();
    let named = |what: &str, id: &str| {
        details.as_array().expect("details").iter().any(|each| each["what"] == what && each["id"] == id)
    };
    assert!(named("order", order.id()) && named("return", id), "{details}");
    souk.simulator().advance(text(&approved["tracking_number"]), "delivered").await;
    seller.receive(id, part.line(), 1).await.expect(200);
    shopper.until(order.id(), "refunded").await;
}

#[tokio::test]
async fn a_person_is_nowhere_in_plain_and_erasing_them_leaves_the_books() {
    let souk = Souk::with(crate::souk::Options::default().env("SOUK_LOG", "debug")).await;
    let seller = souk.seller("Discreet").await;
    let offer = seller.offer("PRIVATE-1", "12.50", 9).await;
    let (shopper, user) = register(&souk).await;
    let guest = souk.guest();
    let admin = &souk.admin().await.client;

    shopper.client().patch("/api/v1/me", json!({"phone": "+1 5550199887"})).await.expect(200);
    let kept = json!({"address": address(), "is_default_shipping": true});
    shopper.client().post_once("/api/v1/me/addresses", "private-0", kept).await.expect(201);
    let order = place(&shopper, &offer, "private-1").await;
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "processing").await;
    there_and_back(&souk, &shopper, &seller, &order).await;
    let of_guest = place(&guest, &offer, "private-2").await;
    guest.order(of_guest.id()).await;
    let rows = json!({"external_id": "theirs-1", "email": "import@zyxwvmail.example", "currency": "USD",
                      "shipping_address": address(), "notes": "Zyxwvnote", "user_id": user,
                      "lines": [{"seller": seller.id, "sku": "PRIVATE-1", "quantity": 1}]});
    let import = crate::batches::upload_json(admin, "/api/v1/admin/batches/orders", &[rows]).await;
    let rows = crate::batches::outcome(admin, "/api/v1/admin/batches", import, "completed", 0).await;
    assert!(text(&rows[0]["input"]).contains("Zyxwvstreet"), "operators see what they have uploaded");
    let imported = shopper.client().list("/api/v1/orders").await;
    let imported = imported.iter().find(|each| each["id"] != order.id()).expect("the imported order");
    souk.settle().await;

    // The people who need it read it …
    let shown = shopper.order(order.id()).await;
    assert_eq!((&shown.0["shipping_address"], &shown.0["erased"]), (&address(), &json!(false)));
    let seen = seller.client.get(&format!("/api/v1/seller/orders/{}", order.part(&seller).id())).await.expect(200);
    assert_eq!((&seen["shipping_address"], &seen["notes"]), (&address(), &json!("Zyxwvnote: ring twice.")));
    let found = admin.list("/api/v1/admin/orders?email=orders@ZYXWVMAIL.example").await;
    assert_eq!(found.len(), 2, "orders are found by the address that their news goes to");
    // … and it is nowhere to be read by who has the database, Redis or the log.
    assert_eq!(Traces::of(&souk, &WORDS).find().await, [].into());
    assert_ne!(Traces::of(&souk, &["springfield"]).find().await, [].into(), "what is in plain is found");

    // All of it is the person's to have.
    let data = shopper.client().get("/api/v1/me/data").await.expect(200);
    assert_eq!(data["orders"].as_array().expect("orders").len(), 2);
    assert_eq!((&data["phone"], &data["addresses"][0]["address"]), (&json!("+1 5550199887"), &address()));
    for word in ["Ann Zyxwvname", "ann@zyxwvmail.example", "7 Zyxwvstreet", "+15550199887", "it leaks."] {
        assert!(data.to_string().contains(word), "{word} is in {data}");
    }
    assert_eq!(admin.get(&format!("/api/v1/admin/users/{user}/data")).await.expect(200), data);
    let first = shopper.client().get("/api/v1/me/data?limit=1").await.expect(200);
    assert_eq!(first["orders"][0], data["orders"][0]);
    let next = format!("/api/v1/me/data?limit=1&cursor={}", text(&first["next_cursor"]));
    assert_eq!(shopper.client().get(&next).await.expect(200)["orders"][0], data["orders"][1]);

    // Erased: not by a wrong password, not while an order is open, and then for good.
    let erase =
        async |password: &str| shopper.client().post("/api/v1/me/erase", json!({"current_password": password})).await;
    erase("another password").await.refused(422, "WRONG_PASSWORD");
    let blocked = erase(PASSWORD).await.refused(409, "ERASURE_BLOCKED");
    assert_eq!(blocked["details"][0]["id"], imported["id"], "{blocked}");
    shopper.cancel(text(&imported["id"])).await.expect(200);
    let scans = "SELECT count(*) FROM shipment_event WHERE location IS NOT NULL OR description <> ''";
    assert!(souk.database().number(scans, []).await > 0, "carriers tell where parcels are");
    let books = ledger(&souk).await;
    erase(PASSWORD).await.expect(200);
    gone(&souk, &shopper, &seller, &order, &user).await;
    assert_eq!(souk.database().number(scans, []).await, 0);
    assert_eq!(ledger(&souk).await, books, "orders and ledger stay as they were");

    // The guest is known by their order alone.
    let path = format!("/api/v1/admin/orders/{}/erase-shopper", of_guest.id());
    admin.post_empty(&path).await.refused(409, "ERASURE_BLOCKED");
    guest.cancel(of_guest.id()).await.expect(200);
    let erased = admin.post_empty(&path).await.expect(200);
    assert_eq!(admin.post_empty(&path).await.expect(200), erased, "erasing again changes nothing");
    assert_eq!(guest.order(of_guest.id()).await.0["erased"], true);
    let of_account = format!("/api/v1/admin/orders/{}/erase-shopper", order.id());
    admin.post_empty(&of_account).await.refused(409, "ILLEGAL_TRANSITION");
    assert_eq!(admin.list("/api/v1/admin/orders?email=orders@zyxwvmail.example").await, [] as [Value; 0]);
    assert_eq!(Traces::of(&souk, &WORDS).find().await, [].into());
    souk.settle().await;
}

/// Sums that must not change.
async fn ledger(souk: &Souk) -> (i64, i64, i64) {
    let number = async |sql| souk.database().number(sql, []).await;
    (
        number("SELECT CAST(sum(total) AS bigint) FROM orders").await,
        number("SELECT CAST(sum(abs(amount)) AS bigint) FROM ledger_entry").await,
        number("SELECT count(*) FROM event").await,
    )
}

/// Nobody gets at anything of an erased person.
async fn gone(souk: &Souk, shopper: &Shopper, seller: &Seller, order: &Order, user: &str) {
    let admin = &souk.admin().await.client;
    shopper.client().get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    let sign_in = json!({"email": "ann@zyxwvmail.example", "password": PASSWORD});
    souk.anyone().post("/api/v1/auth/sign-in", sign_in).await.refused(401, "BAD_CREDENTIALS");
    let nothing = |order: &Value| {
        assert_eq!(order["erased"], true, "{order}");
        for field in ["email", "notes", "shipping_address", "billing_address"] {
            assert!(order.get(field).is_none(), "{field} is in {order}");
        }
        assert_eq!(order["total"], "17.50");
    };
    // The access token still reads the order for some minutes; the kept answer does not outlive the person.
    nothing(&shopper.order(order.id()).await.0);
    nothing(&admin.get(&format!("/api/v1/admin/orders/{}", order.id())).await.expect(200)["order"]);
    let part = order.part(seller);
    let seen = seller.client.get(&format!("/api/v1/seller/orders/{}", part.id())).await.expect(200);
    assert!(seen.get("shipping_address").is_none_or(Value::is_null) && seen.get("notes").is_none_or(Value::is_null));
    let parcels = seller.client.get(&format!("/api/v1/seller/orders/{}/shipments", part.id())).await.expect(200);
    let parcels = parcels["items"].as_array().or_else(|| parcels.as_array()).expect("parcels").clone();
    for parcel in parcels {
        let label = format!("/api/v1/seller/shipments/{}/label", text(&parcel["id"]));
        seller.client.get(&label).await.refused(404, "NOT_FOUND");
    }
    let returns = seller.client.list("/api/v1/seller/returns").await;
    assert!(returns.iter().all(|each| each.get("note").is_none()), "{returns:?}");
    let person = admin.get(&format!("/api/v1/admin/users/{user}")).await.expect(200);
    assert!(person.get("email").is_none() && person.get("name").is_none(), "{person}");
    let data = admin.get(&format!("/api/v1/admin/users/{user}/data")).await.expect(200);
    assert_eq!((data.get("phone"), &data["addresses"]), (None, &json!([])), "{data}");
    assert_eq!(souk.database().number("SELECT count(*) FROM user_address", []).await, 0);
    // The answer that was kept for a repeated request is gone, and the address can be registered anew.
    let cart = shopper.placement(text(&order.0["id"]));
    let again = shopper.client().post_once("/api/v1/orders", "private-1", cart).await;
    assert!(!String::from_utf8_lossy(&again.body).contains("Zyxwv"), "{:?}", again.status);
    let anew: client::Client = souk.anyone().register("ann@zyxwvmail.example").await;
    assert_eq!(anew.list("/api/v1/orders").await, [] as [Value; 0]);
}

#[tokio::test]
async fn who_is_needed_by_others_is_not_erased() {
    let souk = Souk::start().await;
    let seller = souk.seller("Needed").await;
    let refused = seller.client.post("/api/v1/me/erase", json!({"current_password": PASSWORD})).await;
    assert_eq!(refused.refused(409, "ERASURE_BLOCKED")["details"][0]["what"], "seller");
    let admin = &souk.admin().await.client;
    let me = admin.get("/api/v1/me").await.expect(200);
    let refused = admin.post_empty(&format!("/api/v1/admin/users/{}/erase", text(&me["id"]))).await;
    assert_eq!(refused.refused(409, "ERASURE_BLOCKED")["details"][0]["what"], "role");
    let nobody = "/api/v1/admin/users/00000000-0000-7000-8000-000000000000/erase";
    admin.post_empty(nobody).await.refused(404, "NOT_FOUND");
}

/// An erasure and an order at the same moment: the order is refused, or is seen and in the way.
#[tokio::test]
async fn an_order_is_never_placed_for_somebody_who_is_erased_meanwhile() {
    let souk = Souk::start().await;
    let seller = souk.seller("Racing").await;
    let offer = seller.offer("RACE-1", "5.00", 100).await;
    for _ in 0..8 {
        let shopper = souk.shopper().await;
        let cart = shopper.cart(&[(&offer, 1)]).await;
        let client = shopper.client();
        let erase = client.post("/api/v1/me/erase", json!({"current_password": PASSWORD}));
        let (placed, erased) = tokio::join!(shopper.try_place(&cart), erase);
        match (placed.status.as_u16(), erased.status.as_u16()) {
            (201, 409) => assert_eq!(placed.json()["erased"], false),
            (409, 200) => drop(placed.refused(409, "CART_EXPIRED")),
            both => panic!("{both:?}: {} and {}", placed.json(), erased.json()),
        }
    }
}
