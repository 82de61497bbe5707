//! The simulated payment provider: manual capture, as Stripe's PaymentIntents have it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use souk_domain::Tx;
use souk_domain::error::{Code, Error, Result};
use souk_domain::money::{self, LARGEST_AMOUNT, Money};
use souk_domain::port::{
    Headers, PaymentGateway, PaymentNotice, PaymentSubject, PortError, ProviderPayment, ProviderPaymentStatus,
    ProviderRefund, ProviderTransfer, WebhookError,
};
use souk_entity::id::uuid_at;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::simulated_payment::{Column, Entity, Model};
use souk_entity::status::{InboxSource, SimulatedPaymentStatus as Status};
use souk_entity::{simulated_payment, simulated_refund};

use super::fault::Operation;
use super::line::{Answer, Refusal, Shared};
use super::{NAME, outbox, signature, transfer};

/// The book has room for this many characters of a key and of a reference.
pub(super) const KEY_LENGTH: usize = 120;
const REFERENCE_LENGTH: usize = 60;

/// The provider, as seen from souk.
pub(super) struct SimulatedPayments {
    shared: Arc<Shared>,
}

/// A payment as the provider's own books have it; amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Payment {
    /// The provider's id.
    pub id: String,
    /// What souk calls it.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// What was asked for.
    pub amount: MinorUnits,
    /// What was taken.
    pub captured_amount: MinorUnits,
    /// What of that was paid back.
    pub refunded_amount: MinorUnits,
    /// ISO 4217.
    pub currency: CurrencyCode,
    /// Why it was declined.
    pub failure_code: Option<String>,
}

impl From<Model> for Payment {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            reference: row.reference,
            status: row.status,
            amount: row.amount,
            captured_amount: row.captured_amount,
            refunded_amount: row.refunded_amount,
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
    payment: Payment,
}

/// What of a webhook's body souk reads.
#[derive(Deserialize)]
struct ReadEvent {
    id: String,
    data: ReadData,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReadData {
    Payment(ReadSubject),
    Transfer(ReadSubject),
}

#[derive(Deserialize)]
struct ReadSubject {
    id: String,
}

impl SimulatedPayments {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn open(&self, reference: &str, amount: Money, key: &str) -> Result<Answer<ProviderPayment>> {
        if let Err(refusal) = check_amount(amount).and_then(|()| check_length("key", key, KEY_LENGTH)) {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = check_length("reference", reference, REFERENCE_LENGTH) {
            return Ok(Err(refusal));
        }
        self.shared
            .transact(async |tx| {
                // A concurrent call with the same key waits here until this one has committed.
                Entity::insert(simulated_payment::ActiveModel {
                    id: Set(format!("simpay_{}", uuid_at(tx.now).simple())),
                    idempotency_key: Set(key.to_owned()),
                    reference: Set(reference.to_owned()),
                    amount: Set(amount.amount),
                    captured_amount: Set(MinorUnits::ZERO),
                    refunded_amount: Set(MinorUnits::ZERO),
                    currency: Set(amount.currency),
                    status: Set(Status::RequiresConfirmation),
                    failure_code: Set(None),
                    capture_key: Set(None),
                    created_at: Set(tx.now),
                })
                .on_conflict_do_nothing_on([Column::IdempotencyKey])
                .exec_without_returning(&**tx)
                .await?;
                let row = Entity::find()
                    .filter(Column::IdempotencyKey.eq(key))
                    .one(&**tx)
                    .await?
                    .ok_or_else(|| Error::internal("the payment just written is not there"))?;
                if (row.reference.as_str(), row.amount, row.currency) != (reference, amount.amount, amount.currency) {
                    return Ok(Err(key_reused()));
                }
                Ok(Ok(self.tell(row)))
            })
            .await
    }

    async fn find(&self, id: &str) -> Result<Answer<ProviderPayment>> {
        let row = Entity::find_by_id(id).one(self.shared.store.read()).await?;
        Ok(row.map(|row| self.tell(row)).ok_or_else(no_such_payment))
    }

