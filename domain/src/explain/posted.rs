//! The ledger entries that something made.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use souk_entity::id::{LedgerTransactionId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{LedgerAccount, LedgerSource};
use uuid::Uuid;

use crate::error::Result;

/// The most entries that are named, the oldest.
const MOST: usize = 1_000;

/// A ledger entry.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Posted {
    /// Its transaction.
    pub transaction_id: LedgerTransactionId,
    /// What moved the money …
    pub source: LedgerSource,
    /// … and which one.
    pub source_id: Uuid,
    /// The account.
    pub account: LedgerAccount,
    /// Debit positive, credit negative.
    pub amount: MinorUnits,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

/// All entries of transactions that are of a seller order alone, and its own of those that are of
/// its whole order.
pub(super) async fn of_part(db: &impl ConnectionTrait, part: SellerOrderId) -> Result<Vec<Posted>> {
    // A refund that the platform bears has no entry of the seller.
    let condition = "e.transaction_id IN (SELECT m.transaction_id FROM ledger_entry m WHERE m.seller_order_id = $1 \
             UNION SELECT r.id FROM ledger_transaction r WHERE r.source_type = 'refund' \
                 AND r.source_id IN (SELECT id FROM refund WHERE seller_order_id = $1)) \
         AND (e.seller_order_id = $1 OR t.source_type <> 'capture')";
    read(db, condition, part.into()).await
}

/// What was entered for the goods of a seller order when they were paid: its lines share it.
pub(super) async fn of_sale(db: &impl ConnectionTrait, part: SellerOrderId) -> Result<Vec<Posted>> {
    let condition = "e.transaction_id IN (SELECT m.transaction_id FROM ledger_entry m WHERE m.seller_order_id = $1) \
         AND (t.source_type = 'commission' OR (t.source_type = 'capture' AND e.seller_order_id = $1))";
    read(db, condition, part.into()).await
}

/// All entries of a refund.
pub(super) async fn of_refund(db: &impl ConnectionTrait, refund: Uuid) -> Result<Vec<Posted>> {
    read(db, "t.source_type IN ('refund', 'commission_reversal') AND t.source_id = $1", refund).await
}

/// All entries of a payout and its reserve.
pub(super) async fn of_payout(db: &impl ConnectionTrait, payout: Uuid) -> Result<Vec<Posted>> {
    let condition = "t.source_type IN ('payout', 'payout_paid', 'payout_failed', 'payout_returned', 'reserve_hold', \
         'reserve_release') AND t.source_id = $1";
    read(db, condition, payout).await
}

async fn read(db: &impl ConnectionTrait, condition: &str, id: Uuid) -> Result<Vec<Posted>> {
    let sql = format!(
        "SELECT t.id AS transaction_id, t.source_type AS source, t.source_id AS source_id, e.account AS account, \
             e.amount AS amount, e.occurred_at AS occurred_at \
         FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id \
         WHERE {condition} ORDER BY e.occurred_at, e.id LIMIT {MOST}"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [id.into()]);
    Ok(Posted::find_by_statement(statement).all(db).await?)
}
