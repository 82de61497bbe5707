//! What shoppers do.

pub mod account;
pub mod addresses;
pub mod carts;
pub mod orders;
pub mod privacy;
pub mod profile;
pub mod returns;
pub mod security;
pub mod sessions;
pub mod team;
pub mod totp;
