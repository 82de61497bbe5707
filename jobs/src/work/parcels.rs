//! Buying and giving back labels, and asking carriers where parcels are.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::error::{Error, Result};
use souk_domain::job::Lease;
use souk_domain::order::contact;
use souk_domain::port::{ParcelRequest, PortError, PostalAddress};
use souk_domain::shipment::{self as parcels, ASK_EVERY};
use souk_entity::id::ShipmentId;
use souk_entity::status::{AddressKind, JobKind, ShipmentDirection, ShipmentStatus};
use souk_entity::{order_address, seller, seller_order, shipment, warehouse};

use super::{Work, try_again};

impl Work {
    async fn shipment(&self, id: ShipmentId) -> Result<shipment::Model> {
        let found = shipment::Entity::find_by_id(id).one(self.store.read()).await?;
        found.ok_or_else(|| Error::not_found("shipment"))
    }

    /// Buys a label. A shipment cancelled before the carrier was asked needs none; one cancelled
    /// while it was being asked has its label given back by what records it.
    pub(super) async fn buy_label(&self, lease: Lease, id: ShipmentId) -> Result<()> {
        let shipment = self.shipment(id).await?;
        // A first try may have bought it before its worker died: then it is recorded and given back.
        let tried_before = lease.attempts > 1;
        if shipment.carrier_ref.is_some() || (shipment.status != ShipmentStatus::Pending && !tried_before) {
            return self.store.write(async |tx| lease.complete(&tx).await).await;
        }
        let Some(request) = self.parcel_request(&shipment).await? else {
            return self
                .store
                .write(async |tx| {
                    parcels::label_refused(&tx, id, "The shopper's data is erased; there is no address.").await?;
                    lease.complete(&tx).await
                })
                .await;
        };
        let carrier = self.ports.carrier(Some(&shipment.carrier))?;
        // A refusal of a second call would not tell what became of the first.
        let found = match tried_before {
            true => carrier.find_label(&label_key(id)).await.map_err(try_again)?,
            false => None,
        };
        let answer = match found {
            Some(found) => Ok(found.label),
            None => carrier.buy(&request, &label_key(id)).await,
        };
        match answer {
            Ok(label) => {
                self.store
                    .write(async |tx| {
                        parcels::labelled(&tx, id, &label).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(PortError::Refused { code, message }) => {
                let why = format!("{code}: {message}");
                self.store
                    .write(async |tx| {
                        parcels::label_refused(&tx, id, &why).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(error) => Err(try_again(error)),
        }
    }

    /// What the carrier is asked for; `None` when the shopper is erased and there is nowhere to send it.
    async fn parcel_request(&self, shipment: &shipment::Model) -> Result<Option<ParcelRequest>> {
        let db = self.store.read();
        let missing = |what: &str| Error::internal(format!("shipment {} has no {what}", shipment.id));
        let part = seller_order::Entity::find_by_id(shipment.seller_order_id).one(db).await?;
        let seller = seller::Entity::find_by_id(shipment.seller_id).one(db).await?;
        let place = warehouse::Entity::find_by_id(shipment.warehouse_id).one(db).await?;
        let address = order_address::Entity::find()
            .filter(order_address::Column::OrderId.eq(shipment.order_id))
            .filter(order_address::Column::Kind.eq(AddressKind::Shipping))
            .one(db)
            .await?;
        let (place, address) = (place.ok_or_else(|| missing("warehouse"))?, address.ok_or_else(|| missing("address"))?);
        let person = contact::shopper_of(db, self.store.vault(), shipment.order_id).await?;
        let Some(address) = contact::open_address(&person, &address)? else { return Ok(None) };
        let house = PostalAddress {
            name: seller.ok_or_else(|| missing("seller"))?.name,
            line1: place.line1,
            line2: place.line2,
            city: place.city,
            region: place.region,
            postal_code: place.postal_code,
            country: place.country,
        };
        let shopper = PostalAddress {
            name: address.name,
            line1: address.line1,
            line2: address.line2,
            city: address.city,
            region: address.region,
            postal_code: address.postal_code,
            country: address.country,
        };
        let (from, to) = match shipment.direction {
            ShipmentDirection::Outbound => (house, shopper),
            ShipmentDirection::Return => (shopper, house),
        };
        Ok(Some(ParcelRequest {
            reference: part.ok_or_else(|| missing("seller order"))?.number,
            from,
            to,
            weight_grams: shipment.weight_grams,
            currency: shipment.currency,
        }))
    }

    /// Gives a label back. A carrier that has moved the parcel already keeps its price; whether an
    /// earlier try gave it back is asked first.
    pub(super) async fn void_label(&self, lease: Lease, id: ShipmentId) -> Result<()> {
        let shipment = self.shipment(id).await?;
        let Some(carrier_ref) = &shipment.carrier_ref else {
            return self.store.write(async |tx| lease.complete(&tx).await).await;
        };
        let carrier = self.ports.carrier(Some(&shipment.carrier))?;
        let found = match lease.attempts > 1 {
            true => carrier.find_label(&label_key(id)).await.map_err(try_again)?,
            false => None,
        };
        let answer = match found {
            Some(found) if found.voided => Ok(()),
            _ => carrier.void(carrier_ref, &format!("void-label:{id}:1")).await,
        };
        match answer {
            Ok(()) => {
                self.store
                    .write(async |tx| {
                        parcels::label_voided(&tx, id).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(error @ PortError::Refused { .. }) => {
                tracing::warn!(shipment = %id, %error, "the carrier keeps the price of a cancelled label");
                self.store.write(async |tx| lease.complete(&tx).await).await
            }
            Err(error) => Err(try_again(error)),
        }
    }

    /// Asks the carrier for all scans of a parcel, until it has arrived.
    pub(super) async fn sync_shipment(&self, lease: Lease, id: ShipmentId) -> Result<()> {
        let shipment = self.shipment(id).await?;
        let scans = match &shipment.tracking_number {
            Some(number) => self.ports.carrier(Some(&shipment.carrier))?.track(number).await.map_err(try_again)?,
            None => Vec::new(),
        };
        self.store
            .write(async |tx| {
                parcels::observe(&tx, id, &scans).await?;
                if parcels::still_moving(&tx, id).await? {
                    lease.continue_at(&tx, JobKind::SyncShipment, tx.now + ASK_EVERY).await
                } else {
                    lease.complete(&tx).await
                }
            })
            .await
    }
}

/// The key that a shipment's one label is bought with.
fn label_key(id: ShipmentId) -> String {
    format!("label:{id}:1")
}
