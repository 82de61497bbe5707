//! Shipping: which ways there are to a place, for a weight, and what they cost.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::souk::terms::{Goods, places};
use crate::souk::{Order, Seller, Shopper, Souk, text};

/// A seller who has no way of shipping yet, and a guest.
async fn open() -> (Souk, Seller, Shopper) {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    seller.ship_nothing().await;
    let guest = souk.guest();
    (souk, seller, guest)
}

/// Name and price of the shipping of an order's only part.
fn shipping(order: &Order) -> (&str, &str) {
    let part = &order.0["seller_orders"][0];
    (text(&part["shipping_method_name"]), text(&part["shipping_total"]))
}

fn steps(steps: &[(i64, &str)]) -> Value {
    steps.iter().map(|(most, price)| json!({"up_to_grams": most, "price": price})).collect()
}

#[tokio::test]
async fn costs_by_weight_up_to_and_with_each_limit() {
    let (_souk, seller, guest) = open().await;
    let by_weight = steps(&[(1_000, "5.00"), (2_000, "9.00")]);
    let method = json!({"name": "Parcel", "pricing": "weight", "weight_steps": by_weight});
    let method = seller.shipping_method(method).await;
    let brick = seller.offer_goods(Goods::new("BRICK", "1.00")).await;
    let feather = seller.offer_goods(Goods { grams: 1, ..Goods::new("FEATHER", "1.00") }).await;
    let send = async |bricks: i64, feathers: i64| {
        let lines = [(brick.as_str(), bricks), (feather.as_str(), feathers)];
        let lines: Vec<_> = lines.into_iter().filter(|(_, quantity)| *quantity > 0).collect();
        guest.try_place(&guest.cart(&lines).await).await
    };
    for (bricks, feathers, price) in [(0, 1, "5.00"), (2, 0, "5.00"), (2, 1, "9.00"), (4, 0, "9.00")] {
        let order = Order(send(bricks, feathers).await.expect(201));
        assert_eq!(shipping(&order), ("Parcel", price), "{bricks} bricks and {feathers} feathers");
    }
    send(4, 1).await.refused(422, "SHIPPING_UNAVAILABLE");

    let placed = Order(send(2, 1).await.expect(201));
    let change = json!({"weight_steps": steps(&[(1_500, "4.00"), (3_000, "6.50")])});
    let changed = seller.change_shipping_method(&method, change).await.expect(200);
    assert_eq!(changed["weight_steps"], steps(&[(1_500, "4.00"), (3_000, "6.50")]));
    assert_eq!(shipping(&Order(send(2, 1).await.expect(201))).1, "4.00");
    assert_eq!(shipping(&Order(send(4, 1).await.expect(201))).1, "6.50");
    assert_eq!(shipping(&guest.order(placed.id()).await).1, "9.00", "what was placed stays");
}

#[tokio::test]
async fn goes_only_to_the_places_of_its_zone() {
    let (_souk, seller, guest) = open().await;
    let offer = seller.offer_goods(Goods::new("LAMP", "10.00")).await;
    let zone = seller.shipping_zone("West and north", &["US-ca", "US- Or ", "CA"]).await;
    seller.shipping_method(json!({"name": "West", "price": "4.00", "zone_id": zone})).await;
    let send = async |place: &str| guest.try_place_to(&guest.cart(&[(&offer, 1)]).await, place).await;
    for place in ["US-CA", "US- ca", "US-OR", "CA", "CA-BC", "CA-CA"] {
        assert_eq!(shipping(&Order(send(place).await.expect(201))), ("West", "4.00"), "{place}");
    }
    for place in ["US", "US-IL", "DE", "DE-CA", "MX"] {
        send(place).await.refused(422, "SHIPPING_UNAVAILABLE");
    }
    let path = format!("/api/v1/seller/shipping-zones/{zone}/places");
    let set = seller.client.put(&path, json!({"places": places(&["DE"])})).await.expect(200);
    assert_eq!(set["places"], json!([{"country": "DE"}]));
    send("DE").await.expect(201);
    send("US-CA").await.refused(422, "SHIPPING_UNAVAILABLE");
    seller.shipping_method(json!({"name": "World", "price": "20.00"})).await;
    assert_eq!(shipping(&Order(send("US-CA").await.expect(201))).0, "World");
    assert_eq!(shipping(&Order(send("DE").await.expect(201))).0, "West", "the cheapest that goes there");
}

