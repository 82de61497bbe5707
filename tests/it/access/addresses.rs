//! A person's profile and address book, and what orders take of it.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::souk::{Souk, text};

const BOOK: &str = "/api/v1/me/addresses";
const ME: &str = "/api/v1/me";

fn kept(name: &str, shipping: bool, billing: bool) -> Value {
    json!({
        "address": {"name": name, "line1": "1 Main Street", "city": "Springfield", "region": "IL",
                    "postal_code": "62701", "country": "US"},
        "is_default_shipping": shipping,
        "is_default_billing": billing,
    })
}

/// The names of the addresses that are defaults: for goods, for bills.
fn defaults(book: &Value) -> [Vec<&str>; 2] {
    ["is_default_shipping", "is_default_billing"].map(|flag| {
        let items = book["items"].as_array().expect("items").iter().filter(|item| item[flag] == true);
        items.map(|item| text(&item["address"]["name"])).collect()
    })
}

#[tokio::test]
async fn a_profile_is_changed_by_what_is_sent_and_by_nothing_else() {
    let souk = Souk::start().await;
    let ann = souk.shopper().await.client();
    let before = ann.get(ME).await.expect(200);
    assert!(before.get("phone").is_none(), "{before}");
    let after = ann.patch(ME, json!({"phone": " +1 555 0100 "})).await.expect(200);
    assert_eq!((&after["phone"], &after["name"]), (&json!("+1 555 0100"), &before["name"]));
    let after = ann.patch(ME, json!({"name": "Ann Other"})).await.expect(200);
    assert_eq!((text(&after["name"]), text(&after["phone"])), ("Ann Other", "+1 555 0100"));
    assert!(ann.patch(ME, json!({"phone": null})).await.expect(200).get("phone").is_none());
    for wrong in ["call me", "123", "+", "555 0100 x2"] {
        ann.patch(ME, json!({"phone": wrong})).await.refused(422, "INVALID_VALUE");
    }
    ann.patch(ME, json!({"name": "  "})).await.refused(422, "INVALID_VALUE");
    for (field, value) in [("email", json!("x@example.com")), ("role", json!("admin")), ("totp", json!({}))] {
        let error = ann.patch(ME, json!({"name": "Eve", field: value})).await.refused(400, "MALFORMED_REQUEST");
        assert!(text(&error["message"]).contains(field), "{error}");
    }
    assert_eq!(ann.get(ME).await.expect(200)["name"], "Ann Other");
    ann.patch(ME, json!({})).await.expect(200);
}

#[tokio::test]
async fn an_address_is_kept_replaced_and_deleted_and_one_of_each_is_the_default() {
    let souk = Souk::start().await;
    let (ann, bob) = (souk.shopper().await.client(), souk.shopper().await.client());
    let home = ann.post(BOOK, kept("Home", true, true)).await.expect(201);
    assert_eq!(home["address"], kept("Home", true, true)["address"]);
    let work = ann.post(BOOK, kept("Work", false, true)).await.expect(201);
    let book = ann.get(BOOK).await.expect(200);
    assert_eq!(defaults(&book), [vec!["Home"], vec!["Work"]]);
    let at = format!("{BOOK}/{}", text(&work["id"]));
    assert_eq!(ann.get(&at).await.expect(200), work);
    let replaced = ann.put(&at, kept("Office", true, false)).await.expect(200);
    assert_eq!((&replaced["id"], &replaced["created_at"]), (&work["id"], &work["created_at"]));
    assert_eq!(defaults(&ann.get(BOOK).await.expect(200)), [vec!["Office"], vec![]]);
    for wrong in [json!({}), json!({"address": {"name": "Home"}})] {
        ann.post(BOOK, wrong).await.refused(400, "MALFORMED_REQUEST");
    }
    let mut nowhere = kept("Nowhere", false, false);
    nowhere["address"]["country"] = json!("us");
    ann.post(BOOK, nowhere).await.refused(422, "INVALID_VALUE");

    bob.get(&at).await.refused(404, "NOT_FOUND");
    bob.put(&at, kept("Bob's", true, true)).await.refused(404, "NOT_FOUND");
    bob.delete(&at).await.refused(404, "NOT_FOUND");
    assert_eq!(ann.delete(&at).await.expect(200)["items"].as_array().expect("items").len(), 1);
    ann.delete(&at).await.refused(404, "NOT_FOUND");
    let twice = [
        ann.post_once(BOOK, "once", kept("Once", false, false)).await.expect(201)["id"].take(),
        ann.post_once(BOOK, "once", kept("Once", false, false)).await.expect(201)["id"].take(),
    ];
    assert_eq!(twice[0], twice[1]);
    assert_eq!(ann.get(BOOK).await.expect(200)["items"].as_array().expect("items").len(), 2);
}

