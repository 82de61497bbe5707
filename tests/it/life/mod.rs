//! The lives that an order can have, from the cart to the books.

mod cancellation;
mod edits;
mod edits_later;
mod journey;
mod payment;
mod return_policy;
mod returns;
