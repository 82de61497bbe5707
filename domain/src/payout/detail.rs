//! What a payout is made of, as it is shown.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use souk_entity::id::{LedgerEntryId, PayoutId, SellerOrderId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::LedgerSource;
use uuid::Uuid;

use crate::error::{Error, Result};

/// An entry that a payout settles, with where it comes from.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Item {
    /// The entry.
    pub ledger_entry_id: LedgerEntryId,
    /// What the seller got of it; negative for what they owed.
    pub amount: MinorUnits,
    /// Its currency.
    pub currency: CurrencyCode,
    /// What moved the money …
    pub source_type: LedgerSource,
    /// … and which one.
    pub source_id: Uuid,
    /// The seller order concerned, and its number.
    pub seller_order_id: Option<SellerOrderId>,
    /// What people call it.
    pub seller_order_number: Option<String>,
    /// When the money moved.
    pub occurred_at: DateTime<Utc>,
}

/// At most `limit` items of a payout whose entry is before `after`, the newest first.
///
/// # Errors
/// The database's.
pub async fn items(db: &impl ConnectionTrait, payout: PayoutId, after: Option<Uuid>, limit: u64) -> Result<Vec<Item>> {
    let sql = "SELECT i.ledger_entry_id AS ledger_entry_id, i.amount AS amount, e.currency AS currency, \
        t.source_type AS source_type, t.source_id AS source_id, e.seller_order_id AS seller_order_id, \
        s.number AS seller_order_number, e.occurred_at AS occurred_at \
        FROM payout_item i JOIN ledger_entry e ON e.id = i.ledger_entry_id \
        JOIN ledger_transaction t ON t.id = e.transaction_id \
        LEFT JOIN seller_order s ON s.id = e.seller_order_id \
        WHERE i.payout_id = $1 AND i.ledger_entry_id < $2 ORDER BY i.ledger_entry_id DESC LIMIT $3";
    let limit = i64::try_from(limit).map_err(Error::internal)?;
    // No UUIDv7 comes after the largest UUID.
    let values = [payout.into(), after.unwrap_or(Uuid::max()).into(), limit.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Item::find_by_statement(statement).all(db).await?)
}
