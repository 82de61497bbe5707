//! What shoppers do.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_domain::Tx;
use souk_domain::actor::Actor;
use souk_domain::cart::{self, Owner};
use souk_domain::error::{Code, Error, Result};
use souk_domain::money::Money;
use souk_domain::order::contact::Address;
use souk_domain::order::edit::{self, Edit};
use souk_domain::order::placement::{self, Placement};
use souk_domain::order::{detail, lifecycle};
use souk_domain::payment;
use souk_domain::port::ProviderPaymentStatus;
use souk_domain::returns::{self, Wanted};
use souk_entity::id::{OfferId, OrderId};
use souk_entity::status::{OrderStatus, ReturnReason, ReturnStatus};
use souk_entity::{order, payment as payments, return_request};

use crate::outside::PROVIDER;
use crate::world::{Placed, World};

/// There is nothing to do it with.
pub fn nothing(of: &str) -> Error {
    Error::not_found(of)
}

impl World {
    fn address(&mut self) -> Address {
        let (country, region) = self.dice.one([("US", None), ("US", Some("NY")), ("DE", None), ("FR", None)]);
        Address {
            name: "Ann".into(),
            line1: "Road 2".into(),
            line2: None,
            city: "Village".into(),
            region: region.map(str::to_owned),
            postal_code: "54321".into(),
            country: country.into(),
            phone: None,
        }
    }

    pub async fn place(&mut self) -> Result<()> {
        let (owner, email) = self.dice.pick(&self.shoppers).unwrap();
        let currency = self.currency();
        let all = self.offers_in(currency);
        if all.is_empty() {
            return Err(nothing("offer"));
        }
        let lines: Vec<(OfferId, i64)> =
            self.dice.some_of(&all, 8).into_iter().map(|offer| (offer, self.dice.within(1, 5))).collect();
        let codes = if self.dice.chance(25) { self.dice.some_of(&self.codes.clone(), 2) } else { Vec::new() };
        let address = self.address();
        let number = self.numbers.next(&self.store, self.now()).await?;
        let at_once = owner.clone();
        let write = async |tx: Arc<Tx>| {
            let cart = cart::create(&tx, &at_once, currency).await?;
            cart::put_lines(&tx, &cart, &lines).await?;
            for code in &codes {
                cart::add_code(&tx, &cart, code).await?;
            }
            let placement = Placement {
                cart_id: cart.id,
                owner: at_once.clone(),
                number: number.clone(),
                expected_total: None,
                email: email.clone(),
                shipping_address: address.clone(),
                billing_address: address.clone(),
                notes: None,
                payment_window: TimeDelta::hours(2),
            };
            placement::place(&tx, &placement).await
        };
        match self.store.write(write).await? {
            placement::Placed::New(detail) => {
                self.log(format!("  {} of {} for {}", detail.order.number, lines.len(), detail.order.total.0));
                self.orders.push(Placed { id: detail.order.id, owner });
                Ok(())
            }
            placement::Placed::Before(_) => Err(Error::internal("a new cart was placed before")),
        }
    }

    /// One of the orders in such a state.
    async fn order_that_is(&mut self, statuses: &[OrderStatus]) -> Result<Placed> {
        let rows = order::Entity::find()
            .filter(order::Column::Status.is_in(statuses.iter().copied()))
            .order_by_asc(order::Column::Id)
            .all(self.store.read())
            .await?;
        let found: Vec<Placed> =
            self.orders.iter().filter(|placed| rows.iter().any(|row| row.id == placed.id)).cloned().collect();
        self.dice.pick(&found).ok_or_else(|| nothing("order"))
    }

    pub async fn edit(&mut self) -> Result<()> {
        let placed = self.order_that_is(&[OrderStatus::Pending]).await?;
        let before = detail::read(self.store.read(), self.store.vault(), placed.id, None).await?;
        let there: Vec<OfferId> = before
            .parts
            .iter()
            .flat_map(|part| &part.lines)
            .filter(|line| line.quantity > 0)
            .map(|line| line.offer_id)
            .collect();
        let all = self.offers_in(before.order.currency);
        let (any, own) = (self.dice.pick(&all).unwrap(), self.dice.pick(&there).unwrap());
        let change = match self.dice.within(0, 3) {
            0 => Edit::Add(any, self.dice.within(1, 4)),
            1 | 2 => Edit::Update(own, self.dice.within(1, 6)),
            _ => Edit::Remove(own),
        };
        let actor = shopper(&placed.owner);
        if self.dice.chance(50) {
            self.store.write(async |tx| edit::give_up_payment(&tx, placed.id).await).await?;
            self.run_due(3).await?;
        }
        let write = async |tx: Arc<Tx>| edit::edit(&tx, placed.id, change, None, actor).await;
        let after = self.store.write(write).await?;
        self.log(format!("  {} {change:?} to {}", after.order.number, after.order.total.0));
        Ok(())
    }

