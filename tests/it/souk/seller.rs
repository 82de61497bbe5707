//! A seller.

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::client::text;
use super::{Answer, Client, eventually};

/// A seller's owner, signed in.
pub struct Seller {
    /// Their client.
    pub client: Client,
    /// The seller's id.
    pub id: String,
    warehouses: Mutex<Vec<(String, String)>>,
}

/// What the seller's first warehouse is called.
pub const WAREHOUSE: &str = "Main";

impl Seller {
    /// Applies to sell.
    pub async fn apply(client: Client, name: &str) -> Self {
        let applied = client.post("/api/v1/me/seller", json!({"name": name})).await.expect(201);
        Self { client, id: text(&applied["id"]).to_owned(), warehouses: Mutex::default() }
    }

    /// Makes the first warehouse and a shipping method for 5.00 USD.
    pub async fn settle_in(self) -> Self {
        self.warehouse(WAREHOUSE).await;
        let method = json!({"name": "Standard", "price": "5.00", "currency": "USD", "min_days": 2, "max_days": 5});
        self.client.post("/api/v1/seller/shipping-methods", method).await.expect(201);
        self
    }

    /// The id of a warehouse, made when there is none of the name.
    pub async fn warehouse(&self, name: &str) -> String {
        let mut warehouses = self.warehouses.lock().await;
        if let Some((_, id)) = warehouses.iter().find(|(known, _)| known == name) {
            return id.clone();
        }
        let body = json!({"name": name, "line1": "1 Dock Road", "city": "Newark", "region": "NJ",
                          "postal_code": "07102", "country": "US"});
        let made = self.client.post("/api/v1/seller/warehouses", body).await.expect(201);
        let id = text(&made["id"]).to_owned();
        warehouses.push((name.to_owned(), id.clone()));
        id
    }

    /// Offers a new product at a price in USD, with so much stock in the first warehouse; returns
    /// the offer's id.
    pub async fn offer(&self, sku: &str, price: &str, stock: i64) -> String {
        let offer = self.offer_without_stock(sku, price).await;
        self.stock(&offer, WAREHOUSE, stock).await;
        offer
    }

    /// Offers a new product that is nowhere in stock; returns the offer's id.
    pub async fn offer_without_stock(&self, sku: &str, price: &str) -> String {
        let product = json!({"name": format!("Product {sku}"), "description": "For a test."});
        let product = self.client.post("/api/v1/seller/products", product).await.expect(201);
        let path = format!("/api/v1/seller/products/{}/variants", text(&product["id"]));
        let variant = json!({"sku": sku, "name": "Standard", "weight_grams": 500});
        let variant = self.client.post(&path, variant).await.expect(201);
        let offer = json!({"variant_id": variant["id"], "price": price, "currency": "USD"});
        let offer = self.client.post("/api/v1/seller/offers", offer).await.expect(201);
        text(&offer["id"]).to_owned()
    }

    /// Sets how much of an offer is in a warehouse.
    pub async fn stock(&self, offer: &str, warehouse: &str, on_hand: i64) {
        let path = format!("/api/v1/seller/inventory/{offer}/{}", self.warehouse(warehouse).await);
        self.client.put(&path, json!({"on_hand": on_hand})).await.expect(200);
    }

    /// What is on hand and what is reserved of an offer, over all warehouses.
    pub async fn inventory(&self, offer: &str) -> (i64, i64) {
        let levels = self.client.list("/api/v1/seller/inventory").await;
        let sum = |field: &str| {
            let of_offer = levels.iter().filter(|level| level["offer_id"] == offer);
            of_offer.map(|level| level[field].as_i64().expect("a quantity")).sum()
        };
        (sum("on_hand"), sum("reserved"))
    }

    /// Changes the seller's settings.
    pub async fn configure(&self, settings: Value) {
        self.client.patch("/api/v1/seller", settings).await.expect(200);
    }

    /// Accepts a seller order.
    pub async fn accept(&self, part: &str) -> Answer {
        self.client.post_empty(&format!("/api/v1/seller/orders/{part}/accept")).await
    }

    /// Rejects a seller order.
    pub async fn reject(&self, part: &str) -> Answer {
        self.client.post(&format!("/api/v1/seller/orders/{part}/reject"), json!({"reason": "sold out"})).await
    }

    /// Packs all of a seller order that a warehouse holds into a parcel; returns it once its label
    /// is bought.
    pub async fn ship(&self, part: &str, warehouse: &str) -> Value {
        let parcel = self.pack(part, warehouse).await.expect(201);
        self.labelled(text(&parcel["id"])).await
    }

    /// Packs all of a seller order that a warehouse holds into a parcel.
    pub async fn pack(&self, part: &str, warehouse: &str) -> Answer {
        let body = json!({"warehouse_id": self.warehouse(warehouse).await});
        self.client.post(&format!("/api/v1/seller/orders/{part}/shipments"), body).await
    }

    /// A parcel, once its label is bought.
    pub async fn labelled(&self, shipment: &str) -> Value {
        self.shipment_until(shipment, "labelled").await
    }

    /// A parcel, once it has the status.
    pub async fn shipment_until(&self, shipment: &str, status: &str) -> Value {
        eventually(&format!("the parcel is {status}"), async || {
            let parcel = self.client.get(&format!("/api/v1/seller/shipments/{shipment}")).await.expect(200);
            (parcel["status"] == status).then_some(parcel)
        })
        .await
    }

    /// Approves a return.
    pub async fn approve_return(&self, id: &str) -> Answer {
        self.client.post_empty(&format!("/api/v1/seller/returns/{id}/approve")).await
    }

    /// Receives so many units of a line of a return, as new and back on the shelf.
    pub async fn receive(&self, id: &str, line: &str, quantity: i64) -> Answer {
        let line = json!({"line_id": line, "quantity": quantity, "condition": "as_new", "restock": true});
        self.client.post(&format!("/api/v1/seller/returns/{id}/receive"), json!({"lines": [line]})).await
    }
}
