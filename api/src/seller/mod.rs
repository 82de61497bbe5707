//! What sellers do. Every row is read and changed as the seller's own; another's answers 404.

pub mod api_keys;
pub mod batches;
pub mod catalogue;
pub mod checklist;
pub mod commission_rules;
pub mod explain;
pub mod holiday;
pub mod inventory;
pub mod offers;
pub mod orders;
pub mod payouts;
pub mod percent;
pub mod promotion_terms;
pub mod promotions;
pub mod refunds;
pub mod return_policy;
pub mod returns;
pub mod settings;
pub mod shipments;
pub mod shipping_methods;
pub mod shipping_zones;
pub mod statement;
pub mod team;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
