//! From the domain log to notifications.
//!
//! Keys are made of what an event is about, so a log that is read again tells nobody twice. A
//! seller's people are told one row each, those who owned the seller when it happened: a new owner
//! is not told of the past when the log is read again.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use souk_entity::id::{NotificationId, OrderId, SellerId, UserId};
use souk_entity::status::{
    ActorKind, EntityKind, MemberRole, NotificationKind, NotificationStatus, OrderStatus, ShipmentDirection,
    ShipmentStatus, WebhookDisabledReason,
};
use souk_entity::{
    event, inventory_level, notification, order, order_line, reservation, seller_member, status_history,
};
use uuid::Uuid;

use super::About;
use crate::account::PAYOUT_ACCOUNT_CHANGED;
use crate::error::{Error, Result};
use crate::event::Projection;
use crate::job::{self, Task};
use crate::shipment;
use crate::store::Tx;

/// What happened longer ago than this is not told any more: a consumer that was paused for weeks
/// does not wake people for what they know.
pub const TOLD_WITHIN: TimeDelta = TimeDelta::days(7);

/// Low stock is read when an event is, not when it happened; of older events it would say nothing.
const STOCK_TOLD_WITHIN: TimeDelta = TimeDelta::days(1);

/// Rows that are written at once.
const ROWS_AT_ONCE: usize = 500;

/// The consumer that turns events into notifications.
#[derive(Clone, Copy, Debug)]
pub struct Notifications;

#[async_trait]
impl Projection for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    async fn take(&self, tx: &Tx, events: &[event::Model]) -> Result<()> {
        let mut news: Vec<News> = events.iter().flat_map(plain).collect();
        news.extend(cancelled_parts(tx, events).await?);
        news.extend(low_stock(tx, events).await?);
        let rows = addressed(tx, news).await?;
        write(tx, rows).await
    }
}

/// Something to be told, before it is known by whom.
#[derive(Clone, Debug)]
struct News {
    kind: NotificationKind,
    key: String,
    order_id: Option<OrderId>,
    /// The seller whose owners are told; nobody: the shopper is.
    seller_id: Option<SellerId>,
    about: About,
    at: DateTime<Utc>,
}

impl News {
    fn shopper(kind: NotificationKind, key: String, event: &event::Model, about: About) -> Self {
        Self { kind, key, order_id: event.order_id, seller_id: None, about, at: event.occurred_at }
    }

    fn seller(kind: NotificationKind, key: String, event: &event::Model, about: About) -> Self {
        Self { seller_id: event.seller_id, ..Self::shopper(kind, key, event, about) }
    }
}

/// What follows from an event by itself.
fn plain(event: &event::Model) -> Vec<News> {
    use NotificationKind::*;

    let id = event.entity_id;
    let about = match event.entity_kind {
        EntityKind::SellerOrder => About { seller_order_id: Some(id.into()), ..About::default() },
        EntityKind::Shipment => About { shipment_id: Some(id.into()), ..About::default() },
        EntityKind::Refund => About { refund_id: Some(id.into()), ..About::default() },
        EntityKind::ReturnRequest => About { return_request_id: Some(id.into()), ..About::default() },
        EntityKind::Seller => About { seller_version: Some(event.version), ..About::default() },
        EntityKind::WebhookEndpoint => About { webhook_endpoint_id: Some(id.into()), ..About::default() },
        _ => About::default(),
    };
    let shopper = |kind, key: String| News::shopper(kind, key, event, about);
    let decided = |kind| News::seller(kind, format!("{kind}:{id}:{}", event.version), event, about);
    match event.r#type.as_str() {
        // All parts are confirmed at once, and none after its order; an order may go on to be
        // processed in the same transaction.
        "seller_order.confirmed" => {
            let order = event.order_id.map(|order| {
                News::shopper(OrderConfirmed, format!("order_confirmed:{order}"), event, About::default())
            });
            let part = News::seller(SellerNewOrder, format!("seller_new_order:{id}"), event, about);
            order.into_iter().chain([part]).collect()
        }
        "order.cancelled" => vec![shopper(OrderCancelled, format!("order_cancelled:{id}"))],
        "shipment.updated" if word(event, "direction") == ShipmentDirection::Outbound.to_string() => {
            match parcel(&word(event, "status")) {
                Some(ShipmentStatus::Delivered) => vec![shopper(OrderDelivered, format!("order_delivered:{id}"))],
                Some(_) => vec![shopper(OrderShipped, format!("order_shipped:{id}"))],
                None => Vec::new(),
            }
        }
        "refund.succeeded" if event.data["amount"].as_i64().is_some_and(|amount| amount > 0) => {
            vec![shopper(OrderRefunded, format!("refunded:{id}"))]
        }
        "return.requested" => vec![
            shopper(ReturnRequested, format!("return_requested:{id}")),
            News::seller(SellerReturnRequested, format!("seller_return_requested:{id}"), event, about),
        ],
        "return.approved" => vec![shopper(ReturnApproved, format!("return_approved:{id}"))],
        "return.rejected" => vec![shopper(ReturnRejected, format!("return_rejected:{id}"))],
        // What its owner has done, its owner knows.
        "webhook_endpoint.disabled" if word(event, "disabled_reason") != WebhookDisabledReason::Owner.to_string() => {
            let key = format!("seller_webhook_disabled:{id}:{}", event.version);
            vec![News::seller(SellerWebhookDisabled, key, event, about)]
        }
        "seller.approved" => vec![decided(SellerApproved)],
        "seller.rejected" => vec![decided(SellerRejected)],
        "seller.suspended" => vec![decided(SellerSuspended)],
        "seller.configured" if event.data[PAYOUT_ACCOUNT_CHANGED] == true => vec![decided(SellerPayoutAccountChanged)],
        "return.received" => vec![shopper(ReturnReceived, format!("return_received:{id}"))],
        _ => Vec::new(),
    }
}

