//! An order as the API shows it.

use serde_json::Value;

use super::Seller;
use super::client::text;
use super::simulator::cents;

/// An order.
#[derive(Clone, Debug)]
pub struct Order(pub Value);

impl Order {
    /// Its id.
    pub fn id(&self) -> &str {
        text(&self.0["id"])
    }

    /// Its status.
    pub fn status(&self) -> &str {
        text(&self.0["status"])
    }

    /// Its total in cents.
    pub fn total(&self) -> i64 {
        cents(&self.0["total"])
    }

    /// Its seller orders.
    pub fn parts(&self) -> Vec<Part<'_>> {
        self.0["seller_orders"].as_array().expect("seller orders").iter().map(Part).collect()
    }

    /// The seller order of a seller.
    #[track_caller]
    pub fn part(&self, seller: &Seller) -> Part<'_> {
        let found = self.parts().into_iter().find(|part| part.0["seller_id"] == seller.id.as_str());
        found.unwrap_or_else(|| panic!("nothing of seller {} is in {}", seller.id, self.0))
    }
}

/// A seller order.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a>(pub &'a Value);

impl<'a> Part<'a> {
    /// Its id.
    pub fn id(self) -> &'a str {
        text(&self.0["id"])
    }

    /// Its status.
    pub fn status(self) -> &'a str {
        text(&self.0["status"])
    }

    /// An amount of it in cents, such as `total`.
    pub fn cents(self, field: &str) -> i64 {
        cents(&self.0[field])
    }

    /// Its lines.
    pub fn lines(self) -> &'a [Value] {
        self.0["lines"].as_array().expect("lines")
    }

    /// The id of its only line.
    #[track_caller]
    pub fn line(self) -> &'a str {
        assert_eq!(self.lines().len(), 1, "{}", self.0);
        text(&self.lines()[0]["id"])
    }
}
