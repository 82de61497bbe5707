//! Payments: one live attempt per order, moved only by what the provider says.

pub mod refund;
pub mod transition;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use souk_entity::id::{OrderId, PaymentId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{EntityKind, LedgerAccount, LedgerSource, OrderStatus, PaymentStatus};
use souk_entity::{order, payment, payment_share};

use crate::actor::Actor;
use crate::cart::Owner;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::ledger::{self, Posting, credit, credit_seller, debit, debit_seller};
use crate::money::{Money, add, sub, sum};
use crate::order::{detail, lifecycle, stock};
use crate::port::{ProviderPayment, ProviderPaymentStatus};
use crate::store::Tx;
use crate::transition::next;

use transition::{PAYMENT, PaymentEvent};

/// A payment that no webhook has told of is asked about this long after it was started, and again.
pub const ASK_AFTER: chrono::TimeDelta = chrono::TimeDelta::minutes(2);

/// Starts a payment attempt for an order, or returns the live one.
///
/// After a failed attempt the stock was released; it is held again here, all or nothing.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::PaymentInProgress`] when the order is paid;
/// [`Code::IllegalTransition`] when it is not waiting for payment;
/// [`Code::InventoryUnavailable`] when released stock has been sold.
pub async fn open(tx: &Tx, order_id: OrderId, owner: &Owner, provider: &str) -> Result<payment::Model> {
    let owned = order::Entity::find_by_id(order_id).filter(detail::orders_of(owner)).one(&**tx).await?;
    owned.ok_or_else(|| Error::not_found("order"))?;
    let order = lifecycle::lock(tx, order_id).await?;
    if let Some(live) = live(tx, order_id).await? {
        return match live.status {
            PaymentStatus::Captured => Err(Error::new(Code::PaymentInProgress, "The order is paid.")),
            _ => Ok(live),
        };
    }
    if order.status != OrderStatus::Pending || order.payment_due_at <= tx.now {
        let message = format!("The order is {} and does not wait for a payment.", order.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let reservations = stock::reservations_of_order(tx, order_id).await?;
    stock::hold_again(tx, &reservations, order.payment_due_at).await?;
    let payment = begin(tx, &order, provider, Actor::Shopper(order.user_id)).await?;
    job::enqueue(tx, &Task::ResolvePayment { payment_id: payment.id }, tx.now + ASK_AFTER).await?;
    Ok(payment)
}

/// The provider of payments of nothing.
const NOBODY: &str = "none";

/// Settles an order that costs the shopper nothing by a payment of nothing, so that what the
/// platform makes good to its sellers is entered, and can be reversed, like that of any order.
///
/// # Errors
/// The database's.
pub async fn settle_free(tx: &Tx, order: &order::Model) -> Result<()> {
    let mut payment = begin(tx, order, NOBODY, Actor::System).await?;
    step(tx, &mut payment, PaymentEvent::Authorize, Actor::System).await?;
    step(tx, &mut payment, PaymentEvent::Capture, Actor::System).await?;
    captured(tx, order, &payment).await
}

async fn begin(tx: &Tx, order: &order::Model, provider: &str, actor: Actor) -> Result<payment::Model> {
    let payment = payment::Model {
        id: PaymentId::at(tx.now),
        order_id: order.id,
        provider: provider.to_owned(),
        provider_ref: None,
        amount: order.total,
        authorized_amount: MinorUnits::ZERO,
        captured_amount: MinorUnits::ZERO,
        currency: order.currency,
        status: PaymentStatus::Pending,
        confirm_url: None,
        failure_code: None,
        failure_message: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    payment::Entity::insert(payment.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let parts = lifecycle::parts(tx, order.id).await?;
    let shares = parts.iter().map(|part| payment_share::ActiveModel {
        payment_id: Set(payment.id),
        seller_order_id: Set(part.id),
        amount: Set(part.total),
        refunded_amount: Set(MinorUnits::ZERO),
    });
    payment_share::Entity::insert_many(shares).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(&payment, None, "payment.created", actor)]).await?;
    Ok(payment)
}

/// The attempt of an order that is neither failed nor voided.
///
/// # Errors
/// The database's.
pub async fn live(tx: &Tx, order_id: OrderId) -> Result<Option<payment::Model>> {
    Ok(payment::Entity::find()
        .filter(payment::Column::OrderId.eq(order_id))
        .filter(payment::Column::Status.is_not_in([PaymentStatus::Failed, PaymentStatus::Voided]))
        .one(&**tx)
        .await?)
}

/// Notes what the provider calls the payment and where the shopper confirms it.
///
/// When the payment was given up meanwhile, the name is noted all the same: [`Task::ResolvePayment`]
/// gives up at the provider what is over here.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn register(tx: &Tx, id: PaymentId, seen: &ProviderPayment) -> Result<payment::Model> {
    let (_, mut payment) = lock(tx, id).await?;
    payment.provider_ref = Some(seen.provider_ref.clone());
    payment.confirm_url.clone_from(&seen.confirm_url);
    let row = payment::ActiveModel {
        id: Set(id),
        provider_ref: Set(payment.provider_ref.clone()),
        confirm_url: Set(payment.confirm_url.clone()),
        ..Default::default()
    };
    payment::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(payment)
}

/// Takes over what the provider says of a payment, however late or often it is said.
///
/// Held money is captured by a job. Captured money confirms the order, or, when the order is
/// cancelled by now, is refunded whole. A failure releases the order's stock; the shopper may
/// start another attempt until the order is due.
///
/// # Errors
/// [`Code::Internal`] when the provider's amounts are not the payment's.
pub async fn observe(tx: &Tx, id: PaymentId, seen: &ProviderPayment, actor: Actor) -> Result<payment::Model> {
    let (order, mut payment) = lock(tx, id).await?;
    match seen.status {
        ProviderPaymentStatus::RequiresConfirmation => {}
        ProviderPaymentStatus::RequiresAction => {
            step(tx, &mut payment, PaymentEvent::RequireAction, actor).await?;
        }
        ProviderPaymentStatus::Authorized => {
            authorize(tx, &mut payment, seen, actor).await?;
        }
        ProviderPaymentStatus::Captured => {
            if authorize(tx, &mut payment, seen, actor).await? || payment.status != PaymentStatus::Captured {
                same(&payment, seen.captured)?;
                payment.captured_amount = payment.amount;
                if step(tx, &mut payment, PaymentEvent::Capture, actor).await? {
                    captured(tx, &order, &payment).await?;
                }
            }
        }
        ProviderPaymentStatus::Failed => {
            payment.failure_code = seen.failure_code.as_ref().map(|code| code.chars().take(60).collect());
            if step(tx, &mut payment, PaymentEvent::Fail, actor).await? {
                release_stock(tx, &order).await?;
            }
        }
        ProviderPaymentStatus::Voided => {
            if step(tx, &mut payment, PaymentEvent::Void, actor).await? {
                release_stock(tx, &order).await?;
            }
        }
    }
    Ok(payment)
}

/// Notes that the outcome of a call is not known; the job asks before it does anything else.
///
/// # Errors
/// The database's.
pub async fn lose_track(tx: &Tx, id: PaymentId) -> Result<()> {
    let (_, mut payment) = lock(tx, id).await?;
    step(tx, &mut payment, PaymentEvent::LoseTrack, Actor::System).await?;
    Ok(())
}

/// Gives up the live attempt of an order that is cancelled before it was paid.
///
/// # Errors
/// The database's.
pub async fn abandon(tx: &Tx, order_id: OrderId) -> Result<()> {
    if let Some(live) = live(tx, order_id).await? {
        job::enqueue(tx, &Task::VoidPayment { payment_id: live.id }, tx.now).await?;
    }
    Ok(())
}

/// Closes an attempt that the provider never heard of.
///
/// # Errors
/// The database's.
pub async fn void_unregistered(tx: &Tx, id: PaymentId) -> Result<()> {
    let (_, mut payment) = lock(tx, id).await?;
    if payment.provider_ref.is_none() {
        step(tx, &mut payment, PaymentEvent::Void, Actor::System).await?;
    }
    Ok(())
}

async fn lock(tx: &Tx, id: PaymentId) -> Result<(order::Model, payment::Model)> {
    let find = async || payment::Entity::find_by_id(id).one(&**tx).await?.ok_or_else(|| Error::not_found("payment"));
    let order = lifecycle::lock(tx, find().await?.order_id).await?;
    // Read again: it may have changed while we waited for the lock.
    Ok((order, find().await?))
}

/// Holds the money, if it was not held or taken before; returns whether it was news.
async fn authorize(tx: &Tx, payment: &mut payment::Model, seen: &ProviderPayment, actor: Actor) -> Result<bool> {
    if !matches!(payment.status, PaymentStatus::Pending | PaymentStatus::RequiresAction | PaymentStatus::Unresolved) {
        return Ok(false);
    }
    same(payment, seen.authorized)?;
    payment.authorized_amount = payment.amount;
    let news = step(tx, payment, PaymentEvent::Authorize, actor).await?;
    if news && seen.status == ProviderPaymentStatus::Authorized {
        job::enqueue(tx, &Task::CapturePayment { payment_id: payment.id }, tx.now).await?;
    }
    Ok(news)
}

fn same(payment: &payment::Model, seen: Money) -> Result<()> {
    if seen == (Money { amount: payment.amount, currency: payment.currency }) {
        Ok(())
    } else {
        let ours = Money { amount: payment.amount, currency: payment.currency };
        Err(Error::internal(format!("the provider has {seen:?} for payment {} of {ours:?}", payment.id)))
    }
}

/// Moves a payment along an edge if there is one from where it is; late and doubled news have none.
async fn step(tx: &Tx, payment: &mut payment::Model, event: PaymentEvent, actor: Actor) -> Result<bool> {
    let Ok(to) = next("payment", PAYMENT, payment.status, event) else { return Ok(false) };
    let from = std::mem::replace(&mut payment.status, to);
    payment.version += 1;
    payment.updated_at = tx.now;
    let row = payment::ActiveModel {
        id: Set(payment.id),
        status: Set(to),
        authorized_amount: Set(payment.authorized_amount),
        captured_amount: Set(payment.captured_amount),
        failure_code: Set(payment.failure_code.clone()),
        version: Set(payment.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    payment::Entity::update(row).exec_without_returning(&**tx).await?;
    let event = match event {
        PaymentEvent::RequireAction => "payment.requires_action",
        PaymentEvent::Authorize => "payment.authorized",
        PaymentEvent::Capture => "payment.confirmed",
        PaymentEvent::Fail => "payment.failed",
        PaymentEvent::Void => "payment.voided",
        PaymentEvent::LoseTrack => "payment.unresolved",
    };
    history::record(tx, vec![change(payment, Some(from), event, actor)]).await?;
    Ok(true)
}

fn change(payment: &payment::Model, from: Option<PaymentStatus>, event: &'static str, actor: Actor) -> Change {
    Change {
        entity: EntityKind::Payment,
        id: payment.id.into(),
        version: payment.version,
        from: from.map(|from| from.to_string()),
        to: payment.status.to_string(),
        actor,
        note: payment.failure_code.clone(),
        event,
        order_id: Some(payment.order_id),
        seller_id: None,
        data: json!({"amount": payment.amount, "currency": payment.currency}),
    }
}

async fn release_stock(tx: &Tx, order: &order::Model) -> Result<()> {
    if order.status == OrderStatus::Pending {
        let held = stock::reservations_of_order(tx, order.id).await?;
        stock::release(tx, &held).await?;
    }
    Ok(())
}

/// The money is ours: it is entered per seller, its tax for the tax office, and the order
/// confirmed, or, where it was cancelled meanwhile, everything is paid back.
async fn captured(tx: &Tx, order: &order::Model, payment: &payment::Model) -> Result<()> {
    let parts = lifecycle::parts(tx, order.id).await?;
    let mut entries = vec![
        debit(LedgerAccount::ProviderClearing, payment.captured_amount),
        debit(LedgerAccount::PromotionExpense, sum(parts.iter().map(|part| part.platform_discount_total))?),
        credit(LedgerAccount::TaxPayable, sum(parts.iter().map(|part| part.tax_total))?),
    ];
    for part in &parts {
        let credited = add(sub(part.total, part.tax_total)?, part.platform_discount_total)?;
        entries.push(credit_seller(part.seller_id, part.id, credited));
    }
    let posting = Posting {
        source: LedgerSource::Capture,
        source_id: payment.id.into(),
        order_id: Some(order.id),
        currency: payment.currency,
        entries: &entries,
    };
    ledger::post(tx, posting).await?;
    for part in &parts {
        let entries = [
            debit_seller(part.seller_id, part.id, add(part.commission_total, part.commission_tax_total)?),
            credit(LedgerAccount::CommissionRevenue, part.commission_total),
            credit(LedgerAccount::CommissionTaxPayable, part.commission_tax_total),
        ];
        let source_id = part.id.into();
        ledger::post(tx, Posting { source: LedgerSource::Commission, source_id, entries: &entries, ..posting }).await?;
    }
    match order.status {
        OrderStatus::Pending => lifecycle::confirm_paid(tx, order.id, Actor::Provider).await,
        _ => {
            for part in parts.iter().filter(|part| part.status == OrderStatus::Cancelled) {
                refund::refund_cancelled(tx, part).await?;
            }
            Ok(())
        }
    }
}