fn word(event: &event::Model, field: &str) -> String {
    event.data[field].as_str().unwrap_or_default().to_owned()
}

/// The state of a parcel on its way to the shopper; those that are lost or turned back are not
/// called shipped.
fn parcel(status: &str) -> Option<ShipmentStatus> {
    let status: ShipmentStatus = serde_json::from_value(status.into()).ok()?;
    let lost = matches!(status, ShipmentStatus::Failure | ShipmentStatus::ReturnToSender | ShipmentStatus::Returned);
    (shipment::transition::has_left(status) && !lost).then_some(status)
}

/// A cancelled part: the shopper is told of it unless the whole order is cancelled, which is told
/// once; the seller unless they have never heard of it, or have cancelled it themselves.
async fn cancelled_parts(tx: &Tx, events: &[event::Model]) -> Result<Vec<News>> {
    let cancelled: Vec<&event::Model> = of_type(events, "seller_order.cancelled");
    if cancelled.is_empty() {
        return Ok(Vec::new());
    }
    let whole: HashSet<OrderId> = order::Entity::find()
        .select_only()
        .column(order::Column::Id)
        .filter(order::Column::Id.is_in(cancelled.iter().filter_map(|event| event.order_id)))
        .filter(order::Column::Status.eq(OrderStatus::Cancelled))
        .into_tuple()
        .all(&**tx)
        .await?
        .into_iter()
        .collect();
    let changes: HashMap<(Uuid, i64), status_history::Model> = status_history::Entity::find()
        .filter(status_history::Column::EntityKind.eq(EntityKind::SellerOrder))
        .filter(status_history::Column::EntityId.is_in(cancelled.iter().map(|event| event.entity_id)))
        .filter(status_history::Column::ToStatus.eq(OrderStatus::Cancelled.to_string()))
        .all(&**tx)
        .await?
        .into_iter()
        .map(|change| ((change.entity_id, change.version), change))
        .collect();
    let mut news = Vec::new();
    for event in cancelled {
        let id = event.entity_id;
        let about = About { seller_order_id: Some(id.into()), ..About::default() };
        let change = changes
            .get(&(id, event.version))
            .ok_or_else(|| Error::internal(format!("event {} has no history row", event.id)))?;
        let unpaid = change.from_status.as_deref() == Some(OrderStatus::Pending.to_string().as_str());
        // A part that loses its items while the order is edited is the shopper's own doing.
        if !unpaid && !event.order_id.is_some_and(|order| whole.contains(&order)) {
            let key = format!("order_cancelled:{id}");
            news.push(News::shopper(NotificationKind::OrderCancelled, key, event, about));
        }
        if !unpaid && change.actor_kind != ActorKind::Seller {
            let key = format!("seller_order_cancelled:{id}");
            news.push(News::seller(NotificationKind::SellerOrderCancelled, key, event, about));
        }
    }
    Ok(news)
}

