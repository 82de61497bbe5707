//! What happens when a time is over.

use chrono::TimeDelta;
use souk_domain::actor::Actor;
use souk_domain::cart;
use souk_domain::error::Result;
use souk_domain::job::Lease;
use souk_domain::order::lifecycle::{self, Expiry};
use souk_domain::returns;
use souk_entity::id::{CartId, OrderId, ReturnRequestId, SellerOrderId};
use souk_entity::status::JobKind;

use super::Work;

/// An order whose capture is under way is looked at again after this long.
const LOOK_AT_CAPTURE: TimeDelta = TimeDelta::minutes(2);

/// A seller order with an open return is looked at again after this long.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(12);

impl Work {
    /// Cancels an order that was not paid in time and releases its stock.
    pub(super) async fn expire_order(&self, lease: Lease, id: OrderId) -> Result<()> {
        self.store
            .write(async |tx| match lifecycle::expire(&tx, id).await? {
                Expiry::BeingPaid => lease.continue_at(&tx, JobKind::ExpireOrder, tx.now + LOOK_AT_CAPTURE).await,
                Expiry::Expired | Expiry::NotPending => lease.complete(&tx).await,
            })
            .await
    }

    /// Closes a cart that nobody touched.
    pub(super) async fn expire_cart(&self, lease: Lease, id: CartId) -> Result<()> {
        self.store
            .write(async |tx| match cart::expire(&tx, id).await? {
                Some(later) => lease.continue_at(&tx, JobKind::ExpireCart, later).await,
                None => lease.complete(&tx).await,
            })
            .await
    }

    /// Rejects what its seller did not accept in time.
    pub(super) async fn reject_unaccepted(&self, lease: Lease, id: SellerOrderId) -> Result<()> {
        self.store
            .write(async |tx| {
                lifecycle::reject_unaccepted(&tx, id).await?;
                lease.complete(&tx).await
            })
            .await
    }

    /// Closes an approved return that was never sent.
    pub(super) async fn expire_return(&self, lease: Lease, id: ReturnRequestId) -> Result<()> {
        self.store
            .write(async |tx| {
                returns::expire(&tx, id).await?;
                lease.complete(&tx).await
            })
            .await
    }

    /// Completes a seller order whose return window has closed, once no return is open.
    pub(super) async fn complete_seller_order(&self, lease: Lease, id: SellerOrderId) -> Result<()> {
        self.store
            .write(async |tx| {
                if lifecycle::complete(&tx, id, Actor::System).await? {
                    lease.complete(&tx).await
                } else {
                    lease.continue_at(&tx, JobKind::CompleteSellerOrder, tx.now + LOOK_AGAIN).await
                }
            })
            .await
    }
}
