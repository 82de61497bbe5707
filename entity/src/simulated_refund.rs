//! The simulated payment provider's book of refunds.

use sea_orm::entity::prelude::*;

use crate::money::MinorUnits;

/// The simulated payment provider's book of refunds.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "simulated_refund")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub payment_id: String,
    pub idempotency_key: String,
    pub amount: MinorUnits,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
