//! What messages tell of, as text that only has to be put in its place.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use souk_entity::id::{OrderId, OrderLineId, RefundId, ReturnRequestId, SellerOrderId, ShipmentId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{EntityKind, NotificationKind, OrderStatus, RefundReason, WebhookDisabledReason};
use souk_entity::{
    api_key, inventory_level, notification, offer, order, order_line, product, refund, return_line, return_request,
    seller, seller_invitation, seller_order, shipment, shipment_line, status_history, variant, warehouse,
    webhook_endpoint,
};
use uuid::Uuid;

use super::{amount, plain, there};
use crate::error::Result;
use crate::money::multiply;
use crate::notification::About;
use crate::order::detail;

/// What a message tells of; what does not concern it is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The order: the shopper's, or the part of it that is the seller's.
    pub order: Option<OrderFacts>,
    /// The seller whose part it is about.
    pub seller: Option<SellerFacts>,
    /// The items it is about.
    pub lines: Vec<LineFacts>,
    /// What the items add up to.
    pub totals: Option<TotalFacts>,
    /// The parcel.
    pub parcel: Option<ParcelFacts>,
    /// What was paid back, with its currency.
    pub refunded: Option<String>,
    /// The return.
    pub back: Option<ReturnFacts>,
    /// Why, in somebody's words.
    pub reason: Option<String>,
    /// Whether money is paid back for it.
    pub refund_follows: bool,
    /// Until when something is to be done.
    pub due: Option<String>,
    /// The stock.
    pub stock: Option<StockFacts>,
    /// The endpoint.
    pub endpoint: Option<EndpointFacts>,
    /// The API key.
    pub key: Option<KeyFacts>,
    /// What proves that the message was read.
    pub token: Option<TokenFact>,
}

/// A token of an account: told to its reader, and to no log.
#[derive(Clone)]
pub struct TokenFact(SecretString);

impl TokenFact {
    /// Of a token that was worked out.
    pub fn new(token: SecretString) -> Self {
        Self(token)
    }
}

impl std::fmt::Debug for TokenFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenFact(…)")
    }
}

impl PartialEq for TokenFact {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for TokenFact {}

impl Serialize for TokenFact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderFacts {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: String,
}

/// A seller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SellerFacts {
    /// Their name.
    pub name: String,
}

/// An item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineFacts {
    /// The product's name as it was ordered.
    pub name: String,
    /// The variant's.
    pub variant: String,
    /// The seller's code for it.
    pub sku: String,
    /// How many.
    pub quantity: i64,
    /// What so many cost before discounts, with the currency; absent where it says nothing.
    pub price: Option<String>,
}

/// What an order adds up to, each with its currency; absent where it is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TotalFacts {
    /// The items.
    pub items: String,
    /// Taken off, as a negative amount.
    pub discount: Option<String>,
    /// Shipping.
    pub shipping: String,
    /// What tax changed of the prices.
    pub tax_added: Option<String>,
    /// All of it.
    pub total: String,
    /// The tax that all of it contains.
    pub tax: Option<String>,
}

/// A parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParcelFacts {
    /// Who carries it.
    pub carrier: String,
    /// The number it is followed by.
    pub tracking_number: Option<String>,
    /// The day on which it should arrive.
    pub expected: Option<NaiveDate>,
}

/// A return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnFacts {
    /// Its id.
    pub id: String,
}

/// The stock of an offer in a warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StockFacts {
    /// The product's name.
    pub name: String,
    /// The variant's.
    pub variant: String,
    /// The seller's code for it.
    pub sku: String,
    /// Where it is.
    pub warehouse: String,
    /// What can still be sold.
    pub available: i64,
    /// What the seller calls low.
    pub threshold: i64,
}

/// Where a seller's own system is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointFacts {
    /// Its address, without what may be secret of it.
    pub url: String,
    /// Whether it answered that it is gone for good.
    pub gone: bool,
}

/// An API key of a seller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyFacts {
    /// What it is called.
    pub name: String,
    /// What it begins with.
    pub prefix: String,
    /// What it may do.
    pub scopes: String,
}

