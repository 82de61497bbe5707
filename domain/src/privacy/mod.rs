//! What a person can ask of the marketplace: to be forgotten.
//!
//! Erasing destroys the person's key, and with it everything that it sealed, in every copy. What the
//! books need stays: orders, parts, amounts, ledger and statements, with the country and region that
//! tax went by.

mod erasure;

pub use erasure::{erase_account, erase_guest, erase_own};
