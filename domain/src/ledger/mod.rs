//! Double entry: every movement of money is one transaction whose entries sum to zero.
//!
//! Debits are positive, credits negative. What the platform owes a seller is a liability, so a
//! seller's balance is minus the sum of their entries.

pub mod balance;
pub mod chart;
pub mod statement;

use sea_orm::{ActiveValue::Set, EntityTrait};
use souk_entity::id::{LedgerEntryId, LedgerTransactionId, OrderId, SellerId, SellerOrderId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{LedgerAccount, LedgerSource};
use souk_entity::{ledger_entry, ledger_transaction};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::money::sum;
use crate::store::Tx;

/// One side of a movement.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The account.
    pub account: LedgerAccount,
    /// Whose, for [`LedgerAccount::SellerPayable`] and [`LedgerAccount::SellerReserve`]; and of
    /// which seller order, where it is of one.
    pub seller: Option<(SellerId, Option<SellerOrderId>)>,
    /// Debit positive, credit negative; zero entries are left out.
    pub amount: MinorUnits,
}

/// A debit of `amount`.
pub fn debit(account: LedgerAccount, amount: MinorUnits) -> Entry {
    Entry { account, seller: None, amount }
}

/// A credit of `amount`.
pub fn credit(account: LedgerAccount, amount: MinorUnits) -> Entry {
    Entry { account, seller: None, amount: MinorUnits(-amount.0) }
}

/// A debit to what we owe a seller: they are owed less.
pub fn debit_seller(seller: SellerId, part: SellerOrderId, amount: MinorUnits) -> Entry {
    seller_entry(LedgerAccount::SellerPayable, seller, Some(part), amount)
}

/// A credit to what we owe a seller: they are owed more.
pub fn credit_seller(seller: SellerId, part: SellerOrderId, amount: MinorUnits) -> Entry {
    debit_seller(seller, part, MinorUnits(-amount.0))
}

/// An entry on an account that is kept per seller: debit positive, credit negative; `part` where
/// it is of one seller order.
pub fn seller_entry(
    account: LedgerAccount,
    seller: SellerId,
    part: Option<SellerOrderId>,
    amount: MinorUnits,
) -> Entry {
    Entry { account, seller: Some((seller, part)), amount }
}

/// What is posted.
#[derive(Clone, Copy, Debug)]
pub struct Posting<'a> {
    /// What moved the money …
    pub source: LedgerSource,
    /// … and which one: the pair is posted once.
    pub source_id: Uuid,
    /// The order concerned.
    pub order_id: Option<OrderId>,
    /// One currency for all entries.
    pub currency: CurrencyCode,
    /// Both sides.
    pub entries: &'a [Entry],
}

/// Writes a movement. One of nothing is not written.
///
/// # Errors
/// [`crate::Code::Internal`] when the entries do not sum to zero, or the source was posted before.
pub async fn post(tx: &Tx, posting: Posting<'_>) -> Result<()> {
    let entries: Vec<&Entry> = posting.entries.iter().filter(|entry| entry.amount.0 != 0).collect();
    if sum(entries.iter().map(|entry| entry.amount))? != MinorUnits::ZERO {
        return Err(Error::internal(format!("unbalanced: {posting:?}")));
    }
    if entries.is_empty() {
        return Ok(());
    }
    let id = LedgerTransactionId::at(tx.now);
    let amount = sum(entries.iter().map(|entry| entry.amount).filter(|amount| amount.0 > 0))?;
    let transaction = ledger_transaction::ActiveModel {
        id: Set(id),
        source_type: Set(posting.source),
        source_id: Set(posting.source_id),
        order_id: Set(posting.order_id),
        currency: Set(posting.currency),
        amount: Set(amount),
        occurred_at: Set(tx.now),
    };
    ledger_transaction::Entity::insert(transaction).exec_without_returning(&**tx).await?;
    let rows = entries.into_iter().map(|entry| ledger_entry::ActiveModel {
        id: Set(LedgerEntryId::at(tx.now)),
        transaction_id: Set(id),
        account: Set(entry.account),
        seller_id: Set(entry.seller.map(|(seller, _)| seller)),
        seller_order_id: Set(entry.seller.and_then(|(_, part)| part)),
        currency: Set(posting.currency),
        amount: Set(entry.amount),
        occurred_at: Set(tx.now),
    });
    ledger_entry::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}