/// Reads what a notification tells of.
pub(super) async fn read(db: &impl ConnectionTrait, row: &notification::Model, about: &About) -> Result<Facts> {
    use NotificationKind::*;

    let mut facts = Facts::default();
    if let Some(id) = about.seller_order_id {
        facts.of_part(db, id, row).await?;
    }
    match (row.kind, row.order_id) {
        (OrderConfirmed, Some(order)) => facts.of_order(db, order).await?,
        (OrderCancelled, Some(order)) if about.seller_order_id.is_none() => facts.of_cancelled(db, order).await?,
        _ => {}
    }
    if let Some(id) = about.shipment_id {
        facts.of_parcel(db, id).await?;
    }
    if let Some(id) = about.refund_id {
        facts.of_refund(db, id).await?;
    }
    if let Some(id) = about.return_request_id {
        facts.of_return(db, id, row).await?;
    }
    if let Some(id) = about.inventory_level_id {
        let level = there(inventory_level::Entity::find_by_id(id).one(db).await?, "stock")?;
        facts.stock = Some(stock(db, &level).await?);
    }
    if let Some(id) = about.webhook_endpoint_id {
        let endpoint = there(webhook_endpoint::Entity::find_by_id(id).one(db).await?, "endpoint")?;
        let url = endpoint.url.split(['?', '#']).next().unwrap_or_default().to_owned();
        let gone = endpoint.disabled_reason == Some(WebhookDisabledReason::Gone);
        facts.endpoint = Some(EndpointFacts { url, gone });
    }
    if let Some(id) = about.seller_invitation_id {
        let invitation = there(seller_invitation::Entity::find_by_id(id).one(db).await?, "invitation")?;
        facts.seller = Some(seller_of(db, invitation.seller_id).await?);
    }
    if let Some(id) = about.api_key_id {
        let key = there(api_key::Entity::find_by_id(id).one(db).await?, "key")?;
        if let Some(seller) = key.seller_id {
            facts.seller = Some(seller_of(db, seller).await?);
        }
        facts.key = Some(KeyFacts { name: key.name, prefix: key.prefix, scopes: key.scopes });
    }
    if let (Some(version), Some(id)) = (about.seller_version, row.seller_id) {
        facts.seller = Some(seller_of(db, id).await?);
        let decided = status_history::Entity::find()
            .filter(status_history::Column::EntityKind.eq(EntityKind::Seller))
            .filter(status_history::Column::EntityId.eq(Uuid::from(id)))
            .filter(status_history::Column::Version.eq(version))
            .one(db)
            .await?;
        facts.reason = there(decided, "decision")?.note;
    }
    if facts.order.is_none()
        && let Some(id) = row.order_id
        && row.seller_id.is_none()
    {
        let order = there(order::Entity::find_by_id(id).one(db).await?, "order")?;
        facts.order = Some(OrderFacts { id: order.id.to_string(), number: order.number });
    }
    Ok(facts)
}

impl Facts {
    /// All of an order.
    async fn of_order(&mut self, db: &impl ConnectionTrait, id: OrderId) -> Result<()> {
        let order = there(order::Entity::find_by_id(id).one(db).await?, "order")?;
        for part in &detail::parts_of(db, id).await? {
            self.lines.extend(lines(&part.lines, order.currency)?);
        }
        self.totals = Some(TotalFacts {
            items: amount(order.items_total, order.currency),
            discount: some(MinorUnits(-order.discount_total.0), order.currency),
            shipping: amount(order.shipping_total, order.currency),
            tax_added: some(order.tax_added_total, order.currency),
            total: amount(order.total, order.currency),
            tax: some(order.tax_total, order.currency),
        });
        self.order = Some(OrderFacts { id: order.id.to_string(), number: order.number });
        Ok(())
    }

    /// A cancelled order.
    async fn of_cancelled(&mut self, db: &impl ConnectionTrait, id: OrderId) -> Result<()> {
        let order = there(order::Entity::find_by_id(id).one(db).await?, "order")?;
        for part in &detail::parts_of(db, id).await? {
            self.lines.extend(lines(&part.lines, order.currency)?);
        }
        self.reason = order.cancellation_reason;
        self.order = Some(OrderFacts { id: order.id.to_string(), number: order.number });
        self.refund_follows = refunds(db, refund::Column::OrderId.eq(id)).await?;
        Ok(())
    }

    /// A part: the seller's own order, or for the shopper what of their order came from the seller.
    async fn of_part(&mut self, db: &impl ConnectionTrait, id: SellerOrderId, row: &notification::Model) -> Result<()> {
        let part = there(seller_order::Entity::find_by_id(id).one(db).await?, "seller order")?;
        let Some(part) = detail::parts(db, vec![part]).await?.pop() else { return Ok(()) };
        let own = part.seller_order;
        self.lines = lines(&part.lines, own.currency)?;
        self.seller = Some(SellerFacts { name: part.seller_name });
        self.reason = own.cancellation_reason;
        if row.seller_id.is_some() {
            self.totals = Some(TotalFacts {
                items: amount(own.items_total, own.currency),
                discount: some(MinorUnits(-own.discount_total.0), own.currency),
                shipping: amount(own.shipping_total, own.currency),
                tax_added: some(own.tax_added_total, own.currency),
                total: amount(own.total, own.currency),
                tax: some(own.tax_total, own.currency),
            });
            self.due = own.accept_by.filter(|_| own.status == OrderStatus::Confirmed).map(moment);
            self.order = Some(OrderFacts { id: own.id.to_string(), number: own.number });
        } else {
            self.refund_follows = refunds(db, refund::Column::SellerOrderId.eq(id)).await?;
        }
        Ok(())
    }

