//! Bad input is refused with the status and the code that tell what is wrong, in the one shape of
//! all errors, and never answered with a 5xx.

mod as_given;
mod body;
mod bounds;
mod cards;
mod checkout;
mod envelope;
mod fields;
mod full;
mod values;
mod words;

use reqwest::{Body, Method, RequestBuilder};
use serde_json::Value;

use crate::souk::{Answer, Client, Seller, Shopper, Souk, text};

/// An id of the right form that is nobody's.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// JSON, as few spell it.
const JSON_KINDS: [&str; 3] = ["application/JSON; charset=utf-8", "Application/Json", "application/x+JSON"];

/// The error of a refusal, after a look at what all errors have in common.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.expect(status);
    assert_eq!(body.as_object().map(|fields| fields.len()), Some(1), "only an error: {body}");
    let error = answer.refused(status, code);
    assert_eq!(error.as_object().map(|fields| fields.len()), Some(4), "{error}");
    assert!(error["details"].is_array(), "{error}");
    assert!(text(&error["message"]).len() > 10, "{error}");
    assert_eq!(answer.header("x-request-id"), error["request_id"].as_str(), "{error}");
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    error
}

/// The error of an answer that may be any refusal of the caller, and no failure of ours.
#[track_caller]
fn refused_somehow(answer: &Answer, what: &str) {
    let status = answer.status.as_u16();
    assert!((400..500).contains(&status), "{what}: {status} {}", answer.json());
    refused(answer, status, text(&answer.json()["error"]["code"]));
}

/// A shopper with a cart of an offer for 10.00 USD, and its seller.
struct Shop {
    souk: Souk,
    seller: Seller,
    shopper: Shopper,
    offer: String,
    cart: String,
}

impl Shop {
    async fn open() -> Self {
        Self::of(Souk::start().await).await
    }

    async fn of(souk: Souk) -> Self {
        let seller = souk.seller("A Shop").await;
        let offer = seller.offer("LAMP", "10.00", 10).await;
        let shopper = souk.guest();
        let cart = shopper.cart(&[(&offer, 1)]).await;
        Self { souk, seller, shopper, offer, cart }
    }

    fn placement(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut body = self.shopper.placement(&self.cart);
        change(&mut body);
        body
    }

    async fn place(&self, change: impl FnOnce(&mut Value)) -> Answer {
        self.shopper.client().post("/api/v1/orders", self.placement(change)).await
    }

    async fn orders(&self) -> i64 {
        self.souk.database().number("SELECT count(*) FROM orders", []).await
    }
}

fn raw(client: &Client, path: &str, body: impl Into<Body>) -> RequestBuilder {
    client.request(Method::POST, path).header("content-type", "application/json").body(body)
}
