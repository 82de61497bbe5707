//! One attempt at the payment provider for an order.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, PaymentId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::PaymentStatus;

/// One attempt at the payment provider for an order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PaymentId,
    pub order_id: OrderId,
    pub provider: String,
    pub provider_ref: Option<String>,
    pub amount: MinorUnits,
    pub authorized_amount: MinorUnits,
    pub captured_amount: MinorUnits,
    pub currency: CurrencyCode,
    pub status: PaymentStatus,
    /// Where the shopper confirms the payment at the provider.
    pub confirm_url: Option<String>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
