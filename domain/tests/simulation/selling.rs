//! What sellers, operators and carriers do.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_domain::Tx;
use souk_domain::error::{Code, Result};
use souk_domain::order::{detail, lifecycle};
use souk_domain::payment::refund::approval::{self, Asked, Limits};
use souk_domain::payment::refund::{self, Wanted};
use souk_domain::port::{ProviderPaymentStatus, ProviderTransferStatus, Scan};
use souk_domain::returns::{self, Received};
use souk_domain::{payout, shipment};
use souk_entity::id::OrderLineId;
use souk_entity::money::MinorUnits;
use souk_entity::status::{
    Bearer, OrderStatus, PayoutStatus, RefundStatus, ReturnCondition, ReturnStatus, ShipmentStatus, TrackingStatus,
};
use souk_entity::{order_line, payout as payouts, refund as refunds, return_line, seller_order, shipment as parcels};

use crate::buying::nothing;
use crate::outside::{CARRIER, PROVIDER};
use crate::world::{Placed, World};

impl World {
    async fn part_that_is(&mut self, statuses: &[OrderStatus]) -> Result<seller_order::Model> {
        let rows = seller_order::Entity::find()
            .filter(seller_order::Column::Status.is_in(statuses.iter().copied()))
            .order_by_asc(seller_order::Column::Id)
            .all(self.store.read())
            .await?;
        self.dice.pick(&rows).ok_or_else(|| nothing("seller order"))
    }

    async fn lines(&self, part: &seller_order::Model) -> Result<Vec<order_line::Model>> {
        Ok(order_line::Entity::find()
            .filter(order_line::Column::SellerOrderId.eq(part.id))
            .order_by_asc(order_line::Column::Position)
            .all(self.store.read())
            .await?)
    }

    pub async fn accept(&mut self) -> Result<()> {
        let part = self.part_that_is(&[OrderStatus::Confirmed]).await?;
        let actor = self.shop(part.seller_id).actor();
        self.store.write(async |tx| lifecycle::accept(&tx, part.id, actor).await).await
    }

    pub async fn reject(&mut self) -> Result<()> {
        let part = self.part_that_is(&[OrderStatus::Confirmed, OrderStatus::Processing]).await?;
        let actor = self.shop(part.seller_id).actor();
        self.store.write(async |tx| lifecycle::cancel_part(&tx, part.id, actor, "out of it").await).await
    }

    pub async fn pack(&mut self) -> Result<()> {
        use OrderStatus::{PartiallyDelivered, PartiallyShipped, Processing};
        let part = self.part_that_is(&[Processing, PartiallyShipped, PartiallyDelivered]).await?;
        let houses = self.shop(part.seller_id).warehouses.clone();
        let house = self.dice.pick(&houses).unwrap();
        let lines = self.lines(&part).await?;
        let lines: Option<Vec<(OrderLineId, i64)>> = self.dice.chance(30).then(|| {
            let open: Vec<_> = lines.iter().filter(|line| line.quantity > line.shipped_quantity).cloned().collect();
            let some = self.dice.some_of(&open, 3);
            some.iter().map(|line| (line.id, self.dice.within(1, line.quantity - line.shipped_quantity))).collect()
        });
        let actor = self.shop(part.seller_id).actor();
        let write = async |tx: Arc<Tx>| {
            shipment::create(&tx, part.seller_id, actor, part.id, house, lines.as_deref(), CARRIER).await
        };
        self.store.write(write).await?;
        Ok(())
    }

    async fn parcel_that_is(&mut self, statuses: &[ShipmentStatus]) -> Result<parcels::Model> {
        let rows = parcels::Entity::find()
            .filter(parcels::Column::Status.is_in(statuses.iter().copied()))
            .order_by_asc(parcels::Column::Id)
            .all(self.store.read())
            .await?;
        self.dice.pick(&rows).ok_or_else(|| nothing("parcel"))
    }

    pub async fn unpack(&mut self) -> Result<()> {
        let parcel = self.parcel_that_is(&[ShipmentStatus::Pending, ShipmentStatus::Labelled]).await?;
        let actor = self.shop(parcel.seller_id).actor();
        self.store.write(async |tx| shipment::cancel(&tx, parcel.seller_id, parcel.id, actor).await).await?;
        Ok(())
    }