#[tokio::test]
async fn is_free_when_the_goods_reach_the_limit() {
    let (_souk, seller, guest) = open().await;
    let offer = seller.offer_goods(Goods::new("LAMP", "24.99")).await;
    let penny = seller.offer_goods(Goods::new("PENNY", "0.01")).await;
    let method = seller.shipping_method(json!({"name": "Parcel", "price": "5.00", "free_over": "50.00"})).await;
    let send = async |pennies: i64| guest.place(&guest.cart(&[(&offer, 2), (&penny, pennies)]).await).await;
    assert_eq!(shipping(&send(1).await).1, "5.00");
    assert_eq!(shipping(&send(2).await).1, "0.00");
    seller.change_shipping_method(&method, json!({"free_over": null})).await.expect(200);
    assert_eq!(shipping(&send(3).await).1, "5.00");
    seller.change_shipping_method(&method, json!({"free_over": "49.99", "price": "6.00"})).await.expect(200);
    assert_eq!(shipping(&send(1).await).1, "0.00");
}

#[tokio::test]
async fn is_chosen_for_each_seller() {
    let souk = Souk::start().await;
    let (first, second, guest) = (souk.seller("First").await, souk.seller("Second").await, souk.guest());
    let zone = first.shipping_zone("Europe", &["DE", "FR"]).await;
    let fast = first.shipping_method(json!({"name": "Fast", "price": "12.00"})).await;
    let abroad = first.shipping_method(json!({"name": "Abroad", "price": "3.00", "zone_id": zone})).await;
    let post = second.shipping_method(json!({"name": "Post", "price": "2.50"})).await;
    let euros = second.shipping_method(json!({"name": "Euros", "price": "1.00", "currency": "EUR"})).await;
    let offers = [first.offer("FIRST", "10.00", 20).await, second.offer("SECOND", "20.00", 20).await];
    let fill = async || guest.cart(&[(&offers[0], 1), (&offers[1], 1)]).await;
    let choose = async |cart: &str, seller: &Seller, method: &str| {
        let path = format!("/api/v1/carts/{cart}/shipping/{}", seller.id);
        guest.client().put(&path, json!({"shipping_method_id": method})).await
    };
    let names =
        |order: &Order| [&first, &second].map(|seller| text(&order.part(seller).0["shipping_method_name"]).to_owned());
    let order = guest.place(&fill().await).await;
    assert_eq!(names(&order), ["Standard", "Post"], "the cheapest of each that goes there");
    assert_eq!(order.0["shipping_total"], "7.50");

    let cart = fill().await;
    choose(&cart, &first, &fast).await.expect(200);
    choose(&cart, &second, &euros).await.refused(422, "INVALID_MONEY");
    choose(&cart, &second, &fast).await.refused(404, "NOT_FOUND");
    let order = guest.place(&cart).await;
    assert_eq!(names(&order), ["Fast", "Post"]);
    assert_eq!(order.0["shipping_total"], "14.50");

    let cart = fill().await;
    guest.try_place_to(&cart, "FR").await.expect(201);
    let cart = fill().await;
    choose(&cart, &first, &abroad).await.expect(200);
    guest.try_place_to(&cart, "US").await.refused(422, "SHIPPING_UNAVAILABLE");
    let order = guest.place_to(&cart, "FR").await;
    assert_eq!(names(&order), ["Abroad", "Post"]);
    assert_eq!(order.0["shipping_total"], "5.50");

    second.change_shipping_method(&post, json!({"active": false})).await.expect(200);
    assert_eq!(names(&guest.place(&fill().await).await), ["Standard", "Standard"], "what is out of use is not taken");
}

