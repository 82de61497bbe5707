//! Capturing, giving up and refunding payments at the provider.

use sea_orm::EntityTrait;
use souk_domain::actor::Actor;
use souk_domain::error::{Error, Result};
use souk_domain::job::Lease;
use souk_domain::money::Money;
use souk_domain::payment::{self, ASK_AFTER, refund};
use souk_domain::port::{PortError, ProviderPaymentStatus};
use souk_domain::returns;
use souk_entity::id::{PaymentId, RefundId, ReturnRequestId};
use souk_entity::money::MinorUnits;
use souk_entity::payment as payments;
use souk_entity::status::{JobKind, PaymentStatus};

use super::{Work, try_again};

impl Work {
    async fn payment(&self, id: PaymentId) -> Result<payments::Model> {
        let found = payments::Entity::find_by_id(id).one(self.store.read()).await?;
        found.ok_or_else(|| Error::not_found("payment"))
    }

    /// Takes held money. When an earlier try may have done so, the provider is asked first; the key
    /// makes a second capture the same one in any case.
    pub(super) async fn capture_payment(&self, lease: Lease, id: PaymentId) -> Result<()> {
        let payment = self.payment(id).await?;
        let (PaymentStatus::Authorized | PaymentStatus::Unresolved, Some(provider_ref)) =
            (payment.status, &payment.provider_ref)
        else {
            return self.store.write(async |tx| lease.complete(&tx).await).await;
        };
        let gateway = self.ports.payment(Some(&payment.provider))?;
        let amount = Money { amount: payment.amount, currency: payment.currency };
        let asked_before = lease.attempts > 1 || payment.status == PaymentStatus::Unresolved;
        let found = match asked_before {
            true => Some(gateway.fetch(provider_ref).await.map_err(try_again)?),
            false => None,
        };
        let answer = match found {
            Some(seen) if seen.status != ProviderPaymentStatus::Authorized => Ok(seen),
            _ => gateway.capture(provider_ref, amount, &format!("capture:{id}")).await,
        };
        let captured = match answer {
            Ok(seen) => seen,
            Err(PortError::Unknown(why)) => {
                self.store.write(async |tx| payment::lose_track(&tx, id).await).await?;
                return Err(try_again(PortError::Unknown(why)));
            }
            // A refusal has a reason that the provider's own record tells: voided, expired, captured.
            Err(refused @ PortError::Refused { .. }) => {
                let seen = gateway.fetch(provider_ref).await.map_err(try_again)?;
                if seen.status == ProviderPaymentStatus::Authorized {
                    return Err(try_again(refused));
                }
                seen
            }
            Err(error) => return Err(try_again(error)),
        };
        self.store
            .write(async |tx| {
                payment::observe(&tx, id, &captured, Actor::Provider).await?;
                lease.complete(&tx).await
            })
            .await
    }

    /// Gives up a payment whose order is cancelled. Money that was taken meanwhile is refunded by
    /// what the provider's answer sets off.
    pub(super) async fn void_payment(&self, lease: Lease, id: PaymentId) -> Result<()> {
        let payment = self.payment(id).await?;
        let gateway = self.ports.payment(Some(&payment.provider))?;
        let seen = match &payment.provider_ref {
            None => {
                return self
                    .store
                    .write(async |tx| {
                        payment::void_unregistered(&tx, id).await?;
                        lease.complete(&tx).await
                    })
                    .await;
            }
            Some(provider_ref) => match gateway.void(provider_ref, &format!("void:{id}")).await {
                Ok(seen) => seen,
                Err(PortError::Refused { .. }) => gateway.fetch(provider_ref).await.map_err(try_again)?,
                Err(error) => return Err(try_again(error)),
            },
        };
        self.store
            .write(async |tx| {
                payment::observe(&tx, id, &seen, Actor::Provider).await?;
                lease.complete(&tx).await
            })
            .await
    }

