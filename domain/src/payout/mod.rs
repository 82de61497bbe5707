//! Payouts: what sellers are paid, when, and what became of it at the provider.
//!
//! A payout settles ledger entries, each once and for ever; so what a seller is paid is what the
//! books say, and what they owe is taken off the next payout. One that fails or comes back is
//! entered anew and settled by a later one.

pub mod detail;
pub mod due;
mod run;
pub mod schedule;
pub mod transition;
pub mod upcoming;

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QuerySelect};
use serde_json::json;
use souk_entity::id::PayoutId;
use souk_entity::money::MinorUnits;
use souk_entity::payout;
use souk_entity::status::{EntityKind, LedgerAccount, LedgerSource, PayoutStatus, SellerStatus};

use crate::account;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::history::{self, Change};
use crate::ledger::{credit, debit, seller_entry};
use crate::money::Money;
use crate::port::{ProviderTransfer, ProviderTransferStatus};
use crate::store::Tx;
use crate::transition::next;

pub use run::{run, run_scheduled};
use transition::{PAYOUT, PayoutEvent};

/// A payout of which the provider may have been asked already.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn asked(db: &impl ConnectionTrait, id: PayoutId) -> Result<Option<payout::Model>> {
    let payout = payout::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("payout"))?;
    Ok(Some(payout).filter(|payout| is_under_way(payout.status)))
}

fn is_under_way(status: PayoutStatus) -> bool {
    matches!(status, PayoutStatus::Submitted | PayoutStatus::Unresolved)
}

/// What the job needs to ask the provider; `None` when the payout is over. "Submitted" commits
/// before the call, so that after a crash it is known that the provider may have been asked; then
/// the provider does not know of it when this is called.
///
/// To a seller who was suspended in between nothing is sent: they are owed it again. Holding the
/// seller's row makes a suspension and this take turns: once a seller is suspended, nothing is submitted.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn submit(tx: &Tx, id: PayoutId) -> Result<Option<payout::Model>> {
    let mut payout = lock(tx, id).await?;
    if payout.status == PayoutStatus::Pending {
        step(tx, &mut payout, PayoutEvent::Submit).await?;
    }
    if !is_under_way(payout.status) {
        return Ok(None);
    }
    let seller = account::hold(tx, payout.seller_id).await?;
    if seller.status != SellerStatus::Approved {
        end(tx, &mut payout, PayoutEvent::Fail, &format!("the seller is {}", seller.status)).await?;
        return Ok(None);
    }
    Ok(Some(payout))
}

/// Takes over where the provider says that the transfer stands; what it said before changes
/// nothing.
///
/// # Errors
/// [`crate::Code::Internal`] when the provider has sent another amount.
pub async fn observe(tx: &Tx, id: PayoutId, seen: &ProviderTransfer) -> Result<()> {
    let mut payout = lock(tx, id).await?;
    if seen.amount != (Money { amount: payout.amount, currency: payout.currency }) {
        return Err(Error::internal(format!("payout {id} is a transfer of {} {}", seen.amount, seen.amount.currency)));
    }
    if payout.provider_ref.is_none() {
        payout.provider_ref = Some(seen.provider_ref.clone());
        let row = payout::ActiveModel {
            id: Set(id),
            provider_ref: Set(payout.provider_ref.clone()),
            updated_at: Set(tx.now),
            ..Default::default()
        };
        payout::Entity::update(row).exec_without_returning(&**tx).await?;
    }
    let why = || seen.failure_code.clone().unwrap_or_else(|| "no reason given".to_owned());
    match seen.status {
        ProviderTransferStatus::Pending => Ok(()),
        ProviderTransferStatus::Paid => pay(tx, &mut payout).await,
        ProviderTransferStatus::Failed => end(tx, &mut payout, PayoutEvent::Fail, &why()).await,
        ProviderTransferStatus::Returned => {
            // It may have come back before we knew that it went.
            pay(tx, &mut payout).await?;
            end(tx, &mut payout, PayoutEvent::Return, &why()).await
        }
    }
}

