//! The simulated payment provider's transfers: money sent on to accounts of others, at once.

use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::Serialize;
use souk_domain::Tx;
use souk_domain::error::{Code, Error, Result};
use souk_domain::money::Money;
use souk_domain::port::{ProviderTransfer, ProviderTransferStatus};
use souk_entity::id::uuid_at;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::simulated_transfer::{ActiveModel, Column, Entity, Model};
use souk_entity::status::{InboxSource, SimulatedTransferStatus as Status};

use super::line::{Answer, Refusal, Shared};
use super::outbox;
use super::payment::{KEY_LENGTH, check_amount, check_length, key_reused};

/// An account whose name begins so is closed: what is sent there fails.
const CLOSED: &str = "acct_closed";

/// The book has room for this many characters of an account.
const ACCOUNT_LENGTH: usize = 100;

/// A transfer as the provider's own books have it; the amount in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// The provider's id.
    pub id: String,
    /// Whose account it went to.
    pub account: String,
    /// Where it stands.
    pub status: Status,
    /// How much.
    pub amount: MinorUnits,
    /// ISO 4217.
    pub currency: CurrencyCode,
    /// Why it failed, or came back.
    pub failure_code: Option<String>,
}

impl From<Model> for Transfer {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            account: row.account,
            status: row.status,
            amount: row.amount,
            currency: row.currency,
            failure_code: row.failure_code,
        }
    }
}

/// The body of a webhook.
#[derive(Serialize)]
struct Event {
    id: String,
    r#type: &'static str,
    /// Unix seconds.
    created: i64,
    data: EventData,
}

#[derive(Serialize)]
struct EventData {
    transfer: Transfer,
}

/// Sends money on, once per key.
pub(super) async fn send(
    shared: &Arc<Shared>,
    account: &str,
    amount: Money,
    key: &str,
) -> Result<Answer<ProviderTransfer>> {
    let checked = check_amount(amount)
        .and_then(|()| check_length("key", key, KEY_LENGTH))
        .and_then(|()| check_length("account", account, ACCOUNT_LENGTH));
    if let Err(refusal) = checked {
        return Ok(Err(refusal));
    }
    shared
        .transact(async |tx| {
            let closed = account.starts_with(CLOSED);
            let id = format!("simtr_{}", uuid_at(tx.now).simple());
            // A concurrent call with the same key waits here until this one has committed.
            Entity::insert(ActiveModel {
                id: Set(id.clone()),
                idempotency_key: Set(key.to_owned()),
                account: Set(account.to_owned()),
                amount: Set(amount.amount),
                currency: Set(amount.currency),
                status: Set(if closed { Status::Failed } else { Status::Paid }),
                failure_code: Set(closed.then(|| "account_closed".to_owned())),
                created_at: Set(tx.now),
            })
            .on_conflict_do_nothing_on([Column::IdempotencyKey])
            .exec_without_returning(&**tx)
            .await?;
            let row = Entity::find()
                .filter(Column::IdempotencyKey.eq(key))
                .one(&**tx)
                .await?
                .ok_or_else(|| Error::internal("the transfer just written is not there"))?;
            if (row.account.as_str(), row.amount, row.currency) != (account, amount.amount, amount.currency) {
                return Ok(Err(key_reused()));
            }
            if row.id == id {
                tell(&tx, &row).await?;
            }
            Ok(Ok(answer(row)))
        })
        .await
}

/// A transfer as it stands.
pub(super) async fn find(shared: &Arc<Shared>, id: &str) -> Result<Answer<ProviderTransfer>> {
    let row = Entity::find_by_id(id).one(shared.store.read()).await?;
    Ok(row.map(answer).ok_or_else(|| Refusal::new("no_such_transfer", "There is no transfer of this id.")))
}

/// The transfer of a key, as it stands.
pub(super) async fn find_by_key(shared: &Arc<Shared>, key: &str) -> Result<Answer<Option<ProviderTransfer>>> {
    let row = Entity::find().filter(Column::IdempotencyKey.eq(key)).one(shared.store.read()).await?;
    Ok(Ok(row.map(answer)))
}

/// The bank of the account's owner sends a transfer back.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] when it was not sent, or came back before.
pub(super) async fn send_back(tx: &Tx, id: &str) -> Result<Transfer> {
    let row = Entity::find_by_id(id).lock_exclusive().one(&**tx).await?;
    let row = row.ok_or_else(|| Error::not_found("simulated transfer"))?;
    if row.status != Status::Paid {
        let message = format!("The transfer is {}; only a paid one can come back.", row.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let mut returned = Entity::update_many()
        .col_expr(Column::Status, Expr::value(Status::Returned))
        .col_expr(Column::FailureCode, Expr::value(Some("returned_by_bank")))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(Status::Paid))
        .exec_with_returning(&**tx)
        .await?;
    let Some(row) = returned.pop() else {
        return Err(Error::new(Code::ConcurrentChange, "The transfer changed at the same moment."));
    };
    tell(tx, &row).await?;
    Ok(row.into())
}

/// Queues the webhook of a transfer that has changed.
async fn tell(tx: &Tx, row: &Model) -> Result<()> {
    let (created, transfer) = (tx.now.timestamp(), Transfer::from(row.clone()));
    let r#type = match row.status {
        Status::Paid => "transfer.paid",
        Status::Failed => "transfer.failed",
        Status::Returned => "transfer.returned",
    };
    outbox::queue(tx, InboxSource::Payment, |id| Event { id, r#type, created, data: EventData { transfer } }).await
}

/// A transfer in souk's words.
fn answer(row: Model) -> ProviderTransfer {
    let status = match row.status {
        Status::Paid => ProviderTransferStatus::Paid,
        Status::Failed => ProviderTransferStatus::Failed,
        Status::Returned => ProviderTransferStatus::Returned,
    };
    let amount = Money { amount: row.amount, currency: row.currency };
    ProviderTransfer { provider_ref: row.id, status, amount, failure_code: row.failure_code }
}