    /// Asks the provider about a payment that is still under way, again and again: a webhook that
    /// never comes costs minutes, not the order. What was given up here before the provider had
    /// answered with its name for it is given up there too.
    pub(super) async fn resolve_payment(&self, lease: Lease, id: PaymentId) -> Result<()> {
        let payment = self.payment(id).await?;
        if let (PaymentStatus::Voided, Some(provider_ref)) = (payment.status, &payment.provider_ref) {
            let gateway = self.ports.payment(Some(&payment.provider))?;
            match gateway.void(provider_ref, &format!("void:{id}")).await {
                Err(refused @ PortError::Refused { .. }) => {
                    // In vain only where there is nothing to give up.
                    let seen = gateway.fetch(provider_ref).await.map_err(try_again)?;
                    if !matches!(seen.status, ProviderPaymentStatus::Voided | ProviderPaymentStatus::Failed) {
                        return Err(try_again(refused));
                    }
                }
                Ok(_) => {}
                Err(error) => return Err(try_again(error)),
            }
        }
        let over = matches!(payment.status, PaymentStatus::Captured | PaymentStatus::Failed | PaymentStatus::Voided);
        if over {
            return self.store.write(async |tx| lease.complete(&tx).await).await;
        }
        let seen = match &payment.provider_ref {
            Some(provider_ref) => {
                let gateway = self.ports.payment(Some(&payment.provider))?;
                Some(gateway.fetch(provider_ref).await.map_err(try_again)?)
            }
            None => None,
        };
        self.store
            .write(async |tx| {
                if let Some(seen) = &seen {
                    payment::observe(&tx, id, seen, Actor::Provider).await?;
                }
                lease.continue_at(&tx, JobKind::ResolvePayment, tx.now + ASK_AFTER).await
            })
            .await
    }

    /// Pays a refund out. "Submitted" commits before the call, so that after a crash it is known
    /// that the provider may have been asked: then the refund is looked for first, as a refusal of
    /// a second call would not tell what became of the first.
    pub(super) async fn refund_payment(&self, lease: Lease, id: RefundId) -> Result<()> {
        let asked_before = refund::was_asked(self.store.read(), id).await?;
        let Some((refund, payment)) = self.store.write(async |tx| refund::submit(&tx, id).await).await? else {
            return self.store.write(async |tx| lease.complete(&tx).await).await;
        };
        if refund.amount == MinorUnits::ZERO {
            // Nothing was paid for it; only our own books have something to reverse.
            return self
                .store
                .write(async |tx| {
                    refund::succeed(&tx, id, None).await?;
                    lease.complete(&tx).await
                })
                .await;
        }
        let provider_ref = payment
            .provider_ref
            .as_deref()
            .ok_or_else(|| Error::internal("a captured payment that the provider has no name for"))?;
        let gateway = self.ports.payment(Some(&payment.provider))?;
        let (amount, key) = (Money { amount: refund.amount, currency: refund.currency }, format!("refund:{id}"));
        let found = match asked_before {
            true => gateway.find_refund(provider_ref, &key).await.map_err(try_again)?,
            false => None,
        };
        let answer = match found {
            Some(paid) => Ok(paid),
            None => gateway.refund(provider_ref, amount, &key).await,
        };
        match answer {
            Ok(paid) => {
                self.store
                    .write(async |tx| {
                        refund::succeed(&tx, id, Some(&paid.provider_ref)).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(PortError::Refused { code, message }) => {
                let why = format!("{code}: {message}");
                self.store
                    .write(async |tx| {
                        refund::fail(&tx, id, &why).await?;
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

    /// Works out what a received return is worth.
    pub(super) async fn process_return(&self, lease: Lease, id: ReturnRequestId) -> Result<()> {
        self.store
            .write(async |tx| {
                returns::process(&tx, id).await?;
                lease.complete(&tx).await
            })
            .await
    }
}
