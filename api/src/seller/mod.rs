//! What sellers do. Every row is read and changed as the seller's own; another's answers 404.

pub mod batches;
pub mod catalogue;
pub mod coupons;
pub mod inventory;
pub mod offers;
pub mod orders;
pub mod percent;
pub mod returns;
pub mod settings;
pub mod shipments;
pub mod shipping_methods;