    /// The shopper pays, or tries to, or begins to.
    pub async fn pay(&mut self) -> Result<()> {
        let placed = self.order_that_is(&[OrderStatus::Pending]).await?;
        let status = match self.dice.within(0, 9) {
            0 => ProviderPaymentStatus::Failed,
            1 => ProviderPaymentStatus::RequiresAction,
            2 => ProviderPaymentStatus::RequiresConfirmation,
            _ => ProviderPaymentStatus::Authorized,
        };
        self.pay_for(&placed, status).await
    }

    pub async fn pay_for(&mut self, placed: &Placed, status: ProviderPaymentStatus) -> Result<()> {
        let order = detail::read(self.store.read(), self.store.vault(), placed.id, None).await?.order;
        if order.status != OrderStatus::Pending {
            // It costs nothing.
            return Ok(());
        }
        let write = async |tx: Arc<Tx>| payment::open(&tx, placed.id, &placed.owner, PROVIDER).await;
        let opened = self.store.write(write).await?;
        let amount = Money { amount: opened.amount, currency: opened.currency };
        let made = self.outside.create(&opened.id.to_string(), amount);
        let known = self.outside.calm || self.dice.chance(95);
        if known {
            self.store.write(async |tx| payment::register(&tx, opened.id, &made).await).await?;
        }
        self.outside.confirm(&made.provider_ref, amount, status);
        // The webhook: it comes, or the job asks later.
        if known && (self.outside.calm || self.dice.chance(70)) {
            let seen = self.outside.fetch(&made.provider_ref);
            let write = async |tx: Arc<Tx>| payment::observe(&tx, opened.id, &seen, Actor::Provider).await;
            self.store.write(write).await?;
        }
        self.log(format!("  {status:?} {} for {}", opened.amount.0, opened.id));
        Ok(())
    }

    /// The provider tells again where a payment is: doubled, late, whatever has become of it here.
    pub async fn hear_again(&mut self) -> Result<()> {
        let rows = payments::Entity::find()
            .filter(payments::Column::ProviderRef.is_not_null())
            .order_by_asc(payments::Column::Id)
            .all(self.store.read())
            .await?;
        let known = self.dice.pick(&rows).ok_or_else(|| nothing("payment"))?;
        let seen = self.outside.fetch(known.provider_ref.as_deref().unwrap());
        let write = async |tx: Arc<Tx>| payment::observe(&tx, known.id, &seen, Actor::Provider).await;
        self.store.write(write).await?;
        Ok(())
    }

    pub async fn cancel_order(&mut self) -> Result<()> {
        use OrderStatus::{Confirmed, Pending, Processing};
        let placed = self.order_that_is(&[Pending, Confirmed, Processing]).await?;
        let actor = shopper(&placed.owner);
        self.store.write(async |tx| lifecycle::cancel(&tx, placed.id, actor, "changed my mind").await).await
    }

    pub async fn ask_to_return(&mut self) -> Result<()> {
        use OrderStatus::{Completed, Delivered, PartiallyDelivered};
        let placed = self.order_that_is(&[Delivered, PartiallyDelivered, Completed]).await?;
        let order = detail::read(self.store.read(), self.store.vault(), placed.id, None).await?;
        let arrived: Vec<_> = order
            .parts
            .into_iter()
            .filter(|part| part.lines.iter().any(|line| line.delivered_quantity > line.returned_quantity))
            .collect();
        let part = self.dice.pick(&arrived).ok_or_else(|| nothing("delivered part"))?;
        let open: Vec<_> =
            part.lines.iter().filter(|line| line.delivered_quantity > line.returned_quantity).cloned().collect();
        let wanted: Vec<Wanted> = self
            .dice
            .some_of(&open, 3)
            .into_iter()
            .map(|line| Wanted {
                line_id: line.id,
                quantity: self.dice.within(1, line.delivered_quantity - line.returned_quantity),
                reason: ReturnReason::Damaged,
            })
            .collect();
        let part = part.seller_order.id;
        let write = async |tx: Arc<Tx>| returns::request(&tx, &placed.owner, part, &wanted, None).await;
        self.store.write(write).await?;
        Ok(())
    }

    pub async fn take_return_back(&mut self) -> Result<()> {
        let request = self.return_that_is(&[ReturnStatus::Requested, ReturnStatus::Approved]).await?;
        let owner = self.owner(request.order_id);
        self.store.write(async |tx| returns::cancel(&tx, &owner, request.id).await).await?;
        Ok(())
    }

    pub async fn return_that_is(&mut self, statuses: &[ReturnStatus]) -> Result<return_request::Model> {
        let rows = return_request::Entity::find()
            .filter(return_request::Column::Status.is_in(statuses.iter().copied()))
            .order_by_asc(return_request::Column::Id)
            .all(self.store.read())
            .await?;
        self.dice.pick(&rows).ok_or_else(|| nothing("return"))
    }

    fn owner(&self, order: OrderId) -> Owner {
        self.orders.iter().find(|placed| placed.id == order).unwrap().owner.clone()
    }
}

fn shopper(owner: &Owner) -> Actor {
    Actor::Shopper(owner.columns().0)
}

/// What the domain may answer when somebody asks for what cannot be.
pub fn is_refusal(error: &Error) -> bool {
    !matches!(error.code, Code::Internal | Code::ConcurrentChange)
}
