//! Promotions: who makes and changes them, what each takes off, how often, and who pays for it.

mod caps;
mod limits;
mod managed;
mod priced;

use serde_json::Value;

use crate::souk::{Shopper, text};

/// A cart with codes put in, as it is priced now.
async fn cart_with(shopper: &Shopper, lines: &[(&str, i64)], codes: &[&str]) -> Value {
    let cart = shopper.cart(lines).await;
    for code in codes {
        shopper.use_coupon(&cart, code).await.expect(200);
    }
    see(shopper, &cart).await
}

/// A cart as it is priced now.
async fn see(shopper: &Shopper, cart: &str) -> Value {
    shopper.client().get(&format!("/api/v1/carts/{cart}")).await.expect(200)
}

/// The code that placing a cart would be refused with.
fn obstacle(cart: &Value) -> Option<&str> {
    cart["obstacle"].get("code").map(text)
}
