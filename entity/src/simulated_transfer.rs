//! The simulated payment provider's book of transfers.

use sea_orm::entity::prelude::*;

use crate::money::{CurrencyCode, MinorUnits};
use crate::status::SimulatedTransferStatus;

/// The simulated payment provider's book of transfers.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "simulated_transfer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub idempotency_key: String,
    pub account: String,
    pub amount: MinorUnits,
    pub currency: CurrencyCode,
    pub status: SimulatedTransferStatus,
    pub failure_code: Option<String>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
