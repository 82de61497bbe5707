//! What the marketplace's people do: operators read, admins change.

pub mod api_keys;
pub mod audit;
pub mod batches;
pub mod catalogue;
pub mod commission_rules;
pub mod events;
pub mod explain;
pub mod jobs;
pub mod ledger;
pub mod notifications;
pub mod orders;
pub mod payouts;
pub mod privacy;
pub mod products;
pub mod promotions;
pub mod refund_approvals;
pub mod refunds;
pub mod schedules;
pub mod seller_requirements;
pub mod sellers;
pub mod statements;
pub mod tax_exemptions;
pub mod tax_zones;
pub mod users;
pub mod webhooks;
