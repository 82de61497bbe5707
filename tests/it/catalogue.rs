//! Which products everybody sees, who decides it, and what of them can be bought.

use futures::future::{join, join_all};
use serde_json::{Value, json};

use crate::souk::{Seller, Souk, text};

const CATALOG: &str = "/api/v1/catalog/products";
const ADMIN: &str = "/api/v1/admin/products";

/// A seller's newest product, and its variant.
async fn newest(seller: &Seller) -> (String, String) {
    let products = seller.client.list("/api/v1/seller/products").await;
    let id = text(&products[0]["id"]).to_owned();
    let shown = seller.client.get(&format!("/api/v1/seller/products/{id}")).await.expect(200);
    (id, text(&shown["variants"][0]["id"]).to_owned())
}

/// Offers a variant of another's, with stock; returns the offer's id.
async fn offer_too(seller: &Seller, variant: &str, price: &str) -> String {
    let offer = json!({"variant_id": variant, "price": price, "currency": "USD"});
    let offer = seller.client.post("/api/v1/seller/offers", offer).await.expect(201);
    let id = text(&offer["id"]).to_owned();
    seller.stock(&id, "Main", 10).await;
    id
}

/// The offers of a product that everybody sees; `None` where nobody sees it, in lists and searches either.
async fn seen(souk: &Souk, product: &str) -> Option<Vec<String>> {
    let anyone = souk.anyone();
    let answer = anyone.get(&format!("{CATALOG}/{product}")).await;
    let there = answer.status.as_u16() == 200;
    for path in [CATALOG.to_owned(), format!("{CATALOG}?q=product")] {
        let listed = anyone.list(&path).await.iter().any(|row| row["id"] == product);
        assert_eq!(listed, there, "{path} and the product itself say the same");
    }
    if !there {
        answer.refused(404, "NOT_FOUND");
        return None;
    }
    let shown = answer.json();
    let offers = shown["variants"][0]["offers"].as_array().expect("offers").iter();
    Some(offers.map(|offer| text(&offer["id"]).to_owned()).collect())
}

async fn decide(souk: &Souk, seller: &Seller, decision: &str) {
    let path = format!("/api/v1/admin/sellers/{}/{decision}", seller.id);
    souk.admin().await.client.post(&path, json!({"reason": "For a test"})).await.expect(200);
}

async fn moderate(souk: &Souk, product: &str, change: Value) -> Value {
    souk.admin().await.client.patch(&format!("{ADMIN}/{product}"), change).await.expect(200)
}

#[tokio::test]
async fn a_product_is_public_while_an_approved_seller_shows_or_offers_it() {
    let souk = Souk::start().await;
    let maker = Seller::apply(souk.shopper().await.client(), "An Applicant").await.settle_in().await;
    let offer = maker.offer("LAMP", "10.00", 5).await;
    let (product, variant) = newest(&maker).await;
    assert_eq!(seen(&souk, &product).await, None, "an applicant's");
    souk.admin().await.approve(&maker.id).await;
    assert_eq!(seen(&souk, &product).await, Some(vec![offer.clone()]));
    decide(&souk, &maker, "suspend").await;
    assert_eq!(seen(&souk, &product).await, None, "a suspended seller's");
    maker.client.get(&format!("/api/v1/seller/products/{product}")).await.expect(200);

    let other = souk.seller("Another").await;
    let theirs = offer_too(&other, &variant, "12.00").await;
    assert_eq!(seen(&souk, &product).await, Some(vec![theirs.clone()]), "another sells it");
    decide(&souk, &other, "suspend").await;
    assert_eq!(seen(&souk, &product).await, None);
    souk.admin().await.approve(&maker.id).await;
    assert_eq!(seen(&souk, &product).await, Some(vec![offer]));

    let rejected = Seller::apply(souk.shopper().await.client(), "Rejected").await.settle_in().await;
    rejected.offer("CHAIR", "10.00", 5).await;
    let (chair, _) = newest(&rejected).await;
    decide(&souk, &rejected, "reject").await;
    assert_eq!(seen(&souk, &chair).await, None, "a rejected seller's");
}

