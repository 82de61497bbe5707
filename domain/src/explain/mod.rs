//! How amounts came about, from what was recorded when they did: the steps of pricing, the units
//! of a refund, the entries of a payout. Nothing is worked out anew, so an explanation that does
//! not add up is a fault in the books, and says so.

mod line;
mod part;
mod payout;
mod posted;
mod refund;
mod step;

use sea_orm::ConnectionTrait;
use souk_entity::id::SellerId;
use souk_entity::money::{CurrencyCode, MinorUnits};
use uuid::Uuid;

pub use posted::Posted;
pub use step::{Step, StepKind, Units};

use crate::error::Result;
use crate::money::sum;

/// What can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A line of an order.
    OrderLine,
    /// One seller's part of an order.
    SellerOrder,
    /// A refund.
    Refund,
    /// A payout.
    Payout,
}

/// How the amounts of a thing came about, and what was entered in the ledger for it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What is explained …
    pub subject: Subject,
    /// … and which one.
    pub id: Uuid,
    /// Of every amount in it.
    pub currency: CurrencyCode,
    /// Its amounts.
    pub amounts: Vec<Amount>,
    /// The ledger entries that it made, oldest first.
    pub entries: Vec<Posted>,
}

/// An amount and its steps.
#[derive(Clone, Debug)]
pub struct Amount {
    /// Its name, as the API and the schema have it.
    pub name: &'static str,
    /// How much.
    pub amount: MinorUnits,
    /// How it is worked out, in a sentence with numbers.
    pub formula: String,
    /// What it is the sum of.
    pub steps: Vec<Step>,
}

impl Amount {
    /// Whether the steps sum to the amount.
    pub fn adds_up(&self) -> bool {
        sum(self.steps.iter().map(|step| step.amount)).is_ok_and(|sum| sum == self.amount)
    }
}

/// Explains a thing; `seller` limits it to the seller's own, `None` is for operators.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another seller's.
pub async fn explain(
    db: &impl ConnectionTrait,
    subject: Subject,
    id: Uuid,
    seller: Option<SellerId>,
) -> Result<Explanation> {
    match subject {
        Subject::OrderLine => line::explain(db, id.into(), seller).await,
        Subject::SellerOrder => part::explain(db, id.into(), seller).await,
        Subject::Refund => refund::explain(db, id.into(), seller).await,
        Subject::Payout => payout::explain(db, id.into(), seller).await,
    }
}