#[tokio::test]
async fn many_changes_at_once_leave_one_default_and_no_more_than_fifty() {
    let souk = Souk::start().await;
    let ann = souk.shopper().await.client();
    let names: Vec<String> = (0..8).map(|n| format!("Home {n}")).collect();
    let made = join_all(names.iter().map(|name| ann.post(BOOK, kept(name, true, true)))).await;
    let ids: Vec<String> = made.iter().map(|answer| text(&answer.expect(201)["id"]).to_owned()).collect();
    join_all(
        ids.iter()
            .zip(&names)
            .map(async |(id, name)| ann.put(&format!("{BOOK}/{id}"), kept(name, true, true)).await.expect(200)),
    )
    .await;
    let book = ann.get(BOOK).await.expect(200);
    assert_eq!(defaults(&book).map(|names| names.len()), [1, 1], "{book}");
    let more = join_all((0..50).map(|_| ann.post(BOOK, kept("More", false, false)))).await;
    let kept = more.iter().filter(|answer| answer.status.as_u16() == 201).count();
    for answer in more.iter().filter(|answer| answer.status.as_u16() != 201) {
        let error = answer.refused(422, "INVALID_VALUE");
        assert!(text(&error["message"]).contains("50"), "{error}");
    }
    assert_eq!(kept, 42);
}

#[tokio::test]
async fn an_order_that_names_no_address_goes_to_the_default_one() {
    let souk = Souk::start().await;
    let offer = souk.seller("Lamps").await.offer("LAMP-1", "10.00", 20).await;
    let shopper = souk.shopper().await;
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let mut placement = shopper.placement(&cart);
    placement.as_object_mut().expect("an object").remove("shipping_address");
    let place = async |placement: &Value| shopper.client().post("/api/v1/orders", placement.clone()).await;
    let error = place(&placement).await.refused(422, "INVALID_VALUE");
    assert!(text(&error["message"]).contains("shipping_address"), "{error}");
    let ann = shopper.client();
    ann.post(BOOK, kept("Home", true, false)).await.expect(201);
    let work = ann.post(BOOK, kept("Work", false, true)).await.expect(201);
    let order = place(&placement).await.expect(201);
    let names = |order: &Value| {
        [text(&order["shipping_address"]["name"]).to_owned(), text(&order["billing_address"]["name"]).to_owned()]
    };
    assert_eq!(names(&order), ["Home", "Work"]);
    // The order has a copy of its own.
    ann.put(&format!("{BOOK}/{}", text(&work["id"])), kept("Elsewhere", false, false)).await.expect(200);
    let again = ann.get(&format!("/api/v1/orders/{}", text(&order["id"]))).await.expect(200);
    assert_eq!(names(&again), ["Home", "Work"]);
    placement["cart_id"] = json!(shopper.cart(&[(&offer, 1)]).await);
    assert_eq!(names(&place(&placement).await.expect(201)), ["Home", "Home"]);
    placement["cart_id"] = json!(shopper.cart(&[(&offer, 1)]).await);
    placement["billing_address"] = kept("Payer", false, false)["address"].clone();
    assert_eq!(names(&place(&placement).await.expect(201)), ["Home", "Payer"]);

    let guest = souk.guest();
    let mut placement = guest.placement(&guest.cart(&[(&offer, 1)]).await);
    placement.as_object_mut().expect("an object").remove("shipping_address");
    guest.client().post("/api/v1/orders", placement).await.refused(422, "INVALID_VALUE");
}
