//! A ledger entry that a payout settles.

use sea_orm::entity::prelude::*;

use crate::id::{LedgerEntryId, PayoutId};
use crate::money::MinorUnits;

/// A ledger entry that a payout settles.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub payout_id: PayoutId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub ledger_entry_id: LedgerEntryId,
    /// What the seller gets of it; negative for what they owe.
    pub amount: MinorUnits,
    #[sea_orm(belongs_to, from = "payout_id", to = "id")]
    pub payout: BelongsTo<super::payout::Entity>,
    #[sea_orm(belongs_to, from = "ledger_entry_id", to = "id")]
    pub ledger_entry: BelongsTo<super::ledger_entry::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
