//! Tax: which rate applies where, when and to whom, and what it comes to, to the last unit.

use serde_json::{Value, json};

use crate::souk::terms::Goods;
use crate::souk::{Admin, Order, Seller, Shopper, Souk, text};

/// A market with a seller of a lamp for 10.00 USD, sent for 5.00 USD, and a guest.
struct Market {
    souk: Souk,
    seller: Seller,
    guest: Shopper,
    lamp: String,
}

impl Market {
    async fn open() -> Self {
        let souk = Souk::start().await;
        let seller = souk.seller("A Seller").await;
        let lamp = seller.offer_goods(Goods::new("LAMP", "10.00")).await;
        let guest = souk.guest();
        Self { souk, seller, guest, lamp }
    }

    async fn admin(&self) -> &Admin {
        self.souk.admin().await
    }

    /// One lamp, sent to a place.
    async fn lamp_to(&self, shopper: &Shopper, place: &str) -> Order {
        let cart = shopper.cart(&[(&self.lamp, 1)]).await;
        shopper.place_to(&cart, place).await
    }
}

/// Goods, shipping, tax and total of an order.
fn amounts(order: &Order) -> [&str; 4] {
    ["items_total", "shipping_total", "tax_total", "total"].map(|field| text(&order.0[field]))
}

/// SKU, tax and total of each line.
fn lines(order: &Order) -> Vec<[&str; 3]> {
    let parts = order.0["seller_orders"].as_array().expect("seller orders").iter();
    let lines = parts.flat_map(|part| part["lines"].as_array().expect("lines"));
    let mut lines: Vec<_> = lines.map(|line| ["sku", "tax", "total"].map(|field| text(&line[field]))).collect();
    lines.sort_unstable();
    lines
}

/// Three lines whose taxes all have to be rounded.
async fn three_lines(market: &Market) -> [(String, i64); 3] {
    let seller = &market.seller;
    let a = seller.offer_goods(Goods::new("A", "19.99")).await;
    let b = seller.offer_goods(Goods::new("B", "7.35")).await;
    let c = seller.offer_goods(Goods::new("C", "0.05")).await;
    [(a, 3), (b, 2), (c, 80)]
}

#[tokio::test]
async fn is_added_to_prices_without_it() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let zone = admin.tax_zone("US-NY", false).await;
    admin.tax_rate(&zone, "standard", "8.875").await;
    let goods = three_lines(&market).await;
    let cart = market.guest.cart(&goods.each_ref().map(|(offer, quantity)| (offer.as_str(), *quantity))).await;
    let order = market.guest.place_to(&cart, "US-NY").await;
    // 8.875% of 59.97 is 5.3223375, of 14.70 1.304625, of 4.00 0.355, and of 5.00 for shipping 0.44375.
    assert_eq!(lines(&order), [["A", "5.32", "65.29"], ["B", "1.30", "16.00"], ["C", "0.36", "4.36"]]);
    assert_eq!(amounts(&order), ["78.67", "5.00", "7.42", "91.09"]);
    let part = &order.0["seller_orders"][0];
    assert_eq!((&part["tax_total"], &part["total"]), (&json!("7.42"), &json!("91.09")));
    market.guest.pay(order.id(), "pm_ok").await;
    market.guest.until(order.id(), "processing").await;
    market.souk.audit().await;
    assert_eq!(admin.account("tax_payable").await.1, 742, "the platform owes the tax, the seller never has it");
}

#[tokio::test]
async fn is_found_in_prices_that_contain_it() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let zone = admin.tax_zone("DE", true).await;
    admin.tax_rate(&zone, "standard", "19").await;
    let goods = three_lines(&market).await;
    let cart = market.guest.cart(&goods.each_ref().map(|(offer, quantity)| (offer.as_str(), *quantity))).await;
    let order = market.guest.place_to(&cart, "DE").await;
    // 19/119 of 59.97 is 9.57504…, of 14.70 2.34705…, of 4.00 0.63865…, and of 5.00 for shipping 0.79831…
    assert_eq!(lines(&order), [["A", "9.58", "59.97"], ["B", "2.35", "14.70"], ["C", "0.64", "4.00"]]);
    assert_eq!(amounts(&order), ["78.67", "5.00", "13.37", "83.67"]);
    market.guest.pay(order.id(), "pm_ok").await;
    market.guest.until(order.id(), "processing").await;
    market.souk.audit().await;
    assert_eq!(admin.account("tax_payable").await.1, 1337);
}