/// The provider refuses to send it: the seller is owed it again.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn fail(tx: &Tx, id: PayoutId, why: &str) -> Result<()> {
    let mut payout = lock(tx, id).await?;
    end(tx, &mut payout, PayoutEvent::Fail, why).await
}

/// The outcome of asking the provider is not known; asking again with the same key will tell.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn lose_track(tx: &Tx, id: PayoutId) -> Result<()> {
    let mut payout = lock(tx, id).await?;
    step(tx, &mut payout, PayoutEvent::Lose).await?;
    Ok(())
}

/// The provider has sent it.
async fn pay(tx: &Tx, payout: &mut payout::Model) -> Result<()> {
    if !step(tx, payout, PayoutEvent::Pay).await? {
        return Ok(());
    }
    let entries =
        [debit(LedgerAccount::PayoutClearing, payout.amount), credit(LedgerAccount::ProviderClearing, payout.amount)];
    run::post(tx, LedgerSource::PayoutPaid, payout.id, payout.currency, &entries).await
}

/// It did not go, or came back: the seller is owed it again, due at once.
async fn end(tx: &Tx, payout: &mut payout::Model, event: PayoutEvent, why: &str) -> Result<()> {
    payout.failure_message = Some(why.chars().take(500).collect());
    if !step(tx, payout, event).await? {
        return Ok(());
    }
    let (source, account) = match event {
        PayoutEvent::Return => (LedgerSource::PayoutReturned, LedgerAccount::ProviderClearing),
        _ => (LedgerSource::PayoutFailed, LedgerAccount::PayoutClearing),
    };
    let owed = MinorUnits(-payout.amount.0);
    let entries =
        [debit(account, payout.amount), seller_entry(LedgerAccount::SellerPayable, payout.seller_id, None, owed)];
    run::post(tx, source, payout.id, payout.currency, &entries).await?;
    schedule::schedule(tx, payout.seller_id, tx.now).await
}

async fn lock(tx: &Tx, id: PayoutId) -> Result<payout::Model> {
    payout::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("payout"))
}

/// Moves a payout along an edge, where there is one.
async fn step(tx: &Tx, payout: &mut payout::Model, event: PayoutEvent) -> Result<bool> {
    let Ok(to) = next("payout", PAYOUT, payout.status, event) else { return Ok(false) };
    let from = std::mem::replace(&mut payout.status, to);
    payout.version += 1;
    payout.updated_at = tx.now;
    if event == PayoutEvent::Pay {
        payout.paid_at = Some(tx.now);
    }
    let row = payout::ActiveModel {
        id: Set(payout.id),
        status: Set(to),
        failure_message: Set(payout.failure_message.clone()),
        paid_at: Set(payout.paid_at),
        version: Set(payout.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    payout::Entity::update(row).exec_without_returning(&**tx).await?;
    let event = match event {
        PayoutEvent::Submit => "payout.submitted",
        PayoutEvent::Pay => "payout.paid",
        PayoutEvent::Fail => "payout.failed",
        PayoutEvent::Lose => "payout.unresolved",
        PayoutEvent::Return => "payout.returned",
    };
    history::record(tx, vec![change(payout, Some(from), event, Actor::Provider)]).await?;
    Ok(true)
}

fn change(payout: &payout::Model, from: Option<PayoutStatus>, event: &'static str, actor: Actor) -> Change {
    Change {
        entity: EntityKind::Payout,
        id: payout.id.into(),
        version: payout.version,
        from: from.map(|from| from.to_string()),
        to: payout.status.to_string(),
        actor,
        note: payout.failure_message.clone(),
        event,
        order_id: None,
        seller_id: Some(payout.seller_id),
        data: json!({"amount": payout.amount, "currency": payout.currency}),
    }
}