#[tokio::test]
async fn a_cart_lists_what_goes_there_and_can_carry_it() {
    let (_souk, seller, guest) = open().await;
    let zone = seller.shipping_zone("Home", &["US"]).await;
    let light = steps(&[(1_000, "2.00"), (2_000, "6.00")]);
    let light = json!({"name": "Letter", "pricing": "weight", "weight_steps": light, "zone_id": zone, "max_days": 2});
    seller.shipping_method(light).await;
    seller.shipping_method(json!({"name": "World", "price": "5.00", "min_days": 7, "max_days": 20})).await;
    let offer = seller.offer_goods(Goods::new("LAMP", "10.00")).await;
    let cart = guest.cart(&[(&offer, 2)]).await;
    let options = async |place: &str| {
        guest.send_to(&cart, place).await;
        let listed = guest.client().get(&format!("/api/v1/carts/{cart}/shipping-options")).await.expect(200);
        let options = listed["options"].as_array().expect("options").iter();
        let row = |option: &Value| {
            assert_eq!(option["seller_id"], seller.id.as_str());
            let days = (option["min_days"].as_i64(), option["max_days"].as_i64());
            (text(&option["name"]).to_owned(), text(&option["price"]).to_owned(), days, option["selected"] == true)
        };
        options.map(row).collect::<Vec<_>>()
    };
    let letter = |price: &str, selected| ("Letter".to_owned(), price.to_owned(), (Some(1), Some(2)), selected);
    let world = |selected| ("World".to_owned(), "5.00".to_owned(), (Some(7), Some(20)), selected);
    assert_eq!(options("US-IL").await, [letter("2.00", true), world(false)]);
    assert_eq!(options("DE").await, [world(true)]);
    let line = format!("/api/v1/carts/{cart}/lines/{offer}");
    guest.client().put(&line, json!({"quantity": 3})).await.expect(200);
    assert_eq!(options("US").await, [world(true), letter("6.00", false)], "the cheapest first");
    guest.client().put(&line, json!({"quantity": 5})).await.expect(200);
    assert_eq!(options("US").await, [world(true)], "too heavy for a letter");
}

#[tokio::test]
async fn methods_and_zones_are_their_sellers() {
    let (souk, seller, _guest) = open().await;
    let other = souk.seller("Another").await;
    let zone = seller.shipping_zone("Home", &["US"]).await;
    let method = json!({"name": "Stolen", "price": "1.00", "zone_id": zone});
    other.try_shipping_method(method).await.refused(404, "NOT_FOUND");
    let path = format!("/api/v1/seller/shipping-zones/{zone}/places");
    other.client.put(&path, json!({"places": places(&["DE"])})).await.refused(404, "NOT_FOUND");
    assert_eq!(other.client.list("/api/v1/seller/shipping-zones").await, Vec::<Value>::new());
    let again = json!({"name": "Home", "places": places(&["DE"])});
    seller.client.post("/api/v1/seller/shipping-zones", again.clone()).await.refused(409, "ALREADY_EXISTS");
    other.client.post("/api/v1/seller/shipping-zones", again).await.expect(201);
    let own = seller.client.list("/api/v1/seller/shipping-zones").await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["places"], json!([{"country": "US"}]));

    let many: Vec<Value> = (0..301).map(|at| json!({"country": "US", "region": format!("R{at}")})).collect();
    for bad in [json!([]), json!(many), json!([{"country": "us"}]), json!(places(&["US-CA", "US- ca"]))] {
        let refused = seller.client.put(&path, json!({"places": bad})).await;
        refused.refused(422, "INVALID_VALUE");
    }
    seller.client.put(&path, json!({"places": many[..300]})).await.expect(200);
}