    async fn take(&self, id: &str, amount: Money, key: &str) -> Result<Answer<ProviderPayment>> {
        if let Err(refusal) = check_amount(amount).and_then(|()| check_length("key", key, KEY_LENGTH)) {
            return Ok(Err(refusal));
        }
        self.shared
            .transact(async |tx| {
                let Some(row) = lock(&tx, id).await? else { return Ok(Err(no_such_payment())) };
                if row.currency != amount.currency {
                    return Ok(Err(other_currency(&row)));
                }
                if row.capture_key.as_deref() == Some(key) {
                    let same = row.captured_amount == amount.amount;
                    return Ok(if same { Ok(self.tell(row)) } else { Err(key_reused()) });
                }
                if row.status != Status::Authorized {
                    return Ok(Err(not_authorized(row.status)));
                }
                if amount.amount > row.amount {
                    return Ok(Err(Refusal::new("amount_too_large", "No more can be taken than was authorized.")));
                }
                let captured = Entity::update_many()
                    .col_expr(Column::Status, Expr::value(Status::Captured))
                    .col_expr(Column::CapturedAmount, Expr::value(amount.amount))
                    .col_expr(Column::CaptureKey, Expr::value(key))
                    .filter(Column::Id.eq(id))
                    .filter(Column::Status.eq(Status::Authorized))
                    .filter(Column::Amount.gte(amount.amount))
                    .exec_with_returning(&**tx)
                    .await?;
                Ok(Ok(self.tell(changed(&tx, captured).await?)))
            })
            .await
    }

    async fn give_up(&self, id: &str) -> Result<Answer<ProviderPayment>> {
        self.shared
            .transact(async |tx| {
                let Some(row) = lock(&tx, id).await? else { return Ok(Err(no_such_payment())) };
                match row.status {
                    Status::Voided => return Ok(Ok(self.tell(row))),
                    Status::Captured => {
                        let message = "The payment is captured; it can be refunded only.";
                        return Ok(Err(Refusal::new("already_captured", message)));
                    }
                    Status::Failed => {
                        return Ok(Err(Refusal::new("payment_failed", "The payment failed; nothing is held.")));
                    }
                    Status::RequiresConfirmation | Status::RequiresAction | Status::Authorized => {}
                }
                let voided = Entity::update_many()
                    .col_expr(Column::Status, Expr::value(Status::Voided))
                    .filter(Column::Id.eq(id))
                    .filter(Column::Status.eq(row.status))
                    .exec_with_returning(&**tx)
                    .await?;
                Ok(Ok(self.tell(changed(&tx, voided).await?)))
            })
            .await
    }

    async fn refund_of_key(&self, id: &str, key: &str) -> Result<Answer<Option<ProviderRefund>>> {
        let db = self.shared.store.read();
        let found = simulated_refund::Entity::find()
            .filter(simulated_refund::Column::PaymentId.eq(id))
            .filter(simulated_refund::Column::IdempotencyKey.eq(key))
            .one(db)
            .await?;
        let Some(refund) = found else { return Ok(Ok(None)) };
        let payment = Entity::find_by_id(id).one(db).await?;
        let payment = payment.ok_or_else(|| Error::internal("a simulated refund without a payment"))?;
        let amount = Money { amount: refund.amount, currency: payment.currency };
        Ok(Ok(Some(ProviderRefund { provider_ref: refund.id, amount })))
    }

