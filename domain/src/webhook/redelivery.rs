//! Events that a seller wants to be told of again.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement};
use souk_entity::id::{EventId, SellerId, WebhookDeliveryId, WebhookEndpointId};
use souk_entity::status::{WebhookDeliveryStatus, WebhookEndpointStatus};
use souk_entity::{webhook_attempt, webhook_delivery};

use super::{delivery, endpoint};
use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::store::Tx;

/// So many events can be asked for at once.
pub const MOST_AT_ONCE: usize = 10_000;

/// Which deliveries of a range are wanted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that failed.
    Failed,
    /// Those that were delivered, too.
    Ended,
}

/// The last delivery of each event that was first to be delivered from $2 on and before $3, has
/// ended, and was not delivered unless $4.
const ENDED: &str = "SELECT d.event_id, d.event_type, d.redelivery FROM webhook_delivery o \
     JOIN webhook_delivery d ON d.endpoint_id = o.endpoint_id AND d.event_id = o.event_id \
     WHERE o.endpoint_id = $1 AND o.redelivery = 0 AND o.created_at >= $2 AND o.created_at < $3 \
         AND (d.status = 'failed' OR ($4 AND d.status = 'delivered')) \
         AND NOT EXISTS (SELECT 1 FROM webhook_delivery l \
             WHERE l.endpoint_id = d.endpoint_id AND l.event_id = d.event_id AND l.redelivery > d.redelivery) \
     ORDER BY o.id LIMIT $5";

#[derive(FromQueryResult)]
struct Ended {
    event_id: EventId,
    event_type: String,
    redelivery: i32,
}

/// Delivers an event once more, and returns the new delivery; where one still waits for its next
/// attempt, that attempt is made now and it is that one.
///
/// # Errors
/// [`Code::NotFound`], also for another seller's; [`Code::IllegalTransition`] when the endpoint
/// is disabled.
pub async fn one(
    tx: &Tx,
    seller: SellerId,
    id: WebhookEndpointId,
    delivery: WebhookDeliveryId,
) -> Result<webhook_delivery::Model> {
    begin(tx, seller, id).await?;
    let event = find(&**tx, id, delivery).await?.event_id;
    let last = last(tx, id, event).await?;
    if last.status == WebhookDeliveryStatus::Pending {
        webhook_delivery::Entity::update_many()
            .col_expr(webhook_delivery::Column::NextAttemptAt, Expr::value(Some(tx.now)))
            .filter(webhook_delivery::Column::Id.eq(last.id))
            .exec(&**tx)
            .await?;
        return Ok(webhook_delivery::Model { next_attempt_at: Some(tx.now), ..last });
    }
    delivery::create(tx, &[(id, event, &last.event_type, last.redelivery + 1)]).await?;
    self::last(tx, id, event).await
}

/// Delivers once more what was first to be delivered from `since` on and before `until`; what
/// still waits for its next attempt is left to it. Returns how many.
///
/// # Errors
/// [`Code::NotFound`], also for another seller's; [`Code::IllegalTransition`] when the endpoint
/// is disabled; [`Code::InvalidValue`] for more than [`MOST_AT_ONCE`].
pub async fn range(
    tx: &Tx,
    seller: SellerId,
    id: WebhookEndpointId,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    which: Which,
) -> Result<u64> {
    if since >= until {
        return Err(Error::invalid("since must be before until."));
    }
    begin(tx, seller, id).await?;
    let limit = i64::try_from(MOST_AT_ONCE + 1).unwrap_or(i64::MAX);
    let delivered = which == Which::Ended;
    let values = [id.into(), since.into(), until.into(), delivered.into(), limit.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), ENDED, values);
    let ended = Ended::find_by_statement(statement).all(&**tx).await?;
    if ended.len() > MOST_AT_ONCE {
        let message = format!("These are more than {MOST_AT_ONCE} events; ask for a shorter time.");
        return Err(Error::new(Code::InvalidValue, message));
    }
    let again: Vec<_> =
        ended.iter().map(|last| (id, last.event_id, last.event_type.as_str(), last.redelivery + 1)).collect();
    delivery::create(tx, &again).await
}

/// A delivery of an endpoint.
///
/// # Errors
/// [`Code::NotFound`], also for another endpoint's.
pub async fn find(
    db: &impl ConnectionTrait,
    id: WebhookEndpointId,
    delivery: WebhookDeliveryId,
) -> Result<webhook_delivery::Model> {
    webhook_delivery::Entity::find_by_id(delivery)
        .filter(webhook_delivery::Column::EndpointId.eq(id))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("delivery"))
}

/// The attempts of a delivery, in order.
///
/// # Errors
/// The database's.
pub async fn attempts(db: &impl ConnectionTrait, id: WebhookDeliveryId) -> Result<Vec<webhook_attempt::Model>> {
    Ok(webhook_attempt::Entity::find()
        .filter(webhook_attempt::Column::DeliveryId.eq(id))
        .order_by_asc(webhook_attempt::Column::Number)
        .all(db)
        .await?)
}

/// Locks the endpoint, so that whoever asks at the same moment does not ask for the same
/// redelivery, and wakes its job. The job comes first, as for whoever delivers.
async fn begin(tx: &Tx, seller: SellerId, id: WebhookEndpointId) -> Result<()> {
    endpoint::find(&**tx, seller, id).await?;
    job::awaken(tx, &Task::DeliverWebhooks { endpoint_id: id }, tx.now).await?;
    if endpoint::lock_own(tx, seller, id).await?.status == WebhookEndpointStatus::Disabled {
        let message = "The endpoint is disabled; enable it first, and what waits is delivered too.";
        return Err(Error::new(Code::IllegalTransition, message));
    }
    Ok(())
}

async fn last(tx: &Tx, id: WebhookEndpointId, event: EventId) -> Result<webhook_delivery::Model> {
    webhook_delivery::Entity::find()
        .filter(webhook_delivery::Column::EndpointId.eq(id))
        .filter(webhook_delivery::Column::EventId.eq(event))
        .order_by_desc(webhook_delivery::Column::Redelivery)
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("a delivery that is gone"))
}