    pub async fn scan(&mut self) -> Result<()> {
        use ShipmentStatus::{DeliveryAttempted, Exception, InTransit, Labelled, OutForDelivery, ReturnToSender};
        let moving = [Labelled, InTransit, OutForDelivery, DeliveryAttempted, Exception, ReturnToSender];
        let parcel = self.parcel_that_is(&moving).await?;
        let status = match self.dice.within(0, 19) {
            0 => TrackingStatus::Exception,
            1 => TrackingStatus::ReturnToSender,
            2 => TrackingStatus::DeliveryAttempted,
            3..=7 => TrackingStatus::InTransit,
            _ => TrackingStatus::Delivered,
        };
        let occurred_at = self.now() - TimeDelta::minutes(self.dice.within(0, 3));
        let scan = Scan { status, description: "scanned".into(), location: None, occurred_at };
        self.log(format!("  {status} of {}", parcel.id));
        self.store.write(async |tx| shipment::observe(&tx, parcel.id, std::slice::from_ref(&scan)).await).await
    }

    pub async fn decide_return(&mut self) -> Result<()> {
        let request = self.return_that_is(&[ReturnStatus::Requested]).await?;
        let (actor, approve) = (self.shop(request.seller_id).actor(), self.dice.chance(85));
        let write = async |tx: Arc<Tx>| match approve {
            true => returns::approve(&tx, request.seller_id, request.id, actor).await,
            false => returns::reject(&tx, request.seller_id, request.id, actor, "no").await,
        };
        self.store.write(write).await?;
        Ok(())
    }

    pub async fn receive_return(&mut self) -> Result<()> {
        let request = self.return_that_is(&[ReturnStatus::Approved, ReturnStatus::InTransit]).await?;
        let wanted = return_line::Entity::find()
            .filter(return_line::Column::ReturnRequestId.eq(request.id))
            .order_by_asc(return_line::Column::OrderLineId)
            .all(self.store.read())
            .await?;
        let received: Vec<Received> = wanted
            .iter()
            .map(|line| Received {
                line_id: line.order_line_id,
                quantity: if self.dice.chance(75) { line.quantity } else { self.dice.within(0, line.quantity) },
                condition: ReturnCondition::AsNew,
                restock: self.dice.chance(50),
            })
            .collect();
        let actor = self.shop(request.seller_id).actor();
        let write = async |tx: Arc<Tx>| returns::receive(&tx, request.seller_id, request.id, actor, &received).await;
        self.store.write(write).await?;
        Ok(())
    }

    /// Units, shipping and goodwill without a return, of what may or may not be left.
    pub async fn ask_refund(&mut self) -> Result<()> {
        use OrderStatus::{Completed, Confirmed, Delivered, PartiallyDelivered, Processing, Refunded, Shipped};
        let part = self
            .part_that_is(&[Confirmed, Processing, Shipped, PartiallyDelivered, Delivered, Completed, Refunded])
            .await?;
        let left = refund::refundable(self.store.read(), &part).await?;
        let mut wanted = Wanted {
            lines: Vec::new(),
            shipping: MinorUnits::ZERO,
            goodwill: MinorUnits::ZERO,
            borne_by: if self.dice.chance(50) { Bearer::Seller } else { Bearer::Platform },
            note: Some("sorry".into()),
        };
        if self.dice.chance(60) {
            let open: Vec<_> = left.lines.iter().filter(|(_, units, _)| *units > 0).cloned().collect();
            let some = if open.is_empty() { Vec::new() } else { self.dice.some_of(&open, 3) };
            wanted.lines = some.iter().map(|(line, units, _)| (line.id, self.dice.within(1, *units))).collect();
        }
        if self.dice.chance(40) {
            wanted.shipping = MinorUnits(self.dice.within(0, left.shipping.amount.0));
        }
        if self.dice.chance(30) {
            wanted.goodwill = MinorUnits(self.dice.within(0, 1 + left.total.amount.0 / 4));
        }
        let (asking, limits) = (self.operator, limits());
        let asked = self.store.write(async |tx| approval::ask(&tx, part.id, &wanted, asking, &limits).await).await?;
        match asked {
            Asked::Made(made) => {
                self.log(format!("  {} of {} with {} lines", made.refund.amount.0, part.number, wanted.lines.len()));
            }
            Asked::Waits(row) => {
                self.log(format!("  {} of {} waits for a second operator", row.amount.0, part.number));
                let second = self.second_operator;
                if self.dice.chance(50) {
                    self.store.write(async |tx| approval::approve(&tx, row.id, second).await).await?;
                } else if self.dice.chance(50) {
                    self.store.write(async |tx| approval::reject(&tx, row.id, second, "no").await).await?;
                }
            }
        }
        Ok(())
    }