    async fn pay_back(&self, id: &str, amount: Money, key: &str) -> Result<Answer<ProviderRefund>> {
        if let Err(refusal) = check_amount(amount).and_then(|()| check_length("key", key, KEY_LENGTH)) {
            return Ok(Err(refusal));
        }
        self.shared
            .transact(async |tx| {
                // The lock makes calls with one key queue up, so that all but the first find the
                // refund that the first has made.
                let Some(row) = lock(&tx, id).await? else { return Ok(Err(no_such_payment())) };
                if row.currency != amount.currency {
                    return Ok(Err(other_currency(&row)));
                }
                let earlier = simulated_refund::Entity::find()
                    .filter(simulated_refund::Column::IdempotencyKey.eq(key))
                    .one(&**tx)
                    .await?;
                if let Some(earlier) = earlier {
                    let same = earlier.payment_id == id && earlier.amount == amount.amount;
                    let refund = ProviderRefund { provider_ref: earlier.id, amount };
                    return Ok(if same { Ok(refund) } else { Err(key_reused()) });
                }
                if row.status != Status::Captured {
                    return Ok(Err(Refusal::new("not_captured", "Only a captured payment can be refunded.")));
                }
                let refunded = Entity::update_many()
                    .col_expr(Column::RefundedAmount, Expr::col(Column::RefundedAmount).add(amount.amount))
                    .filter(Column::Id.eq(id))
                    .filter(Column::Status.eq(Status::Captured))
                    .filter(Expr::col(Column::CapturedAmount).sub(Expr::col(Column::RefundedAmount)).gte(amount.amount))
                    .exec_with_returning(&**tx)
                    .await?;
                if refunded.is_empty() {
                    let message = "No more can be refunded than was captured and not yet refunded.";
                    return Ok(Err(Refusal::new("refund_exceeds_captured", message)));
                }
                let refund_id = format!("simref_{}", uuid_at(tx.now).simple());
                simulated_refund::Entity::insert(simulated_refund::ActiveModel {
                    id: Set(refund_id.clone()),
                    payment_id: Set(id.to_owned()),
                    idempotency_key: Set(key.to_owned()),
                    amount: Set(amount.amount),
                    created_at: Set(tx.now),
                })
                .exec_without_returning(&**tx)
                .await?;
                changed(&tx, refunded).await?;
                Ok(Ok(ProviderRefund { provider_ref: refund_id, amount }))
            })
            .await
    }

    /// A payment in souk's words.
    fn tell(&self, row: Model) -> ProviderPayment {
        let (status, held) = match row.status {
            Status::RequiresConfirmation => (ProviderPaymentStatus::RequiresConfirmation, MinorUnits::ZERO),
            Status::RequiresAction => (ProviderPaymentStatus::RequiresAction, MinorUnits::ZERO),
            Status::Authorized => (ProviderPaymentStatus::Authorized, row.amount),
            Status::Captured => (ProviderPaymentStatus::Captured, row.amount),
            Status::Failed => (ProviderPaymentStatus::Failed, MinorUnits::ZERO),
            Status::Voided => (ProviderPaymentStatus::Voided, MinorUnits::ZERO),
        };
        let waits = matches!(row.status, Status::RequiresConfirmation | Status::RequiresAction);
        ProviderPayment {
            confirm_url: waits.then(|| format!("{}/simulator/payments/{}/confirm", self.shared.public_url, row.id)),
            provider_ref: row.id,
            status,
            authorized: Money { amount: held, currency: row.currency },
            captured: Money { amount: row.captured_amount, currency: row.currency },
            failure_code: row.failure_code,
        }
    }
}

/// Moves a payment that waits for its shopper from `from` to `to` and queues the webhook.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] when it does not stand at `from`.
pub(super) async fn answer_shopper(
    tx: &Tx,
    id: &str,
    from: Status,
    to: Status,
    failure_code: Option<&str>,
) -> Result<Payment> {
    let row = lock(tx, id).await?.ok_or_else(|| Error::not_found("simulated payment"))?;
    if row.status != from {
        let message = format!("The payment is {}, not {from}.", row.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let moved = Entity::update_many()
        .col_expr(Column::Status, Expr::value(to))
        .col_expr(Column::FailureCode, Expr::value(failure_code.map(str::to_owned)))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(from))
        .exec_with_returning(&**tx)
        .await?;
    changed(tx, moved).await.map(Payment::from)
}

/// Queues the webhook of a guarded update of one payment and returns the row as it is now.
async fn changed(tx: &Tx, mut rows: Vec<Model>) -> Result<Model> {
    let Some(row) = rows.pop() else {
        return Err(Error::new(Code::ConcurrentChange, "The payment changed at the same moment."));
    };
    let (created, payment) = (tx.now.timestamp(), Payment::from(row.clone()));
    outbox::queue(tx, InboxSource::Payment, |id| Event {
        id,
        r#type: "payment.updated",
        created,
        data: EventData { payment },
    })
    .await?;
    Ok(row)
}

/// Reads a payment and keeps others from changing it until the transaction ends. SQLite has one
/// writer at a time, so there the transaction itself does.
async fn lock(tx: &Tx, id: &str) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).lock_exclusive().one(&**tx).await?)
}

