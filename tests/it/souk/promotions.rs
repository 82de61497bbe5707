//! Promotions and commission rules, as those make them who may.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{send, text};
use super::seller::WAREHOUSE;
use super::{Admin, Answer, Client, Seller};

/// Terms as they are sent: for the whole order and named after their code, where they say nothing else.
pub fn promotion(mut terms: Value) -> Value {
    let name = terms["code"].as_str().unwrap_or("A promotion").to_owned();
    let fields = terms.as_object_mut().expect("an object");
    fields.entry("name").or_insert(json!(name));
    fields.entry("target").or_insert(json!("order"));
    terms
}

/// Changes something whatever its version is.
async fn change(client: &Client, path: &str, change: Value) -> Answer {
    send(client.request(Method::PATCH, path).header("If-Match", "*").json(&change)).await
}

impl Admin {
    /// Tries to make a promotion of the marketplace.
    pub async fn try_promotion(&self, terms: Value) -> Answer {
        self.client.post("/api/v1/admin/promotions", promotion(terms)).await
    }

    /// Makes a promotion of the marketplace, who bears it unless it says otherwise.
    pub async fn promotion(&self, terms: Value) -> Value {
        self.try_promotion(terms).await.expect(201)
    }

    /// How often a promotion is used.
    pub async fn uses(&self, promotion: &Value) -> i64 {
        let path = format!("/api/v1/admin/promotions/{}", text(&promotion["id"]));
        self.client.get(&path).await.expect(200)["used"].as_i64().expect("a number")
    }

    /// Changes a promotion.
    pub async fn change_promotion(&self, promotion: &Value, terms: Value) -> Answer {
        change(&self.client, &format!("/api/v1/admin/promotions/{}", text(&promotion["id"])), terms).await
    }

    /// Makes a commission rule; returns its id.
    pub async fn commission_rule(&self, mut terms: Value) -> String {
        terms.as_object_mut().expect("an object").entry("name").or_insert(json!("A rule"));
        let made = self.client.post("/api/v1/admin/commission-rules", terms).await.expect(201);
        text(&made["id"]).to_owned()
    }

    /// Adds a category, below another one if it is named; returns its id.
    pub async fn category(&self, slug: &str, parent: Option<&str>) -> String {
        let body = json!({"name": slug, "slug": slug, "parent_id": parent});
        text(&self.client.post("/api/v1/admin/categories", body).await.expect(201)["id"]).to_owned()
    }
}

impl Seller {
    /// Offers a hundred units of a new product of a category, at a price in USD; returns the offer's id.
    pub async fn offer_in(&self, sku: &str, price: &str, category: &str) -> String {
        let product = json!({"name": sku, "description": "", "category_id": category});
        let product = self.client.post("/api/v1/seller/products", product).await.expect(201);
        let path = format!("/api/v1/seller/products/{}/variants", text(&product["id"]));
        let variant = json!({"sku": sku, "name": "One", "weight_grams": 500});
        let variant = self.client.post(&path, variant).await.expect(201);
        let offer = json!({"variant_id": variant["id"], "price": price, "currency": "USD"});
        let offer = self.client.post("/api/v1/seller/offers", offer).await.expect(201);
        let offer = text(&offer["id"]).to_owned();
        self.stock(&offer, WAREHOUSE, 100).await;
        offer
    }

    /// Tries to make a promotion of the seller.
    pub async fn try_promotion(&self, terms: Value) -> Answer {
        self.client.post("/api/v1/seller/promotions", promotion(terms)).await
    }

    /// Makes a promotion that the seller bears.
    pub async fn promotion(&self, terms: Value) -> Value {
        self.try_promotion(terms).await.expect(201)
    }

    /// Changes a promotion.
    pub async fn change_promotion(&self, promotion: &Value, terms: Value) -> Answer {
        change(&self.client, &format!("/api/v1/seller/promotions/{}", text(&promotion["id"])), terms).await
    }
}
