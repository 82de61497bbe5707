//! One order, from cart to its status in the source, through the shopper's and the sellers' API.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Account, Call, Client, Error, Result};
use crate::goal::{CancelledBy, Goal};
use crate::market::{CURRENCY, Market, known};
use crate::source::{Line, Order};
use crate::state::{Placed, State};
use crate::turns::Turns;
use crate::view::{self, Made, NewCart, Offer, OrderStatus, Payment, Refunds, SellerOrder, Tracking};

/// The pause between two looks at an order that moves by itself.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The pause is doubled up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// An order that does not change for this long is given up.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Everything that orders share.
pub struct Replay<'a> {
    pub client: &'a Client,
    pub state: &'a State,
    pub market: &'a Market<'a>,
    pub turns: &'a Turns,
}

/// What this run has done for an order, so that nothing is asked twice in a row.
#[derive(Default)]
struct Asked {
    payment: bool,
    cancellation: bool,
    accepted: HashSet<Uuid>,
    packed: HashSet<Uuid>,
    advanced: HashSet<String>,
    /// The last refusal that was looked over because the next look at the order may explain it.
    refusal: Option<Error>,
}

impl Asked {
    /// A step that was taken before is refused as one that leads nowhere; that is looked over.
    fn or_taken(&mut self, outcome: Result<()>) -> Result<()> {
        match outcome {
            Err(error) if error.is("ILLEGAL_TRANSITION") || error.is("INVALID_VALUE") => {
                self.refusal = Some(error);
                Ok(())
            }
            other => other,
        }
    }
}