#[tokio::test]
async fn what_an_operator_hides_nobody_sees_or_buys_until_it_is_shown_again() {
    let souk = Souk::start().await;
    let (maker, other) = (souk.seller("The Maker").await, souk.seller("Another").await);
    let offer = maker.offer("LAMP", "10.00", 5).await;
    let (product, variant) = newest(&maker).await;
    let theirs = offer_too(&other, &variant, "12.00").await;
    let shopper = souk.guest();
    let carts = [shopper.cart(&[(&offer, 1)]).await, shopper.cart(&[(&theirs, 1)]).await];
    let path = format!("{ADMIN}/{product}");
    let (manager, _) = souk.operator("manager").await;
    for wrong in [json!({"hidden": true}), json!({"reason": "Why"}), json!({"hidden": false, "reason": "Why"})] {
        manager.patch(&path, wrong).await.refused(422, "INVALID_VALUE");
    }
    souk.operator("read_only").await.0.patch(&path, json!({"hidden": false})).await.refused(403, "FORBIDDEN");
    let hidden = manager.patch(&path, json!({"hidden": true, "reason": "It is recalled."})).await.expect(200);
    assert!(hidden["hidden_at"].is_string(), "{hidden}");
    assert_eq!(seen(&souk, &product).await, None);
    for (cart, offer) in carts.iter().zip([&offer, &theirs]) {
        shopper.try_place(cart).await.refused(422, "OFFER_UNAVAILABLE");
        let line = json!({"offer_id": offer, "quantity": 1});
        let lines = format!("/api/v1/carts/{cart}/lines");
        shopper.client().post(&lines, line).await.refused(422, "OFFER_UNAVAILABLE");
    }
    assert_eq!((maker.inventory(&offer).await, other.inventory(&theirs).await), ((5, 0), (10, 0)));
    // The seller reads why, and cannot bring it back.
    let own = format!("/api/v1/seller/products/{product}");
    let read = maker.client.get(&own).await.expect(200);
    assert_eq!(read["product"]["hidden_reason"], "It is recalled.");
    maker.client.patch(&own, json!({"active": true})).await.expect(200);
    assert_eq!(seen(&souk, &product).await, None);

    let ids = async |query: &str| {
        let rows = manager.list(&format!("{ADMIN}?{query}")).await;
        rows.iter().map(|row| text(&row["id"]).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("hidden=true").await, [product.as_str()]);
    assert_eq!(ids(&format!("hidden=false&seller_id={}", maker.id)).await, Vec::<String>::new());
    assert_eq!(ids(&format!("seller_id={}", maker.id)).await, [product.as_str()]);
    let entries = souk.admin().await.client.list("/api/v1/admin/audit?operation=adminChangeProduct").await;
    assert_eq!((entries.len(), &entries[0]["subject_id"]), (1, &json!(product)), "{entries:?}");
    let entry = format!("/api/v1/admin/audit/{}", text(&entries[0]["id"]));
    let entry = souk.admin().await.client.get(&entry).await.expect(200);
    assert_eq!(entry["changes"][0]["fields"][0]["name"], "hidden_at", "{entry}");

    moderate(&souk, &product, json!({"hidden": false})).await;
    assert_eq!(seen(&souk, &product).await, Some(vec![offer, theirs]));
    for cart in &carts {
        shopper.try_place(cart).await.expect(201);
    }
    let missing = format!("{ADMIN}/00000000-0000-7000-8000-000000000000");
    manager.patch(&missing, json!({"hidden": false})).await.refused(404, "NOT_FOUND");
    souk.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_order_slips_past_the_hiding_of_its_product() {
    let souk = Souk::start().await;
    let seller = souk.seller("Racing").await;
    for round in 0..4 {
        let offer = seller.offer(&format!("LAMP-{round}"), "10.00", 20).await;
        let (product, _) = newest(&seller).await;
        let shopper = souk.guest();
        let mut carts = Vec::new();
        for _ in 0..6 {
            carts.push(shopper.cart(&[(&offer, 1)]).await);
        }
        let (early, late) = carts.split_at(3);
        let orders = join_all(early.iter().map(|cart| shopper.try_place(cart)));
        let hide = async {
            moderate(&souk, &product, json!({"hidden": true, "reason": "It is recalled."})).await;
            seller.inventory(&offer).await
        };
        let (placed, (_, held)) = join(orders, hide).await;
        let placed = i64::try_from(placed.iter().filter(|order| order.status.as_u16() == 201).count()).expect("few");
        assert_eq!(held, placed, "what is ordered was ordered before the answer");
        for cart in late {
            shopper.try_place(cart).await.refused(422, "OFFER_UNAVAILABLE");
        }
        assert_eq!(seller.inventory(&offer).await, (20, placed));
    }
}

#[tokio::test]
async fn a_maker_decides_alone_only_until_others_sell_the_product_too() {
    let souk = Souk::start().await;
    let (maker, other) = (souk.seller("The Maker").await, souk.seller("Another").await);
    let offer = maker.offer("LAMP", "10.00", 5).await;
    let (product, variant) = newest(&maker).await;
    let own = format!("/api/v1/seller/products/{product}");
    let change = async |change: Value| maker.client.patch(&own, change).await;
    // What an applicant offers keeps nobody from their product.
    let applicant = Seller::apply(souk.shopper().await.client(), "An Applicant").await.settle_in().await;
    offer_too(&applicant, &variant, "1.00").await;
    change(json!({"name": "A product", "tax_class": "reduced"})).await.expect(200);

    let theirs = offer_too(&other, &variant, "12.00").await;
    for anew in [json!({"name": "Junk"}), json!({"description": "Broken."}), json!({"tax_class": "standard"})] {
        change(anew).await.refused(409, "PRODUCT_SHARED");
    }
    change(json!({"name": "Junk", "active": false})).await.refused(409, "PRODUCT_SHARED");
    let same = change(json!({"name": "A product", "tax_class": "reduced", "active": true})).await.expect(200);
    assert_eq!((&same["name"], &same["active"]), (&json!("A product"), &json!(true)));

    let shopper = souk.guest();
    let carts = [shopper.cart(&[(&offer, 1)]).await, shopper.cart(&[(&theirs, 1)]).await];
    change(json!({"active": false})).await.expect(200);
    assert_eq!(seen(&souk, &product).await, Some(vec![theirs.clone()]), "it stays for the other");
    shopper.try_place(&carts[0]).await.refused(422, "OFFER_UNAVAILABLE");
    let order = shopper.place(&carts[1]).await;
    assert_eq!(order.part(&other).0["lines"][0]["product_name"], "A product");

    // Nor does the maker decide for others while they may not sell; operators do.
    decide(&souk, &maker, "suspend").await;
    change(json!({"active": true})).await.refused(409, "PRODUCT_SHARED");
    let told = moderate(&souk, &product, json!({"name": "A better product", "tax_class": "standard"})).await;
    assert_eq!((&told["name"], &told["tax_class"]), (&json!("A better product"), &json!("standard")));
    let shown = souk.anyone().get(&format!("{CATALOG}/{product}")).await.expect(200);
    assert_eq!(shown["product"]["name"], "A better product");
    souk.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_and_a_change_at_once_take_turns() {
    let souk = Souk::start().await;
    let (maker, other) = (souk.seller("The Maker").await, souk.seller("Another").await);
    for round in 0..6 {
        maker.offer(&format!("LAMP-{round}"), "10.00", 5).await;
        let (product, variant) = newest(&maker).await;
        let own = format!("/api/v1/seller/products/{product}");
        let changes = join_all((0..4).map(|at| maker.client.patch(&own, json!({"name": format!("Product {at}")}))));
        let offer = json!({"variant_id": variant, "price": "12.00", "currency": "USD"});
        let offered = async {
            other.client.post("/api/v1/seller/offers", offer).await.expect(201);
            maker.client.get(&own).await.expect(200)["product"]["name"].take()
        };
        let (changed, name) = join(changes, offered).await;
        assert!(changed.iter().all(|answer| [200, 409].contains(&answer.status.as_u16())));
        maker.client.patch(&own, json!({"name": "Junk"})).await.refused(409, "PRODUCT_SHARED");
        let after = maker.client.get(&own).await.expect(200);
        assert_eq!(after["product"]["name"], name, "it is called what it was when it was offered");
    }
}
