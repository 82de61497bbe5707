//! What shoppers do.

pub mod account;
pub mod carts;
pub mod orders;
pub mod privacy;
pub mod returns;
pub mod security;
pub mod sessions;