#[tokio::test]
async fn is_rounded_to_what_each_currency_has() {
    let market = Market::open().await;
    let admin = market.admin().await;
    for (place, class, percent) in [("JP", "standard", "10"), ("KW", "standard", "5")] {
        let zone = admin.tax_zone(place, false).await;
        admin.tax_rate(&zone, class, percent).await;
    }
    let (seller, guest) = (&market.seller, &market.guest);
    for (currency, price) in [("JPY", "505"), ("KWD", "0.750")] {
        seller.shipping_method(json!({"name": "Standard", "price": price, "currency": currency})).await;
    }
    let tea = seller.offer_goods(Goods { currency: "JPY", ..Goods::new("TEA", "1999") }).await;
    let dates = seller.offer_goods(Goods { currency: "KWD", ..Goods::new("DATES", "1.235") }).await;
    let cart = guest.cart_in("JPY", &[(&tea, 1)]).await;
    // 199.9 and 50.5, which is rounded up.
    assert_eq!(amounts(&guest.place_to(&cart, "JP").await), ["1999", "505", "251", "2755"]);
    let cart = guest.cart_in("KWD", &[(&dates, 3)]).await;
    // 0.18525 and 0.0375.
    assert_eq!(amounts(&guest.place_to(&cart, "KW").await), ["3.705", "0.750", "0.223", "4.678"]);
}

#[tokio::test]
async fn a_region_goes_before_its_country() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let country = admin.tax_zone("US", false).await;
    for (class, percent) in [("standard", "5"), ("books", "2"), ("shipping", "1")] {
        admin.tax_rate(&country, class, percent).await;
    }
    let region = admin.tax_zone("US- il ", false).await;
    admin.tax_rate(&region, "standard", "10").await;
    let book = market.seller.offer_goods(Goods { tax_class: "books", ..Goods::new("BOOK", "10.00") }).await;
    let rare = market.seller.offer_goods(Goods { tax_class: "rare", ..Goods::new("RARE", "10.00") }).await;
    let goods = [(market.lamp.as_str(), 1), (book.as_str(), 1)];
    let to = async |place: &str| {
        let order = market.guest.place_to(&market.guest.cart(&goods).await, place).await;
        let lines: Vec<String> = lines(&order).iter().map(|[_, tax, _]| (*tax).to_owned()).collect();
        (lines, text(&order.0["tax_total"]).to_owned())
    };
    let taxed = |book: &str, lamp: &str, all: &str| (vec![book.to_owned(), lamp.to_owned()], all.to_owned());
    for same in ["US-IL", "US-il", "US-  Il "] {
        assert_eq!(to(same).await, taxed("0.20", "1.00", "1.25"), "{same}");
    }
    for elsewhere in ["US-WI", "US"] {
        assert_eq!(to(elsewhere).await, taxed("0.20", "0.50", "0.75"), "{elsewhere}");
    }
    assert_eq!(to("CA-IL").await, taxed("0.00", "0.00", "0.00"));
    let order = market.guest.place_to(&market.guest.cart(&[(&rare, 1)]).await, "US-IL").await;
    assert_eq!(amounts(&order), ["10.00", "5.00", "1.05", "16.05"], "a class without a rate is taxed as standard");
}

