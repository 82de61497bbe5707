//! A debit (positive) or credit (negative) on one account.

use sea_orm::entity::prelude::*;

use crate::id::{LedgerEntryId, LedgerTransactionId, SellerId, SellerOrderId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::LedgerAccount;

/// A debit (positive) or credit (negative) on one account.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LedgerEntryId,
    pub transaction_id: LedgerTransactionId,
    pub account: LedgerAccount,
    pub seller_id: Option<SellerId>,
    pub seller_order_id: Option<SellerOrderId>,
    pub currency: CurrencyCode,
    /// Debits positive, credits negative.
    pub amount: MinorUnits,
    pub occurred_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "transaction_id", to = "id")]
    pub transaction: BelongsTo<super::ledger_transaction::Entity>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<Option<super::seller::Entity>>,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<Option<super::seller_order::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