pub(super) fn check_amount(amount: Money) -> Answer<()> {
    if money::exponent(amount.currency).is_err() {
        return Err(Refusal::new("currency_unsupported", format!("{} is not supported.", amount.currency)));
    }
    if !(1..=LARGEST_AMOUNT).contains(&amount.amount.0) {
        return Err(Refusal::new("amount_invalid", "The amount is not positive, or too large."));
    }
    Ok(())
}

pub(super) fn check_length(what: &str, text: &str, longest: usize) -> Answer<()> {
    if text.is_empty() || text.chars().count() > longest {
        return Err(Refusal::new("parameter_invalid", format!("The {what} must have 1 to {longest} characters.")));
    }
    Ok(())
}

pub(super) fn key_reused() -> Refusal {
    Refusal::new("idempotency_key_reused", "The key was used with other parameters.")
}

fn no_such_payment() -> Refusal {
    Refusal::new("no_such_payment", "There is no payment of this id.")
}

fn other_currency(row: &Model) -> Refusal {
    Refusal::new("currency_mismatch", format!("The payment is in {}.", row.currency))
}

fn not_authorized(status: Status) -> Refusal {
    match status {
        Status::Captured => Refusal::new("already_captured", "The payment is captured already."),
        Status::Voided => Refusal::new("payment_voided", "The payment was voided; nothing is held."),
        Status::Failed => Refusal::new("payment_failed", "The payment failed; nothing is held."),
        Status::RequiresConfirmation | Status::RequiresAction | Status::Authorized => {
            Refusal::new("not_authorized", "The shopper has not authorized the payment.")
        }
    }
}

#[async_trait]
impl PaymentGateway for SimulatedPayments {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn create(&self, reference: &str, amount: Money, key: &str) -> Result<ProviderPayment, PortError> {
        self.shared.call(Operation::CreatePayment, self.open(reference, amount, key)).await
    }

    async fn fetch(&self, provider_ref: &str) -> Result<ProviderPayment, PortError> {
        self.shared.call(Operation::FetchPayment, self.find(provider_ref)).await
    }

    async fn capture(&self, provider_ref: &str, amount: Money, key: &str) -> Result<ProviderPayment, PortError> {
        self.shared.call(Operation::CapturePayment, self.take(provider_ref, amount, key)).await
    }

    /// A payment is voided once whatever the key, so the key is not kept.
    async fn void(&self, provider_ref: &str, _key: &str) -> Result<ProviderPayment, PortError> {
        self.shared.call(Operation::VoidPayment, self.give_up(provider_ref)).await
    }

    async fn refund(&self, provider_ref: &str, amount: Money, key: &str) -> Result<ProviderRefund, PortError> {
        self.shared.call(Operation::RefundPayment, self.pay_back(provider_ref, amount, key)).await
    }

    async fn transfer(&self, account: &str, amount: Money, key: &str) -> Result<ProviderTransfer, PortError> {
        self.shared.call(Operation::Transfer, transfer::send(&self.shared, account, amount, key)).await
    }

    async fn fetch_transfer(&self, provider_ref: &str) -> Result<ProviderTransfer, PortError> {
        self.shared.call(Operation::FetchTransfer, transfer::find(&self.shared, provider_ref)).await
    }

    async fn find_refund(&self, provider_ref: &str, key: &str) -> Result<Option<ProviderRefund>, PortError> {
        self.shared.call(Operation::FindRefund, self.refund_of_key(provider_ref, key)).await
    }

    async fn find_transfer(&self, key: &str) -> Result<Option<ProviderTransfer>, PortError> {
        self.shared.call(Operation::FindTransfer, transfer::find_by_key(&self.shared, key)).await
    }

    fn verify(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<PaymentNotice, WebhookError> {
        signature::verify(&self.shared.webhook_secret, headers, body, now)?;
        self.read(body)
    }

    fn read(&self, body: &[u8]) -> Result<PaymentNotice, WebhookError> {
        let event: ReadEvent =
            serde_json::from_slice(body).map_err(|error| WebhookError::Unreadable(error.to_string()))?;
        let subject = match event.data {
            ReadData::Payment(payment) => PaymentSubject::Payment(payment.id),
            ReadData::Transfer(transfer) => PaymentSubject::Transfer(transfer.id),
        };
        Ok(PaymentNotice { event_id: event.id, subject })
    }
}