#[tokio::test]
async fn a_region_in_other_words_does_not_go_untaxed() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let zone = admin.tax_zone("US-NY", false).await;
    admin.tax_zone("US-CA", false).await;
    admin.tax_rate(&zone, "standard", "8.875").await;
    let (guest, lamp) = (&market.guest, market.lamp.as_str());
    let cart = guest.cart(&[(lamp, 1)]).await;
    for place in ["US-New York", "US-N.Y.", "US-TX", "US- ", "US"] {
        let refusal = guest.try_place_to(&cart, place).await.refused(422, "INVALID_VALUE");
        assert!(text(&refusal["message"]).ends_with(" one of these: CA, NY."), "{place}: {refusal}");
        let shown = guest.send_to(&cart, place).await;
        assert_eq!(shown["obstacle"], json!({"code": "INVALID_VALUE", "message": refusal["message"]}), "{place}");
        assert_eq!(shown["total"], "15.00", "{place}");
    }
    let shown = guest.send_to(&cart, "US-ny").await;
    assert!(shown["obstacle"].is_null(), "{shown}");
    assert_eq!(amounts(&guest.place_to(&cart, "US-ny").await), ["10.00", "5.00", "1.33", "16.33"]);
    let to = async |place: &str| text(&market.lamp_to(guest, place).await.0["tax_total"]).to_owned();
    assert_eq!(to("US-CA").await, "0.00", "what is set up without a rate is not taxed");
    assert_eq!(to("MX-NY").await, "0.00", "nor is another country");
    // Who wants to sell to the rest of the country says what is taxed there.
    let rest = admin.tax_zone("US", false).await;
    assert_eq!(to("US-TX").await, "0.00");
    admin.tax_rate(&rest, "standard", "2").await;
    assert_eq!(to("US").await, "0.30");
    assert_eq!(to("US-NY").await, "1.33");
}

#[tokio::test]
async fn goods_are_not_of_the_class_of_shipping() {
    let market = Market::open().await;
    let client = &market.seller.client;
    let product = |class: &str| json!({"name": "Crate", "description": "", "tax_class": class});
    client.post("/api/v1/seller/products", product("shipping")).await.refused(422, "INVALID_VALUE");
    let made = client.post("/api/v1/seller/products", product("crates")).await.expect(201);
    let path = format!("/api/v1/seller/products/{}", text(&made["id"]));
    client.patch(&path, json!({"tax_class": "shipping"})).await.refused(422, "INVALID_VALUE");
    let changed = client.patch(&path, json!({"tax_class": "shipping-crates"})).await.expect(200);
    assert_eq!(changed["tax_class"], "shipping-crates");
}

#[tokio::test]
async fn the_rate_is_that_of_the_day() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let zone = admin.tax_zone("US", false).await;
    let add = async |percent: &str, starts_at: &str, ends_at: Value| {
        let rate = json!({"percent": percent, "starts_at": starts_at, "ends_at": ends_at});
        text(&admin.try_tax_rate(&zone, rate).await.expect(201)["id"]).to_owned()
    };
    add("5", "2020-01-01T00:00:00Z", json!("2021-01-01T00:00:00Z")).await;
    let seven = add("7", "2022-01-01T00:00:00Z", Value::Null).await;
    add("9", "2999-01-01T00:00:00Z", Value::Null).await;
    let tax = async || text(&market.lamp_to(&market.guest, "US").await.0["tax_total"]).to_owned();
    assert_eq!(tax().await, "1.05");
    let before = market.lamp_to(&market.guest, "US").await;
    let eight = admin.tax_rate(&zone, "standard", "8").await;
    assert_eq!(tax().await, "1.20", "the one that started last");
    let path = |rate: &str| format!("/api/v1/admin/tax-zones/{zone}/rates/{rate}");
    let ended = admin.client.patch(&path(&eight), json!({})).await.expect(200);
    assert!(ended["ends_at"].is_string(), "{ended}");
    assert_eq!(tax().await, "1.05", "a passing rate gives way to the one before");
    admin.client.patch(&path(&eight), json!({"ends_at": "2999-01-01T00:00:00Z"})).await.refused(422, "INVALID_VALUE");
    let past = json!({"ends_at": "2022-02-01T00:00:00Z"});
    admin.client.patch(&path(&seven), past).await.refused(422, "INVALID_VALUE");
    admin.client.patch(&path(&seven), json!({})).await.expect(200);
    assert_eq!(tax().await, "0.00");
    let after = market.guest.order(before.id()).await;
    assert_eq!(amounts(&after), ["10.00", "5.00", "1.05", "16.05"], "what was placed stays");
}

