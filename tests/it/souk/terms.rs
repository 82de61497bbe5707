//! What a market's prices depend on besides the goods: tax, and what shipping costs.

use serde_json::{Value, json};

use super::client::text;
use super::seller::WAREHOUSE;
use super::{Admin, Answer, Order, Seller, Shopper};

/// What is offered, in so many units that there are always enough.
#[derive(Clone, Copy, Debug)]
pub struct Goods<'a> {
    /// The SKU.
    pub sku: &'a str,
    /// Of one unit.
    pub price: &'a str,
    /// The price's currency.
    pub currency: &'a str,
    /// The weight of one unit.
    pub grams: i64,
    /// Which tax rates apply.
    pub tax_class: &'a str,
}

impl<'a> Goods<'a> {
    /// Half a kilogram of the standard class, in USD.
    pub fn new(sku: &'a str, price: &'a str) -> Self {
        Self { sku, price, currency: "USD", grams: 500, tax_class: "standard" }
    }
}

impl Seller {
    /// Offers a new product; returns the offer's id.
    pub async fn offer_goods(&self, goods: Goods<'_>) -> String {
        let product = json!({"name": goods.sku, "description": "", "tax_class": goods.tax_class});
        let product = self.client.post("/api/v1/seller/products", product).await.expect(201);
        assert_eq!(product["tax_class"], goods.tax_class);
        let variant = json!({"sku": goods.sku, "name": "One", "weight_grams": goods.grams});
        let path = format!("/api/v1/seller/products/{}/variants", text(&product["id"]));
        let variant = self.client.post(&path, variant).await.expect(201);
        let offer = json!({"variant_id": variant["id"], "price": goods.price, "currency": goods.currency});
        let offer = self.client.post("/api/v1/seller/offers", offer).await.expect(201);
        let offer = text(&offer["id"]).to_owned();
        self.stock(&offer, WAREHOUSE, 1_000).await;
        offer
    }

    /// Tries to add a way of shipping that takes 1 to 3 days.
    pub async fn try_shipping_method(&self, mut terms: Value) -> Answer {
        let method = terms.as_object_mut().expect("an object");
        for (name, value) in [("currency", json!("USD")), ("min_days", json!(1)), ("max_days", json!(3))] {
            method.entry(name).or_insert(value);
        }
        self.client.post("/api/v1/seller/shipping-methods", terms).await
    }

    /// Adds a way of shipping that takes 1 to 3 days; returns its id.
    pub async fn shipping_method(&self, terms: Value) -> String {
        text(&self.try_shipping_method(terms).await.expect(201)["id"]).to_owned()
    }

    /// Changes a way of shipping.
    pub async fn change_shipping_method(&self, id: &str, change: Value) -> Answer {
        self.client.patch(&format!("/api/v1/seller/shipping-methods/{id}"), change).await
    }

    /// Takes every way of shipping out of use.
    pub async fn ship_nothing(&self) {
        for method in self.client.list("/api/v1/seller/shipping-methods").await {
            self.change_shipping_method(text(&method["id"]), json!({"active": false})).await.expect(200);
        }
    }

    /// Adds a shipping zone of countries and, after a hyphen, their regions; returns its id.
    pub async fn shipping_zone(&self, name: &str, places: &[&str]) -> String {
        let body = json!({"name": name, "places": self::places(places)});
        text(&self.client.post("/api/v1/seller/shipping-zones", body).await.expect(201)["id"]).to_owned()
    }
}

/// `US-CA` is a region, `US` a country.
pub fn places(names: &[&str]) -> Vec<Value> {
    let place = |name: &&str| match name.split_once('-') {
        Some((country, region)) => json!({"country": country, "region": region}),
        None => json!({"country": name}),
    };
    names.iter().map(place).collect()
}

impl Admin {
    /// Adds a tax zone of a country, or of a region after a hyphen; returns its id.
    pub async fn tax_zone(&self, place: &str, prices_include_tax: bool) -> String {
        let mut body = places(&[place]).remove(0);
        body["name"] = json!(format!("Zone {}", place.trim()));
        body["prices_include_tax"] = json!(prices_include_tax);
        text(&self.client.post("/api/v1/admin/tax-zones", body).await.expect(201)["id"]).to_owned()
    }

    /// Tries to add a tax rate to a zone.
    pub async fn try_tax_rate(&self, zone: &str, mut terms: Value) -> Answer {
        let rate = terms.as_object_mut().expect("an object");
        rate.entry("name").or_insert(json!("Tax"));
        rate.entry("tax_class").or_insert(json!("standard"));
        self.client.post(&format!("/api/v1/admin/tax-zones/{zone}/rates"), terms).await
    }

    /// Adds a tax rate from now on to a zone; returns its id.
    pub async fn tax_rate(&self, zone: &str, class: &str, percent: &str) -> String {
        let rate = self.try_tax_rate(zone, json!({"tax_class": class, "percent": percent})).await.expect(201);
        text(&rate["id"]).to_owned()
    }
}

impl Shopper {
    /// Says that a cart goes to a country, or to a region of one after a hyphen; returns the cart.
    pub async fn send_to(&self, cart: &str, place: &str) -> Value {
        let body = places(&[place]).remove(0);
        self.client().put(&format!("/api/v1/carts/{cart}/destination"), body).await.expect(200)
    }

    /// Tries to place a cart to a country, or to a region of one after a hyphen.
    pub async fn try_place_to(&self, cart: &str, place: &str) -> Answer {
        let mut body = self.placement(cart);
        let (country, region) =
            place.split_once('-').map_or((place, None), |(country, region)| (country, Some(region)));
        body["shipping_address"]["country"] = json!(country);
        body["shipping_address"]["region"] = json!(region);
        self.client().post("/api/v1/orders", body).await
    }

    /// Places a cart to a country, or to a region of one after a hyphen.
    pub async fn place_to(&self, cart: &str, place: &str) -> Order {
        Order(self.try_place_to(cart, place).await.expect(201))
    }
}
