//! What the marketplace's people do: operators read, admins change.

pub mod catalogue;
pub mod jobs;
pub mod ledger;
pub mod orders;
pub mod sellers;