#[tokio::test]
async fn an_exempt_buyer_pays_none() {
    let market = Market::open().await;
    let admin = market.admin().await;
    for (place, included, percent) in [("US", false, "8.875"), ("DE", true, "19")] {
        let zone = admin.tax_zone(place, included).await;
        admin.tax_rate(&zone, "standard", percent).await;
    }
    let school = market.souk.shopper().await;
    let user = school.client().get("/api/v1/me").await.expect(200)["id"].take();
    let to = async |shopper: &Shopper, place: &str| {
        let order = market.lamp_to(shopper, place).await;
        [text(&order.0["tax_total"]).to_owned(), text(&order.0["total"]).to_owned()]
    };
    assert_eq!(to(&school, "US").await, ["1.33", "16.33"]);
    assert_eq!(to(&school, "DE").await, ["2.40", "15.00"]);

    let exempt = json!({"user_id": user, "country": "US", "certificate": "ST-119.1"});
    let made = admin.client.post("/api/v1/admin/tax-exemptions", exempt).await.expect(201);
    assert_eq!(to(&school, "US").await, ["0.00", "15.00"], "nothing is added");
    assert_eq!(to(&school, "DE").await, ["2.40", "15.00"], "only in its country");
    assert_eq!(to(&market.guest, "US").await, ["1.33", "16.33"], "only the buyer");

    let everywhere = json!({"user_id": user, "certificate": "UN 0042"});
    admin.client.post("/api/v1/admin/tax-exemptions", everywhere).await.expect(201);
    // 19/119 of 10.00 is 1.5966…, of 5.00 0.7983…
    assert_eq!(to(&school, "DE").await, ["0.00", "12.60"], "what the prices contain is taken off");
    let order = market.lamp_to(&school, "DE").await;
    assert_eq!(lines(&order), [["LAMP", "0.00", "8.40"]]);
    school.pay(order.id(), "pm_ok").await;
    school.until(order.id(), "processing").await;
    market.souk.audit().await;
    assert_eq!(admin.account("tax_payable").await, (0, 0));

    let of_user = format!("/api/v1/admin/tax-exemptions?user_id={}", text(&user));
    let listed = admin.client.list(&of_user).await;
    assert_eq!(listed.len(), 2);
    for exemption in &listed {
        let path = format!("/api/v1/admin/tax-exemptions/{}", text(&exemption["id"]));
        admin.client.patch(&path, json!({})).await.expect(200);
    }
    assert_eq!(made["country"], "US");
    assert_eq!(to(&school, "US").await, ["1.33", "16.33"], "it is over");
    assert_eq!(to(&school, "DE").await, ["2.40", "15.00"], "it is over");
}

#[tokio::test]
async fn shipping_has_a_class_of_its_own() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let (us, de, fr) =
        (admin.tax_zone("US", false).await, admin.tax_zone("DE", true).await, admin.tax_zone("FR", true).await);
    admin.tax_rate(&us, "standard", "8").await;
    admin.tax_rate(&us, "shipping", "0").await;
    admin.tax_rate(&de, "standard", "7").await;
    admin.tax_rate(&de, "shipping", "19").await;
    admin.tax_rate(&fr, "shipping", "20").await;
    let tax = async |place: &str| {
        let order = market.lamp_to(&market.guest, place).await;
        ["tax_total", "total"].map(|field| text(&order.0[field]).to_owned())
    };
    assert_eq!(tax("US").await, ["0.80", "15.80"]);
    // 7/107 of 10.00 is 0.6542…, 19/119 of 5.00 0.7983…, 20/120 of 5.00 0.8333…
    assert_eq!(tax("DE").await, ["1.45", "15.00"]);
    assert_eq!(tax("FR").await, ["0.83", "15.00"]);
    market.seller.ship_nothing().await;
    market.seller.shipping_method(json!({"name": "Free", "price": "0.00"})).await;
    assert_eq!(tax("DE").await, ["0.65", "10.00"], "what costs nothing holds no tax");
}

