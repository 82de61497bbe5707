//! One movement of money; its entries sum to zero.

use sea_orm::entity::prelude::*;

use crate::id::{LedgerTransactionId, OrderId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::LedgerSource;

/// One movement of money; its entries sum to zero.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_transaction")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LedgerTransactionId,
    pub source_type: LedgerSource,
    pub source_id: Uuid,
    pub order_id: Option<OrderId>,
    pub currency: CurrencyCode,
    /// The sum moved: that of its debits.
    pub amount: MinorUnits,
    pub occurred_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<Option<super::order::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
