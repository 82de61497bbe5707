//! Promotions that can be used only so often, wanted by many at once.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::souk::{Answer, Shopper, Souk, text};

/// How many of the orders that were placed have a discount.
fn discounted(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 201 && answer.json()["discount_total"] != "0.00").count()
}

#[track_caller]
fn exhausted(answers: &[Answer]) -> usize {
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 201).collect();
    refused.iter().for_each(|answer| drop(answer.refused(409, "COUPON_EXHAUSTED")));
    refused.len()
}

/// Thirty carts of one unit, of so many guests.
async fn carts(souk: &Souk, guests: usize, offer: &str, code: Option<&str>) -> Vec<(usize, Vec<Shopper>, Vec<String>)> {
    let shoppers: Vec<Shopper> = (0..guests).map(|_| souk.guest()).collect();
    let mut ids = Vec::new();
    for place in 0..30 {
        let shopper = &shoppers[place % guests];
        let cart = shopper.cart(&[(offer, 1)]).await;
        if let Some(code) = code {
            shopper.use_coupon(&cart, code).await.expect(200);
        }
        ids.push(cart);
    }
    vec![(guests, shoppers, ids)]
}
