//! Jobs, run as workers would: claimed, done against the outside model, ended or tried again.

use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::actor::Actor;
use souk_domain::error::{Code, Error, Result};
use souk_domain::job::{Lease, Task};
use souk_domain::money::Money;
use souk_domain::order::lifecycle::{self, Expiry};
use souk_domain::payment::{self, ASK_AFTER, refund};
use souk_domain::port::{PortError, ProviderPaymentStatus, ProviderTransfer, ProviderTransferStatus};
use souk_domain::shipment::{self as parcels, ASK_EVERY};
use souk_domain::{cart, payout, returns};
use souk_entity::id::{PaymentId, PayoutId, RefundId, ShipmentId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{JobKind, JobStatus, PaymentStatus, ShipmentStatus};
use souk_entity::{job, payment as payments, shipment};

use crate::outside::PROVIDER;
use crate::told;
use crate::world::World;

/// How long a job that failed waits.
const AGAIN: TimeDelta = TimeDelta::minutes(3);

fn try_again(error: PortError) -> Error {
    Error::new(Code::ProviderUnavailable, error.to_string())
}

impl World {
    /// Runs at most so many due jobs; returns how many there were.
    pub async fn run_due(&mut self, most: u64) -> Result<usize> {
        let due = job::Entity::find()
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .filter(job::Column::RunAt.lte(self.now()))
            .order_by_asc(job::Column::RunAt)
            .order_by_asc(job::Column::Id)
            .limit(most)
            .all(self.store.read())
            .await?;
        let count = due.len();
        for row in due {
            self.run(row).await?;
        }
        Ok(count)
    }

    async fn run(&mut self, row: job::Model) -> Result<()> {
        let lease = Lease { job_id: row.id, attempts: row.attempts + 1 };
        let claimed = job::ActiveModel {
            id: Set(row.id),
            status: Set(JobStatus::Running),
            attempts: Set(lease.attempts),
            run_at: Set(self.now() + TimeDelta::minutes(1)),
            ..Default::default()
        };
        job::Entity::update(claimed).exec_without_returning(self.store.read()).await?;
        let task: Task = serde_json::from_value(row.payload.clone()).map_err(Error::internal)?;
        self.log(format!("  job {}", row.unique_key));
        match self.perform(lease, task).await {
            Err(error) if error.code == Code::ProviderUnavailable => {
                let again = job::ActiveModel {
                    id: Set(row.id),
                    status: Set(JobStatus::Queued),
                    run_at: Set(self.now() + AGAIN),
                    ..Default::default()
                };
                job::Entity::update(again).exec_without_returning(self.store.read()).await?;
                Ok(())
            }
            // No worker could ever do it.
            Err(error) => Err(Error::internal(format!("job {}: {}", row.unique_key, told(&error)))),
            Ok(()) => Ok(()),
        }
    }

    async fn perform(&mut self, lease: Lease, task: Task) -> Result<()> {
        match task {
            Task::CapturePayment { payment_id } => self.capture(lease, payment_id).await,
            Task::VoidPayment { payment_id } => self.void(lease, payment_id).await,
            Task::ResolvePayment { payment_id } => self.resolve(lease, payment_id).await,
            Task::RefundPayment { refund_id } => self.refund(lease, refund_id).await,
            Task::BuyLabel { shipment_id } => self.buy_label(lease, shipment_id).await,
            Task::VoidLabel { shipment_id } => self.void_label(lease, shipment_id).await,
            Task::SubmitPayout { payout_id } => self.submit_payout(lease, payout_id).await,
            task => self.time_is_over(lease, task).await,
        }
    }

    /// What needs nobody outside.
    async fn time_is_over(&self, lease: Lease, task: Task) -> Result<()> {
        let write = async |tx: std::sync::Arc<souk_domain::Tx>| {
            let next = match task {
                Task::ExpireOrder { order_id } => match lifecycle::expire(&tx, order_id).await? {
                    Expiry::BeingPaid => Some((JobKind::ExpireOrder, tx.now + TimeDelta::minutes(2))),
                    Expiry::Expired | Expiry::NotPending => None,
                },
                Task::ExpireCart { cart_id } => {
                    cart::expire(&tx, cart_id).await?.map(|later| (JobKind::ExpireCart, later))
                }
                Task::RejectUnaccepted { seller_order_id } => {
                    lifecycle::reject_unaccepted(&tx, seller_order_id).await?;
                    None
                }
                Task::CompleteSellerOrder { seller_order_id } => {
                    let done = lifecycle::complete(&tx, seller_order_id, Actor::System).await?;
                    (!done).then(|| (JobKind::CompleteSellerOrder, tx.now + TimeDelta::hours(12)))
                }
                Task::ProcessReturn { return_request_id } => {
                    returns::process(&tx, return_request_id).await?;
                    None
                }
                Task::ExpireReturn { return_request_id } => {
                    returns::expire(&tx, return_request_id).await?;
                    None
                }
                Task::SyncShipment { shipment_id } => {
                    parcels::observe(&tx, shipment_id, &[]).await?;
                    let moving = parcels::still_moving(&tx, shipment_id).await?;
                    moving.then(|| (JobKind::SyncShipment, tx.now + ASK_EVERY))
                }
                Task::PayOutSeller { seller_id, day } => {
                    payout::run_scheduled(&tx, seller_id, day, PROVIDER).await?;
                    None
                }
                ref other => return Err(Error::internal(format!("nobody asks for {other:?} here"))),
            };
            match next {
                Some((kind, at)) => lease.continue_at(&tx, kind, at).await,
                None => lease.complete(&tx).await,
            }
        };
        self.store.write(write).await
    }

    async fn complete(&self, lease: Lease) -> Result<()> {
        self.store.write(async |tx| lease.complete(&tx).await).await
    }

    async fn payment(&self, id: PaymentId) -> Result<payments::Model> {
        payments::Entity::find_by_id(id).one(self.store.read()).await?.ok_or_else(|| Error::not_found("payment"))
    }

    async fn capture(&mut self, lease: Lease, id: PaymentId) -> Result<()> {
        let payment = self.payment(id).await?;
        let (PaymentStatus::Authorized | PaymentStatus::Unresolved, Some(provider_ref)) =
            (payment.status, &payment.provider_ref)
        else {
            return self.complete(lease).await;
        };
        let amount = Money { amount: payment.amount, currency: payment.currency };
        let seen = match self.outside.capture(&mut self.dice, provider_ref, amount) {
            Ok(seen) => seen,
            Err(PortError::Unknown(why)) => {
                self.store.write(async |tx| payment::lose_track(&tx, id).await).await?;
                return Err(try_again(PortError::Unknown(why)));
            }
            Err(refused @ PortError::Refused { .. }) => {
                let seen = self.outside.fetch(provider_ref);
                if seen.status == ProviderPaymentStatus::Authorized {
                    return Err(try_again(refused));
                }
                seen
            }
            Err(error) => return Err(try_again(error)),
        };
        self.store
            .write(async |tx| {
                payment::observe(&tx, id, &seen, Actor::Provider).await?;
                lease.complete(&tx).await
            })
            .await
    }

    async fn void(&mut self, lease: Lease, id: PaymentId) -> Result<()> {
        let payment = self.payment(id).await?;
        let Some(provider_ref) = &payment.provider_ref else {
            return self
                .store
                .write(async |tx| {
                    payment::void_unregistered(&tx, id).await?;
                    lease.complete(&tx).await
                })
                .await;
        };
        let seen = match self.outside.void(&mut self.dice, provider_ref) {
            Ok(seen) => seen,
            Err(PortError::Refused { .. }) => self.outside.fetch(provider_ref),
            Err(error) => return Err(try_again(error)),
        };
        self.store
            .write(async |tx| {
                payment::observe(&tx, id, &seen, Actor::Provider).await?;
                lease.complete(&tx).await
            })
            .await
    }

    async fn resolve(&mut self, lease: Lease, id: PaymentId) -> Result<()> {
        let payment = self.payment(id).await?;
        if let (PaymentStatus::Voided, Some(provider_ref)) = (payment.status, &payment.provider_ref) {
            self.outside.void(&mut self.dice, provider_ref).map_err(try_again)?;
        }
        if matches!(payment.status, PaymentStatus::Captured | PaymentStatus::Failed | PaymentStatus::Voided) {
            return self.complete(lease).await;
        }
        let seen = payment.provider_ref.as_ref().map(|provider_ref| self.outside.fetch(provider_ref));
        self.store
            .write(async |tx| {
                if let Some(seen) = &seen {
                    payment::observe(&tx, id, seen, Actor::Provider).await?;
                }
                lease.continue_at(&tx, JobKind::ResolvePayment, tx.now + ASK_AFTER).await
            })
            .await
    }

    async fn refund(&mut self, lease: Lease, id: RefundId) -> Result<()> {
        let asked_before = refund::was_asked(self.store.read(), id).await?;
        let Some((refund, payment)) = self.store.write(async |tx| refund::submit(&tx, id).await).await? else {
            return self.complete(lease).await;
        };
        let succeed = async |provider_ref: Option<&str>| {
            self.store
                .write(async |tx| {
                    refund::succeed(&tx, id, provider_ref).await?;
                    lease.complete(&tx).await
                })
                .await
        };
        if refund.amount == MinorUnits::ZERO {
            return succeed(None).await;
        }
        let provider_ref = payment.provider_ref.ok_or_else(|| Error::internal("captured without a name"))?;
        let amount = Money { amount: refund.amount, currency: refund.currency };
        let key = format!("refund:{id}");
        let found = self.outside.refunds.get(&key).filter(|_| asked_before).map(|(_, paid)| paid.clone());
        let answer = match found {
            Some(paid) => Ok(paid),
            None => self.outside.refund(&mut self.dice, &provider_ref, amount, &key),
        };
        match answer {
            Ok(paid) => succeed(Some(&paid.provider_ref)).await,
            Err(PortError::Refused { message, .. }) => {
                self.store
                    .write(async |tx| {
                        refund::fail(&tx, id, &message).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(PortError::Unknown(why)) => {
                self.store.write(async |tx| refund::lose_track(&tx, id).await).await?;
                Err(try_again(PortError::Unknown(why)))
            }
            Err(error) => Err(try_again(error)),
        }
    }

    async fn parcel(&self, id: ShipmentId) -> Result<shipment::Model> {
        shipment::Entity::find_by_id(id).one(self.store.read()).await?.ok_or_else(|| Error::not_found("shipment"))
    }

    async fn buy_label(&mut self, lease: Lease, id: ShipmentId) -> Result<()> {
        let parcel = self.parcel(id).await?;
        if parcel.carrier_ref.is_some() || (parcel.status != ShipmentStatus::Pending && lease.attempts == 1) {
            return self.complete(lease).await;
        }
        let now = self.now();
        match self.outside.buy(&mut self.dice, parcel.currency, now, &format!("label:{id}:1")) {
            Ok(label) => {
                self.store
                    .write(async |tx| {
                        parcels::labelled(&tx, id, &label).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(PortError::Refused { message, .. }) => {
                self.store
                    .write(async |tx| {
                        parcels::label_refused(&tx, id, &message).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(error) => Err(try_again(error)),
        }
    }

    async fn void_label(&mut self, lease: Lease, id: ShipmentId) -> Result<()> {
        match self.outside.void_label(&mut self.dice) {
            Ok(()) => {
                self.store
                    .write(async |tx| {
                        parcels::label_voided(&tx, id).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            // The carrier keeps the price.
            Err(PortError::Refused { .. }) => self.complete(lease).await,
            Err(error) => Err(try_again(error)),
        }
    }

    async fn submit_payout(&mut self, lease: Lease, id: PayoutId) -> Result<()> {
        let key = format!("payout:{id}");
        let asked = payout::asked(self.store.read(), id).await?;
        if let Some(seen) = asked.and_then(|_| self.outside.find_transfer(&mut self.dice, &key)) {
            return self.take_over(lease, id, &seen).await;
        }
        let Some(payout) = self.store.write(async |tx| payout::submit(&tx, id).await).await? else {
            return self.complete(lease).await;
        };
        let amount = Money { amount: payout.amount, currency: payout.currency };
        match self.outside.transfer(&mut self.dice, amount, &key) {
            Ok(seen) => self.take_over(lease, id, &seen).await,
            Err(PortError::Refused { message, .. }) => {
                self.store
                    .write(async |tx| {
                        payout::fail(&tx, id, &message).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(PortError::Unknown(why)) => {
                self.store.write(async |tx| payout::lose_track(&tx, id).await).await?;
                Err(try_again(PortError::Unknown(why)))
            }
            Err(error) => Err(try_again(error)),
        }
    }

    async fn take_over(&self, lease: Lease, id: PayoutId, seen: &ProviderTransfer) -> Result<()> {
        self.store
            .write(async |tx| {
                payout::observe(&tx, id, seen).await?;
                match seen.status {
                    ProviderTransferStatus::Pending => {
                        lease.continue_at(&tx, JobKind::SubmitPayout, tx.now + ASK_AFTER).await
                    }
                    _ => lease.complete(&tx).await,
                }
            })
            .await
    }
}