    async fn of_parcel(&mut self, db: &impl ConnectionTrait, id: ShipmentId) -> Result<()> {
        let parcel = there(shipment::Entity::find_by_id(id).one(db).await?, "shipment")?;
        let rows = shipment_line::Entity::find().filter(shipment_line::Column::ShipmentId.eq(id)).all(db).await?;
        self.lines = named(db, rows.into_iter().map(|row| (row.order_line_id, row.quantity)).collect()).await?;
        self.seller = Some(seller_of(db, parcel.seller_id).await?);
        self.parcel = Some(ParcelFacts {
            carrier: parcel.carrier,
            tracking_number: parcel.tracking_number,
            expected: parcel.estimated_delivery.map(|at| at.date_naive()),
        });
        Ok(())
    }

    async fn of_refund(&mut self, db: &impl ConnectionTrait, id: RefundId) -> Result<()> {
        let refund = there(refund::Entity::find_by_id(id).one(db).await?, "refund")?;
        self.refunded = Some(amount(refund.amount, refund.currency));
        self.reason = Some(plain(refund.reason));
        Ok(())
    }

    async fn of_return(
        &mut self,
        db: &impl ConnectionTrait,
        id: ReturnRequestId,
        row: &notification::Model,
    ) -> Result<()> {
        let request = there(return_request::Entity::find_by_id(id).one(db).await?, "return")?;
        let rows = return_line::Entity::find().filter(return_line::Column::ReturnRequestId.eq(id)).all(db).await?;
        let arrived = row.kind == NotificationKind::ReturnReceived;
        let units =
            rows.iter().map(|line| (line.order_line_id, if arrived { line.received_quantity } else { line.quantity }));
        self.lines = named(db, units.collect()).await?;
        self.seller = Some(seller_of(db, request.seller_id).await?);
        self.back = Some(ReturnFacts { id: request.id.to_string() });
        if row.kind == NotificationKind::ReturnRejected {
            self.reason = request.decision_note;
        }
        if row.seller_id.is_some() {
            let part = there(seller_order::Entity::find_by_id(request.seller_order_id).one(db).await?, "seller order")?;
            self.order = Some(OrderFacts { id: part.id.to_string(), number: part.number });
            let mut reasons: Vec<String> = rows.iter().map(|line| plain(line.reason)).collect();
            reasons.sort();
            reasons.dedup();
            self.reason = Some(reasons.join(", "));
        }
        Ok(())
    }
}

/// Items with their prices; those that were taken out of the order are left out.
fn lines(rows: &[order_line::Model], currency: CurrencyCode) -> Result<Vec<LineFacts>> {
    let ordered = rows.iter().filter(|line| line.quantity > 0);
    ordered
        .map(|line| {
            let price = amount(multiply(line.unit_price, line.quantity)?, currency);
            Ok(LineFacts { price: Some(price), ..named_line(line, line.quantity) })
        })
        .collect()
}

/// So many units of lines, in the order of their positions.
async fn named(db: &impl ConnectionTrait, units: HashMap<OrderLineId, i64>) -> Result<Vec<LineFacts>> {
    let rows = order_line::Entity::find()
        .filter(order_line::Column::Id.is_in(units.keys().copied()))
        .order_by_asc(order_line::Column::Position)
        .all(db)
        .await?;
    let of = |line: &order_line::Model| units.get(&line.id).copied().unwrap_or_default();
    Ok(rows.iter().filter(|line| of(line) > 0).map(|line| named_line(line, of(line))).collect())
}

fn named_line(line: &order_line::Model, quantity: i64) -> LineFacts {
    LineFacts {
        name: line.product_name.clone(),
        variant: line.variant_name.clone(),
        sku: line.sku.clone(),
        quantity,
        price: None,
    }
}

async fn seller_of(db: &impl ConnectionTrait, id: souk_entity::id::SellerId) -> Result<SellerFacts> {
    Ok(SellerFacts { name: there(seller::Entity::find_by_id(id).one(db).await?, "seller")?.name })
}

async fn stock(db: &impl ConnectionTrait, level: &inventory_level::Model) -> Result<StockFacts> {
    let offer = there(offer::Entity::find_by_id(level.offer_id).one(db).await?, "offer")?;
    let variant = there(variant::Entity::find_by_id(offer.variant_id).one(db).await?, "variant")?;
    let product = there(product::Entity::find_by_id(variant.product_id).one(db).await?, "product")?;
    let warehouse = there(warehouse::Entity::find_by_id(level.warehouse_id).one(db).await?, "warehouse")?;
    Ok(StockFacts {
        name: product.name,
        variant: variant.name,
        sku: variant.sku,
        warehouse: warehouse.name,
        available: level.on_hand - level.reserved,
        threshold: level.low_stock_threshold,
    })
}

/// Whether money is paid back for what was cancelled.
async fn refunds(db: &impl ConnectionTrait, of: impl sea_orm::sea_query::IntoCondition) -> Result<bool> {
    let found = refund::Entity::find()
        .filter(of)
        .filter(refund::Column::Reason.eq(RefundReason::Cancellation))
        .filter(refund::Column::Amount.gt(0))
        .count(db)
        .await?;
    Ok(found > 0)
}

fn some(minor: MinorUnits, currency: CurrencyCode) -> Option<String> {
    (minor != MinorUnits::ZERO).then(|| amount(minor, currency))
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
