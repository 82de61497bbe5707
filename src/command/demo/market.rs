//! A small market: three approved sellers with their goods, and a shopper.

use serde_json::json;

use super::client::{Client, text};
use crate::command::Failure;

/// The people of the story.
pub struct Market {
    /// Nobody, who browses.
    pub visitor: Client,
    /// Ann, who buys.
    pub shopper: Client,
    /// The three shops.
    pub shops: Vec<Shop>,
    /// The marketplace's administrator.
    pub admin: Client,
}

/// A seller.
pub struct Shop {
    /// Its name.
    pub name: &'static str,
    /// Its id.
    pub seller_id: String,
    /// Its person.
    pub person: Client,
    /// Its warehouses: name and id.
    pub warehouses: Vec<(&'static str, String)>,
}

struct Plan {
    name: &'static str,
    email: &'static str,
    auto_accept: bool,
    shipping: &'static str,
    warehouses: &'static [(&'static str, &'static str, &'static str)],
    goods: &'static [Good],
}

struct Good {
    product: &'static str,
    variant: &'static str,
    sku: &'static str,
    price: &'static str,
    grams: u32,
    /// Units per warehouse.
    stock: &'static [u32],
}

const PLANS: [Plan; 3] = [
    Plan {
        name: "Lisbon Tiles",
        email: "lisbon-tiles@demo.example",
        auto_accept: false,
        shipping: "6.90",
        warehouses: &[("Lisbon", "Rua Augusta 24", "1100-053"), ("Porto", "Rua das Flores 9", "4050-265")],
        goods: &[
            Good {
                product: "Hand-painted tile",
                variant: "Blue, 14 cm",
                sku: "TILE-BLUE-14",
                price: "12.50",
                grams: 420,
                stock: &[40, 0],
            },
            Good {
                product: "Tile panel",
                variant: "Harbour, 6 tiles",
                sku: "TILE-PANEL-6",
                price: "89.00",
                grams: 2600,
                stock: &[0, 5],
            },
        ],
    },
    Plan {
        name: "Kyoto Paper",
        email: "kyoto-paper@demo.example",
        auto_accept: true,
        shipping: "4.50",
        warehouses: &[("Kyoto", "Teramachi 410", "604-0943")],
        goods: &[
            Good {
                product: "Washi notebook",
                variant: "A5, ruled",
                sku: "WASHI-A5",
                price: "18.30",
                grams: 240,
                stock: &[25],
            },
            Good { product: "Ink brush", variant: "Medium", sku: "BRUSH-M", price: "9.99", grams: 35, stock: &[60] },
        ],
    },
    Plan {
        name: "Oaxaca Wool",
        email: "oaxaca-wool@demo.example",
        auto_accept: true,
        shipping: "11.00",
        warehouses: &[("Oaxaca", "Calle Macedonio 5", "68000")],
        goods: &[Good {
            product: "Wool rug",
            variant: "120 x 80 cm",
            sku: "RUG-120",
            price: "149.95",
            grams: 3100,
            stock: &[3],
        }],
    },
];

/// Opens the market.
///
/// # Errors
/// [`Failure`] when a call is refused.
pub async fn open(url: &str, password: &str) -> Result<Market, Failure> {
    let visitor = Client::new(url)?;
    let admin = visitor.sign_in("admin@demo.example", password).await?;
    let mut shops = Vec::new();
    for plan in &PLANS {
        shops.push(shop(&visitor, &admin, plan, password).await?);
    }
    let welcome = json!({
        "name": "Welcome", "code": "WELCOME10", "kind": "percentage", "percent": "10", "target": "order",
        "currency": "USD", "maximum_discount": "50.00", "usage_limit": 100, "shopper_limit": 1,
    });
    admin.post("/api/v1/admin/promotions", welcome).await?;
    let shopper = visitor.register("ann@demo.example", "Ann Example", password).await?;
    Ok(Market { visitor, shopper, shops, admin })
}

async fn shop(visitor: &Client, admin: &Client, plan: &Plan, password: &str) -> Result<Shop, Failure> {
    let person = visitor.register(plan.email, plan.name, password).await?;
    let applied = person.post("/api/v1/me/seller", json!({"name": plan.name})).await?;
    let seller_id = text(&applied, "/id")?;
    admin.post(&format!("/api/v1/admin/sellers/{seller_id}/approve"), json!({})).await?;
    person.patch("/api/v1/seller", json!({"auto_accept": plan.auto_accept})).await?;
    let method = json!({"name": "Parcel", "price": plan.shipping, "currency": "USD", "min_days": 2, "max_days": 5});
    person.post("/api/v1/seller/shipping-methods", method).await?;
    let mut warehouses = Vec::new();
    for (city, street, code) in plan.warehouses {
        let country = match plan.name {
            "Lisbon Tiles" => "PT",
            "Kyoto Paper" => "JP",
            _ => "MX",
        };
        let place = json!({"name": city, "line1": street, "city": city, "postal_code": code, "country": country});
        let made = person.post("/api/v1/seller/warehouses", place).await?;
        warehouses.push((*city, text(&made, "/id")?));
    }
    for good in plan.goods {
        let product = json!({"name": good.product, "description": format!("{} by {}", good.product, plan.name)});
        let product = text(&person.post("/api/v1/seller/products", product).await?, "/id")?;
        let variant = json!({"sku": good.sku, "name": good.variant, "weight_grams": good.grams});
        let variant = person.post(&format!("/api/v1/seller/products/{product}/variants"), variant).await?;
        let offer = json!({"variant_id": text(&variant, "/id")?, "price": good.price, "currency": "USD"});
        let offer = text(&person.post("/api/v1/seller/offers", offer).await?, "/id")?;
        for ((_, warehouse), units) in warehouses.iter().zip(good.stock) {
            if *units > 0 {
                let path = format!("/api/v1/seller/inventory/{offer}/{warehouse}");
                person.put(&path, json!({"on_hand": units})).await?;
            }
        }
    }
    Ok(Shop { name: plan.name, seller_id, person, warehouses })
}