#[tokio::test]
async fn a_cart_with_a_destination_tells_what_the_order_will_cost() {
    let market = Market::open().await;
    let admin = market.admin().await;
    for (place, included, percent) in [("US-NY", false, "8.875"), ("DE", true, "19")] {
        let zone = admin.tax_zone(place, included).await;
        admin.tax_rate(&zone, "standard", percent).await;
    }
    let (guest, lamp) = (&market.guest, market.lamp.as_str());
    let cart = guest.cart(&[(lamp, 1)]).await;
    let shown = guest.client().get(&format!("/api/v1/carts/{cart}")).await.expect(200);
    assert_eq!((&shown["tax_total"], &shown["total"]), (&json!("0.00"), &json!("15.00")), "not known yet");
    for (place, tax, total) in [("DE", "2.40", "15.00"), ("FR", "0.00", "15.00"), ("US-ny", "1.33", "16.33")] {
        let shown = guest.send_to(&cart, place).await;
        assert_eq!((&shown["tax_total"], &shown["total"]), (&json!(tax), &json!(total)), "{place}");
        assert!(shown["obstacle"].is_null(), "{place}: {shown}");
    }
    let mut body = guest.placement(&cart);
    body["shipping_address"]["region"] = json!("NY");
    body["expected_total"] = json!("16.33");
    body["currency"] = json!("USD");
    let order = guest.client().post("/api/v1/orders", body).await.expect(201);
    assert_eq!((&order["tax_total"], &order["total"]), (&json!("1.33"), &json!("16.33")));
}

#[tokio::test]
async fn the_table_is_kept_by_administrators() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let client = &admin.client;
    let zone = admin.tax_zone("CA-qc", false).await;
    let shown = client.get(&format!("/api/v1/admin/tax-zones/{zone}")).await.expect(200);
    assert_eq!((&shown["region"], &shown["rates"]), (&json!("QC"), &json!([])));
    let again = json!({"name": "Again", "country": "CA", "region": " QC", "prices_include_tax": true});
    client.post("/api/v1/admin/tax-zones", again).await.refused(409, "ALREADY_EXISTS");
    for (country, region) in [("ca", ""), ("C", ""), ("", ""), ("C1", ""), ("CA", &"ß".repeat(60) as &str)] {
        let body = json!({"name": "Bad", "country": country, "region": region, "prices_include_tax": true});
        client.post("/api/v1/admin/tax-zones", body).await.refused(422, "INVALID_VALUE");
    }
    let bad = [
        json!({"percent": "100.0001"}),
        json!({"percent": "-1"}),
        json!({"percent": "8.87555"}),
        json!({"percent": "5", "tax_class": "Food"}),
        json!({"percent": "5", "tax_class": ""}),
        json!({"percent": "5", "starts_at": "2030-01-01T00:00:00Z", "ends_at": "2029-01-01T00:00:00Z"}),
        json!({"percent": "5", "starts_at": "+10000-01-01T00:00:00Z"}),
    ];
    for terms in bad {
        let status = admin.try_tax_rate(&zone, terms.clone()).await.status.as_u16();
        assert!([400, 422].contains(&status), "{terms}: {status}");
    }
    let year = json!({"percent": "5", "starts_at": "2026-01-01T00:00:00Z"});
    admin.try_tax_rate(&zone, year.clone()).await.expect(201);
    admin.try_tax_rate(&zone, year).await.refused(409, "ALREADY_EXISTS");
    admin.try_tax_rate(&zone, json!({"percent": "9.975", "starts_at": "2999-01-01T00:00:00Z"})).await.expect(201);
    admin.tax_rate(&zone, "shipping", "0").await;
    let shown = client.get(&format!("/api/v1/admin/tax-zones/{zone}")).await.expect(200);
    let now: Vec<_> = shown["rates"].as_array().expect("rates").iter().map(|rate| &rate["percent"]).collect();
    assert_eq!(now, [&json!("0"), &json!("5")], "of shipping and standard, what applies now");
    assert_eq!(client.list("/api/v1/admin/tax-zones").await, [shown]);
    assert_eq!(client.list(&format!("/api/v1/admin/tax-zones/{zone}/rates")).await.len(), 3);

    let once = json!({"name": "Once", "country": "MX", "prices_include_tax": true});
    let first = client.post_once("/api/v1/admin/tax-zones", "zone-1", once.clone()).await.expect(201);
    assert_eq!(client.post_once("/api/v1/admin/tax-zones", "zone-1", once).await.expect(201), first);
    let nobody = json!({"user_id": zone, "certificate": "1"});
    client.post("/api/v1/admin/tax-exemptions", nobody).await.refused(404, "NOT_FOUND");
}