    pub async fn retry_refund(&mut self) -> Result<()> {
        let rows = refunds::Entity::find()
            .filter(refunds::Column::Status.eq(RefundStatus::Failed))
            .order_by_asc(refunds::Column::Id)
            .all(self.store.read())
            .await?;
        let failed = self.dice.pick(&rows).ok_or_else(|| nothing("refund"))?;
        let actor = self.operator();
        self.store.write(async |tx| refund::retry(&tx, failed.id, actor, &limits()).await).await?;
        Ok(())
    }

    pub async fn pay_out(&mut self) -> Result<()> {
        let at = self.some_shop();
        let (seller, actor) = (self.shops[at].seller, self.operator());
        let made = self.store.write(async |tx| payout::run(&tx, seller, PROVIDER, actor).await).await?;
        for payout in made {
            self.log(format!("  payout of {}", payout.amount.0));
        }
        Ok(())
    }

    /// A seller's bank sends a payout back.
    pub async fn send_payout_back(&mut self) -> Result<()> {
        let rows = payouts::Entity::find()
            .filter(payouts::Column::Status.is_in([PayoutStatus::Paid, PayoutStatus::Unresolved]))
            .order_by_asc(payouts::Column::Id)
            .all(self.store.read())
            .await?;
        let payout = self.dice.pick(&rows).ok_or_else(|| nothing("payout"))?;
        let transfer = self.outside.transfers.get_mut(&format!("payout:{}", payout.id));
        let transfer = transfer.filter(|transfer| transfer.status == ProviderTransferStatus::Paid);
        let seen = match transfer {
            Some(transfer) => {
                transfer.status = ProviderTransferStatus::Returned;
                transfer.failure_code = Some("account_closed".into());
                transfer.clone()
            }
            None => return Err(nothing("transfer")),
        };
        self.store.write(async |tx| payout::observe(&tx, payout.id, &seen).await).await
    }

    /// An order goes all its way to the shopper at once, as most do.
    pub async fn sell(&mut self) -> Result<()> {
        let before = self.orders.len();
        self.place().await?;
        self.outside.calm = true;
        let arrived = self.bring(self.orders[before].clone()).await;
        self.outside.calm = false;
        arrived
    }

    async fn bring(&mut self, placed: Placed) -> Result<()> {
        self.pay_for(&placed, ProviderPaymentStatus::Authorized).await?;
        self.run_due(1_000).await?;
        let order = detail::read(self.store.read(), self.store.vault(), placed.id, None).await?;
        for part in order.parts.iter().map(|part| &part.seller_order) {
            let (actor, houses) = (self.shop(part.seller_id).actor(), self.shop(part.seller_id).warehouses.clone());
            if part.status == OrderStatus::Confirmed {
                self.store.write(async |tx| lifecycle::accept(&tx, part.id, actor).await).await?;
            }
            for house in houses {
                let write = async |tx: Arc<Tx>| {
                    shipment::create(&tx, part.seller_id, actor, part.id, house, None, CARRIER).await
                };
                match self.store.write(write).await {
                    // All of it is in the other one.
                    Err(error) if error.code == Code::InvalidValue => {}
                    made => _ = made?,
                }
            }
        }
        self.run_due(1_000).await?;
        let sent = parcels::Entity::find()
            .filter(parcels::Column::OrderId.eq(placed.id))
            .order_by_asc(parcels::Column::Id)
            .all(self.store.read())
            .await?;
        let occurred_at = self.now();
        for parcel in sent {
            let scan =
                Scan { status: TrackingStatus::Delivered, description: "scanned".into(), location: None, occurred_at };
            let write = async |tx: Arc<Tx>| shipment::observe(&tx, parcel.id, std::slice::from_ref(&scan)).await;
            self.store.write(write).await?;
        }
        Ok(())
    }
}

/// Small enough to be met often.
fn limits() -> Limits {
    "*:20".parse().expect("limits")
}
