//! The simulated payment provider's book of payments.

use sea_orm::entity::prelude::*;

use crate::money::{CurrencyCode, MinorUnits};
use crate::status::SimulatedPaymentStatus;

/// The simulated payment provider's book of payments.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "simulated_payment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub idempotency_key: String,
    /// What its caller calls it, sent back in events.
    pub reference: String,
    pub amount: MinorUnits,
    pub captured_amount: MinorUnits,
    pub refunded_amount: MinorUnits,
    pub currency: CurrencyCode,
    pub status: SimulatedPaymentStatus,
    pub failure_code: Option<String>,
    /// The key of the capture that was done.
    pub capture_key: Option<String>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
