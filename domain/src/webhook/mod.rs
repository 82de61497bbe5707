//! Webhooks to sellers, as Standard Webhooks has them: each event of a seller is posted to each of
//! the seller's endpoints that ask for it, at least once, in no promised order.
//!
//! [`projection`] writes a delivery per event and endpoint, in the transaction that moves its
//! position in the log. One job per endpoint sends what is due, so a slow endpoint takes one worker
//! and keeps nothing from others. What came of a post is written under the job's lease; a crash
//! between the two repeats the post with the same `webhook-id`.

pub mod address;
pub mod delivery;
pub mod endpoint;
pub mod filter;
mod payload;
pub mod projection;
pub mod redelivery;
pub mod retry;
pub mod secret;
pub mod signature;
pub mod target;
pub mod transition;