#[tokio::test]
async fn methods_that_cannot_be() {
    let (_souk, seller, _guest) = open().await;
    let many: Vec<(i64, &str)> = (1..=51).map(|most| (most, "1.00")).collect();
    let weight = |rows: &[(i64, &str)]| json!({"pricing": "weight", "weight_steps": steps(rows)});
    let bad = [
        (json!({}), "INVALID_VALUE"),
        (json!({"pricing": "weight"}), "INVALID_VALUE"),
        (json!({"pricing": "weight", "price": "1.00"}), "INVALID_VALUE"),
        (json!({"price": "1.00", "weight_steps": steps(&[(1, "1.00")])}), "INVALID_VALUE"),
        (json!({"weight_steps": steps(&[(1, "1.00")])}), "INVALID_VALUE"),
        (json!({"price": "-0.01"}), "INVALID_MONEY"),
        (json!({"price": "1.001"}), "INVALID_MONEY"),
        (json!({"price": "1.00", "free_over": "-1.00"}), "INVALID_MONEY"),
        (json!({"price": "1.00", "min_days": 4}), "INVALID_VALUE"),
        (json!({"price": "1.00", "max_days": 366}), "INVALID_VALUE"),
        (weight(&[]), "INVALID_VALUE"),
        (weight(&many), "INVALID_VALUE"),
        (weight(&[(0, "1.00")]), "INVALID_VALUE"),
        (weight(&[(2, "1.00"), (1, "2.00")]), "INVALID_VALUE"),
        (weight(&[(1, "1.00"), (1, "2.00")]), "INVALID_VALUE"),
        (weight(&[(i64::MAX, "1.00")]), "INVALID_VALUE"),
        (weight(&[(1, "-1.00")]), "INVALID_MONEY"),
    ];
    for (mut terms, code) in bad {
        terms["name"] = json!("Bad");
        seller.try_shipping_method(terms).await.refused(422, code);
    }
    let mut fifty = weight(&many[..50]);
    fifty["name"] = json!("Fifty");
    let fifty = seller.shipping_method(fifty).await;
    seller.change_shipping_method(&fifty, json!({"price": "1.00"})).await.refused(422, "INVALID_VALUE");
    seller.change_shipping_method(&fifty, json!({"weight_steps": []})).await.refused(422, "INVALID_VALUE");
    let flat = seller.shipping_method(json!({"name": "Flat", "price": "1.00"})).await;
    let by_weight = json!({"weight_steps": steps(&[(1, "1.00")])});
    seller.change_shipping_method(&flat, by_weight).await.refused(422, "INVALID_VALUE");
    seller.change_shipping_method(&flat, json!({"name": "Fifty"})).await.refused(409, "ALREADY_EXISTS");
    seller.change_shipping_method(&flat, json!({"min_days": 9})).await.refused(422, "INVALID_VALUE");
    let changed = seller.change_shipping_method(&flat, json!({"name": "Slow", "max_days": 9})).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["price"], &changed["max_days"]),
        (&json!("Slow"), &json!("1.00"), &json!(9))
    );
    let public = format!("/api/v1/catalog/sellers/{}/shipping-methods", seller.id);
    let shown = seller.client.list(&public).await;
    assert_eq!(shown.len(), 2);
    assert_eq!((&shown[0]["pricing"], &shown[0]["price"]), (&json!("flat"), &json!("1.00")));
    assert_eq!((&shown[1]["pricing"], &shown[1]["price"]), (&json!("weight"), &Value::Null));
    assert_eq!(shown[1]["weight_steps"].as_array().map(Vec::len), Some(50));
}

#[tokio::test]
async fn so_many_ways_can_be_in_use() {
    let (souk, seller, _guest) = open().await;
    let add = async |name: &str| seller.try_shipping_method(json!({"name": name, "price": "1.00"})).await;
    let names: Vec<String> = (0..110).map(|at| format!("Method {at}")).collect();
    let answers = join_all(names.iter().map(|name| add(name))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.as_u16() == 201);
    assert_eq!((made.len(), refused.len()), (100, 10), "also when they are added at the same moment");
    for refusal in refused {
        let error = refusal.refused(422, "INVALID_VALUE");
        assert!(text(&error["message"]).contains("take one out of use first"), "{error}");
    }
    let first = text(&made[0].json()["id"]).to_owned();
    let switch = async |active: bool| seller.change_shipping_method(&first, json!({"active": active})).await;
    switch(true).await.expect(200);
    switch(false).await.expect(200);
    let other = add("Another").await.expect(201);
    switch(true).await.refused(422, "INVALID_VALUE");
    seller.change_shipping_method(&first, json!({"price": "2.00"})).await.expect(200);
    seller.change_shipping_method(text(&other["id"]), json!({"active": false})).await.expect(200);
    switch(true).await.expect(200);
    souk.seller("Another").await.shipping_method(json!({"name": "Theirs", "price": "1.00"})).await;
}