impl Replay<'_> {
    /// Brings an order to its end: places it, or goes on from where an earlier run left it.
    ///
    /// # Errors
    /// What stopped it.
    pub async fn bring(&self, order: &Order) -> Result<()> {
        let turn = self.turns.take(order).await;
        let goal = Goal::of(order);
        let shopper = self.market.customer(&order.customer.id)?;
        let id = match self.state.placed(&order.id) {
            None => self.place(order, shopper, 1).await?,
            Some(placed) => {
                let seen = self.look(placed.id, shopper).await?;
                if goal.is_lost(seen.status) {
                    self.place(order, shopper, placed.attempt + 1).await?
                } else {
                    placed.id
                }
            }
        };
        drop(turn);
        self.drive(order, &goal, id, shopper).await?;
        self.state.order_finished(&order.id)
    }

    async fn look(&self, id: Uuid, shopper: &Account) -> Result<view::Order> {
        self.client.call(Call::get(format!("/api/v1/orders/{id}")).by(shopper)).await
    }

    /// The same requests with the same keys give the same cart and order, so that a run that was
    /// stopped in here is gone on with by doing it all again.
    async fn place(&self, order: &Order, shopper: &Account, attempt: u32) -> Result<Uuid> {
        let mut lines = Vec::with_capacity(order.lines.len());
        for line in &order.lines {
            let offer = known(self.state.offer(&line.offer), "offer")?;
            if self.turns.is_changing(&line.offer) {
                self.set_price(line, offer).await?;
            }
            lines.push(json!({"offer_id": offer, "quantity": line.quantity}));
        }
        let cart = Call::post("/api/v1/carts", json!({"currency": CURRENCY, "lines": lines})).by(shopper);
        let cart: NewCart = self.client.call(cart.key(format!("cart:{}:{attempt}", order.id))).await?;
        let cart = cart.cart.id;
        for (seller, freight) in &order.freight {
            let method = known(self.state.method(seller, *freight), "shipping method")?;
            let path = format!("/api/v1/carts/{cart}/shipping/{}", self.market.ids_of(seller)?.id);
            let choose = Call::put(path, json!({"shipping_method_id": method})).by(shopper);
            match self.client.done(choose).await {
                // It was placed just before the last run stopped.
                Err(error) if error.is("CART_COMPLETED") => break,
                other => other?,
            }
        }
        let customer = &order.customer;
        let body = json!({
            "cart_id": cart,
            "expected_total": order.total().to_string(),
            "currency": CURRENCY,
            "email": shopper.email(),
            "shipping_address": {
                "name": format!("Customer {}", customer.id),
                "line1": "Caixa Postal 1",
                "city": customer.city,
                "region": customer.state,
                "postal_code": customer.zip,
                "country": "BR",
            },
        });
        let place = Call::post("/api/v1/orders", body).by(shopper).key(format!("order:{}:{attempt}", order.id));
        let made: Made = self.client.call(place).await?;
        self.state.order_placed(&order.id, Placed { id: made.id, attempt })?;
        Ok(made.id)
    }

    async fn set_price(&self, line: &Line, offer: Uuid) -> Result<()> {
        let seller = self.market.account_of(&line.offer.seller)?;
        let path = format!("/api/v1/seller/offers/{offer}");
        let now: Offer = self.client.call(Call::get(&path).by(seller)).await?;
        if now.price == line.price {
            return Ok(());
        }
        let body = json!({"price": line.price.to_string(), "currency": CURRENCY});
        match self.client.done(Call::patch(&path, body).by(seller).if_match(now.version)).await {
            // The answer to the first try was lost. Nobody else changes this price while it is our turn,
            // and the order says what total it expects.
            Err(error) if error.is("STALE_VERSION") => Ok(()),
            other => other,
        }
    }

    /// Looks at the order and does the next thing for it, until it is where it should be.
    async fn drive(&self, order: &Order, goal: &Goal, id: Uuid, shopper: &Account) -> Result<()> {
        let mut asked = Asked::default();
        let (mut pause, mut since, mut before) = (FIRST_PAUSE, Instant::now(), None);
        loop {
            let seen = self.look(id, shopper).await?;
            let parts: Vec<OrderStatus> = seen.seller_orders.iter().map(|part| part.status).collect();
            if goal.is_reached(seen.status) && self.is_paid_back(goal, &seen, shopper).await? {
                return Ok(());
            }
            let acted = self.step(order, goal, &seen, shopper, &mut asked).await?;
            if acted || before.as_ref() != Some(&parts) {
                (pause, since, before) = (FIRST_PAUSE, Instant::now(), Some(parts));
            }
            if since.elapsed() > STUCK_AFTER {
                let hint = asked.refusal.map(|error| format!("; last refusal: {error}")).unwrap_or_default();
                return Err(Error::Stuck(format!("the order stays {:?}{hint}", seen.status)));
            }
            if !acted {
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }

    /// Whether what was paid for a cancelled order has been paid back; true for all others.
    async fn is_paid_back(&self, goal: &Goal, seen: &view::Order, shopper: &Account) -> Result<bool> {
        if goal.cancelled_by.is_none() || !goal.paid || seen.total.0 == 0 {
            return Ok(true);
        }
        let refunds = Call::get(format!("/api/v1/orders/{}/refunds?limit=100", seen.id)).by(shopper);
        let refunds: Refunds = self.client.call(refunds).await?;
        Ok(!refunds.items.is_empty() && refunds.items.iter().all(|refund| refund.status == "succeeded"))
    }

    /// Does what the order waits for; `false` when it moves by itself.
    async fn step(
        &self,
        order: &Order,
        goal: &Goal,
        seen: &view::Order,
        shopper: &Account,
        asked: &mut Asked,
    ) -> Result<bool> {
        if seen.status == OrderStatus::Pending && goal.paid {
            return if std::mem::replace(&mut asked.payment, true) {
                Ok(false)
            } else {
                self.pay(seen.id, shopper, asked).await.map(|()| true)
            };
        }
        if let Some(by) = goal.cancelled_by {
            if seen.status == OrderStatus::Cancelled || std::mem::replace(&mut asked.cancellation, true) {
                return Ok(false);
            }
            return self.cancel(by, order, seen, shopper, asked).await.map(|()| true);
        }
        let mut acted = false;
        for part in &seen.seller_orders {
            if part.status == OrderStatus::Confirmed && goal.accepted && asked.accepted.insert(part.id) {
                let path = format!("/api/v1/seller/orders/{}/accept", part.id);
                self.by_seller(part, Call::post_nothing(path), "accept", asked).await?;
                acted = true;
            }
        }
        match goal.parcels {
            Some(target) => Ok(self.send_parcels(target, seen, shopper, asked).await? || acted),
            None => Ok(acted),
        }
    }

    /// Opens a payment and confirms it where the shopper's browser would be sent.
    async fn pay(&self, id: Uuid, shopper: &Account, asked: &mut Asked) -> Result<()> {
        let start = Call::post(format!("/api/v1/orders/{id}/payments"), json!({})).by(shopper);
        let payment: Payment = match self.client.call(start).await {
            // It was paid since we looked.
            Err(error) if error.is("ILLEGAL_TRANSITION") || error.is("PAYMENT_IN_PROGRESS") => {
                asked.refusal = Some(error);
                return Ok(());
            }
            other => other?,
        };
        let reference = known(payment.provider_ref, "payment reference")?;
        let body = json!({"payment_method": "pm_ok"});
        let confirm = Call::post(format!("/simulator/payments/{reference}/confirm"), body);
        asked.or_taken(self.client.done(confirm).await)
    }

    async fn cancel(
        &self,
        by: CancelledBy,
        order: &Order,
        seen: &view::Order,
        shopper: &Account,
        asked: &mut Asked,
    ) -> Result<()> {
        let reason = json!({"reason": "cancelled in the source"});
        match by {
            CancelledBy::Shopper => {
                let path = format!("/api/v1/orders/{}/cancel", seen.id);
                let cancel = Call::post(path, reason).by(shopper).key(format!("cancel:{}:{}", order.id, seen.id));
                asked.or_taken(self.client.done(cancel).await)
            }
            CancelledBy::Sellers => {
                for part in seen.seller_orders.iter().filter(|part| part.status != OrderStatus::Cancelled) {
                    let path = format!("/api/v1/seller/orders/{}/reject", part.id);
                    self.by_seller(part, Call::post(path, reason.clone()), "reject", asked).await?;
                }
                Ok(())
            }
        }
    }

    /// Packs what is accepted, and moves parcels that have a label.
    async fn send_parcels(
        &self,
        target: &'static str,
        seen: &view::Order,
        shopper: &Account,
        asked: &mut Asked,
    ) -> Result<bool> {
        let mut acted = false;
        for part in seen.seller_orders.iter().filter(|part| part.status == OrderStatus::Processing) {
            if asked.packed.insert(part.id) {
                let seller = self.seller_of(part)?;
                let body = json!({"warehouse_id": self.market.ids_of(&seller)?.warehouse});
                let path = format!("/api/v1/seller/orders/{}/shipments", part.id);
                // A run that was stopped may have packed it: then nothing is left to pack.
                self.by_seller(part, Call::post(path, body), "ship", asked).await?;
                acted = true;
            }
        }
        if acted || asked.packed.is_empty() && seen.seller_orders.iter().all(is_before_parcels) {
            return Ok(acted);
        }
        let tracking = Call::get(format!("/api/v1/orders/{}/tracking", seen.id)).by(shopper);
        let tracking: Tracking = self.client.call(tracking).await?;
        for parcel in tracking.shipments {
            let moves = parcel.direction == "outbound" && parcel.status != "cancelled" && parcel.status != target;
            let Some(number) = parcel.tracking_number.filter(|_| moves) else { continue };
            if seen.seller_orders.iter().any(|part| part.id == parcel.seller_order_id)
                && asked.advanced.insert(number.clone())
            {
                let advance = Call::post(format!("/simulator/parcels/{number}/advance"), json!({"to": target}));
                asked.or_taken(self.client.done(advance).await)?;
                acted = true;
            }
        }
        Ok(acted)
    }

    /// A step of the seller of a part, safe to be repeated.
    async fn by_seller(&self, part: &SellerOrder, call: Call<'_>, step: &str, asked: &mut Asked) -> Result<()> {
        let account = self.market.account_of(&self.seller_of(part)?)?;
        let call = call.by(account).key(format!("{step}:{}", part.id));
        asked.or_taken(self.client.call::<Value>(call).await.map(drop))
    }

    fn seller_of(&self, part: &SellerOrder) -> Result<String> {
        self.market.seller_by_id(part.seller_id)
    }
}

fn is_before_parcels(part: &SellerOrder) -> bool {
    matches!(part.status, OrderStatus::Pending | OrderStatus::Confirmed | OrderStatus::Cancelled)
}