/// The stock that paid orders have taken from, where it is low now: told once per day of orders.
async fn low_stock(tx: &Tx, events: &[event::Model]) -> Result<Vec<News>> {
    let fresh = |event: &&event::Model| tx.now - event.occurred_at <= STOCK_TOLD_WITHIN;
    let confirmed: HashMap<Uuid, &event::Model> = of_type(events, "seller_order.confirmed")
        .into_iter()
        .filter(fresh)
        .map(|event| (event.entity_id, event))
        .collect();
    if confirmed.is_empty() {
        return Ok(Vec::new());
    }
    let lines: HashMap<_, _> = order_line::Entity::find()
        .select_only()
        .column(order_line::Column::Id)
        .column(order_line::Column::SellerOrderId)
        .filter(order_line::Column::SellerOrderId.is_in(confirmed.keys().copied()))
        .into_tuple::<(souk_entity::id::OrderLineId, Uuid)>()
        .all(&**tx)
        .await?
        .into_iter()
        .collect();
    let available = Expr::col((inventory_level::Entity, inventory_level::Column::OnHand))
        .sub(Expr::col((inventory_level::Entity, inventory_level::Column::Reserved)));
    let low = reservation::Entity::find()
        .select_only()
        .column(reservation::Column::OrderLineId)
        .column(reservation::Column::InventoryLevelId)
        .inner_join(inventory_level::Entity)
        .filter(reservation::Column::OrderLineId.is_in(lines.keys().copied()))
        .filter(available.lte(Expr::col((inventory_level::Entity, inventory_level::Column::LowStockThreshold))))
        .into_tuple::<(souk_entity::id::OrderLineId, souk_entity::id::InventoryLevelId)>()
        .all(&**tx)
        .await?;
    let news = low.into_iter().filter_map(|(line, level)| {
        let event = confirmed.get(lines.get(&line)?)?;
        let key = format!("seller_low_stock:{level}:{}", event.occurred_at.date_naive());
        let about = About { inventory_level_id: Some(level), ..About::default() };
        let news = News::seller(NotificationKind::SellerLowStock, key, event, about);
        Some(News { order_id: None, ..news })
    });
    Ok(news.collect())
}

fn of_type<'a>(events: &'a [event::Model], r#type: &str) -> Vec<&'a event::Model> {
    events.iter().filter(|event| event.r#type == r#type).collect()
}

/// One row per person; for a seller without people one that says so.
async fn addressed(tx: &Tx, news: Vec<News>) -> Result<Vec<notification::Model>> {
    let sellers: HashSet<SellerId> = news.iter().filter_map(|news| news.seller_id).collect();
    let owners = if sellers.is_empty() {
        Vec::new()
    } else {
        seller_member::Entity::find()
            .filter(seller_member::Column::SellerId.is_in(sellers))
            .filter(seller_member::Column::Role.eq(MemberRole::Owner))
            .all(&**tx)
            .await?
    };
    let mut rows = Vec::with_capacity(news.len());
    for news in news {
        let Some(seller) = news.seller_id else {
            rows.push(row(tx, &news, None)?);
            continue;
        };
        let told = owners.iter().filter(|owner| owner.seller_id == seller && owner.created_at <= news.at);
        let before = rows.len();
        for owner in told {
            rows.push(row(tx, &news, Some(owner.user_id))?);
        }
        if rows.len() == before {
            let reason = Some("The seller has no owner to be told.".to_owned());
            rows.push(notification::Model { status: NotificationStatus::Suppressed, reason, ..row(tx, &news, None)? });
        }
    }
    Ok(rows)
}

fn row(tx: &Tx, news: &News, user: Option<UserId>) -> Result<notification::Model> {
    let late = tx.now - news.at > TOLD_WITHIN;
    let about = About { user_id: user, ..news.about };
    Ok(notification::Model {
        id: NotificationId::at(tx.now),
        kind: news.kind,
        unique_key: user.map_or_else(|| news.key.clone(), |user| format!("{}:{user}", news.key)),
        order_id: news.order_id,
        seller_id: news.seller_id,
        data: serde_json::to_value(about).map_err(Error::internal)?,
        status: if late { NotificationStatus::Suppressed } else { NotificationStatus::Pending },
        reason: late.then(|| "It happened more than a week before it could be told.".to_owned()),
        created_at: tx.now,
        sent_at: None,
    })
}

/// Writes the rows whose keys are new, and the jobs that send them.
async fn write(tx: &Tx, rows: Vec<notification::Model>) -> Result<()> {
    let mut seen = HashSet::new();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let known: Vec<String> = notification::Entity::find()
            .select_only()
            .column(notification::Column::UniqueKey)
            .filter(notification::Column::UniqueKey.is_in(rows.iter().map(|row| row.unique_key.as_str())))
            .into_tuple()
            .all(&**tx)
            .await?;
        seen.extend(known);
        let new: Vec<_> = rows.iter().filter(|row| seen.insert(row.unique_key.clone())).collect();
        if new.is_empty() {
            continue;
        }
        let pending = new.iter().filter(|row| row.status == NotificationStatus::Pending);
        let tasks: Vec<_> = pending.map(|row| (Task::SendNotification { notification_id: row.id }, tx.now)).collect();
        let models = new.into_iter().map(|row| notification::ActiveModel {
            id: Set(row.id),
            kind: Set(row.kind),
            unique_key: Set(row.unique_key.clone()),
            order_id: Set(row.order_id),
            seller_id: Set(row.seller_id),
            data: Set(row.data.clone()),
            status: Set(row.status),
            reason: Set(row.reason.clone()),
            created_at: Set(row.created_at),
            sent_at: Set(row.sent_at),
        });
        notification::Entity::insert_many(models).exec_without_returning(&**tx).await?;
        job::enqueue_all(tx, &tasks).await?;
    }
    Ok(())
}
