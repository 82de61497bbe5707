//! Acting on events from outside.

use chrono::TimeDelta;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::actor::Actor;
use souk_domain::error::{Error, Result};
use souk_domain::event::cloud_event::{PaymentName, PaymentNews};
use souk_domain::job::Lease;
use souk_domain::port::{PaymentSubject, WebhookError};
use souk_domain::{inbox, payment, payout, shipment as parcels};
use souk_entity::id::InboxId;
use souk_entity::status::InboxSource;
use souk_entity::{inbox as events, payment as payments, payout as payouts, shipment};

use super::{Work, try_again};

impl Work {
    /// A payment event says what to ask the provider about; a carrier's brings scans.
    pub(super) async fn process_webhook(&self, lease: Lease, id: InboxId) -> Result<()> {
        let event = events::Entity::find_by_id(id).one(self.store.read()).await?;
        let event = event.ok_or_else(|| Error::not_found("inbox event"))?;
        match event.source {
            InboxSource::Payment => self.payment_event(lease, event).await,
            InboxSource::Carrier => self.carrier_event(lease, event).await,
            InboxSource::Stream => self.payment_news(lease, event).await,
        }
    }

    async fn payment_event(&self, lease: Lease, event: events::Model) -> Result<()> {
        let notice = self.ports.payment(Some(&event.provider))?.read(&event.body).map_err(unreadable)?;
        match notice.subject {
            PaymentSubject::Payment(provider_ref) => {
                self.about_payment(lease, event, payments::Column::ProviderRef.eq(provider_ref)).await
            }
            PaymentSubject::Transfer(provider_ref) => self.about_transfer(lease, event, &provider_ref).await,
        }
    }

    /// News from the broker is no more than a provider's webhook: a reason to ask the provider.
    async fn payment_news(&self, lease: Lease, event: events::Model) -> Result<()> {
        let news = PaymentNews::read(&event.body).map_err(Error::internal)?;
        let named = match news.payment {
            PaymentName::Ours(id) => payments::Column::Id.eq(id),
            PaymentName::Theirs(provider_ref) => payments::Column::ProviderRef.eq(provider_ref),
        };
        self.about_payment(lease, event, named).await
    }

    async fn about_payment(&self, lease: Lease, event: events::Model, named: SimpleExpr) -> Result<()> {
        let payment = payments::Entity::find()
            .filter(payments::Column::Provider.eq(&event.provider))
            .filter(payments::Column::ProviderRef.is_not_null())
            .filter(named)
            .one(self.store.read())
            .await?;
        let known = payment.and_then(|payment| Some((payment.id, payment.provider_ref?)));
        let Some((payment_id, provider_ref)) = known else { return self.unknown(lease, event, "payment").await };
        let seen = self.ports.payment(Some(&event.provider))?.fetch(&provider_ref).await.map_err(try_again)?;
        self.store
            .write(async |tx| {
                payment::observe(&tx, payment_id, &seen, Actor::Provider).await?;
                inbox::processed(&tx, event.id).await?;
                lease.complete(&tx).await
            })
            .await
    }

    async fn about_transfer(&self, lease: Lease, event: events::Model, provider_ref: &str) -> Result<()> {
        let payout = payouts::Entity::find()
            .filter(payouts::Column::Provider.eq(&event.provider))
            .filter(payouts::Column::ProviderRef.eq(provider_ref))
            .one(self.store.read())
            .await?;
        let Some(payout) = payout else { return self.unknown(lease, event, "payout").await };
        let seen = self.ports.payment(Some(&event.provider))?.fetch_transfer(provider_ref).await.map_err(try_again)?;
        self.store
            .write(async |tx| {
                payout::observe(&tx, payout.id, &seen).await?;
                inbox::processed(&tx, event.id).await?;
                lease.complete(&tx).await
            })
            .await
    }

    async fn carrier_event(&self, lease: Lease, event: events::Model) -> Result<()> {
        let notice = self.ports.carrier(Some(&event.provider))?.read(&event.body).map_err(unreadable)?;
        let shipment = shipment::Entity::find()
            .filter(shipment::Column::Carrier.eq(&event.provider))
            .filter(shipment::Column::TrackingNumber.eq(&notice.tracking_number))
            .one(self.store.read())
            .await?;
        let Some(shipment) = shipment else { return self.unknown(lease, event, "shipment").await };
        self.store
            .write(async |tx| {
                parcels::observe(&tx, shipment.id, &notice.scans).await?;
                inbox::processed(&tx, event.id).await?;
                lease.complete(&tx).await
            })
            .await
    }

    /// An event can be faster than the commit that notes the other side's name for its thing, so
    /// it is tried again; after [`OURS_WITHIN`] it is about something that is not ours.
    async fn unknown(&self, lease: Lease, event: events::Model, what: &str) -> Result<()> {
        if self.store.now() - event.received_at < OURS_WITHIN {
            return Err(Error::not_found(&format!("{what} of this event yet")));
        }
        tracing::warn!(event = %event.id, provider = event.provider, "an event about a {what} that is not ours");
        self.store
            .write(async |tx| {
                inbox::processed(&tx, event.id).await?;
                lease.complete(&tx).await
            })
            .await
    }
}

/// An event about something that is not known by then is not ours.
const OURS_WITHIN: TimeDelta = TimeDelta::minutes(10);

fn unreadable(error: WebhookError) -> Error {
    Error::internal(error)
}
