//! The rules of the marketplace and the ports to the outside.
//!
//! Pure rules (money, transitions, pricing) take values and give values. Operations take the
//! transaction they write in and leave commit and retry to [`store::Store`]. No HTTP, no queue
//! and no client is known here; time and randomness are passed in.

pub mod access;
pub mod account;
pub mod actor;
pub mod audit;
pub mod batch;
pub mod bulk;
pub mod cache;
pub mod card;
pub mod cart;
pub mod catalogue;
pub mod clock;
pub mod commission;
pub mod constraint;
pub mod error;
pub mod event;
pub mod explain;
pub mod failpoint;
pub mod history;
pub mod inbox;
pub mod job;
pub mod json;
mod keyed_hash;
pub mod ledger;
pub mod limit;
pub mod money;
pub mod notification;
pub mod order;
pub mod payment;
pub mod payout;
pub mod place;
pub mod port;
pub mod privacy;
pub mod promotion;
pub mod returns;
pub mod schedule;
pub mod shipment;
pub mod shipping;
pub mod spreadsheet;
pub mod store;
pub mod tax;
pub mod text;
pub mod transition;
pub mod validity;
pub mod vault;
pub mod verify;
pub mod webhook;

pub use clock::Clock;
pub use error::{Code, Error, Result};
pub use store::{Store, Tx};
