//! The log of events, and who reads it.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::event::{consumer, numbering};
use souk_domain::{Error, Result};
use souk_entity::id::OrderId;
use souk_entity::{event, event_consumer};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{NumberedPageRequest, Page};
use crate::http::replay::{Key, once};

/// An event of the log.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Event {
    /// Its place in the log: from 1 on, without a gap.
    position: i64,
    /// Its id, the same wherever it is told.
    id: Uuid,
    /// Its type, such as `order.created`.
    #[oai(rename = "type")]
    kind: String,
    /// What changed, such as `order`.
    entity: String,
    /// Which one.
    entity_id: Uuid,
    /// How often it had changed by then; the first is 1.
    version: i64,
    /// The order concerned.
    order_id: Option<Uuid>,
    /// The seller concerned.
    seller_id: Option<Uuid>,
    /// What is told beyond that; its status after the change, at least.
    data: serde_json::Value,
    /// When it happened.
    occurred_at: DateTime<Utc>,
}

impl From<event::Model> for Event {
    fn from(row: event::Model) -> Self {
        Self {
            position: row.position.unwrap_or_default(),
            id: row.id.into(),
            kind: row.r#type,
            entity: row.entity_kind.to_string(),
            entity_id: row.entity_id,
            version: row.version,
            order_id: row.order_id.map(Uuid::from),
            seller_id: row.seller_id.map(Uuid::from),
            data: row.data,
            occurred_at: row.occurred_at,
        }
    }
}

/// A reader of the log: what makes seller webhooks or notifications of it, or tells it to a broker.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct EventConsumer {
    /// Its name.
    name: String,
    /// The last event that it is done with; 0: none.
    position: i64,
    /// How many numbered events it has before it.
    lag: i64,
    /// Whether it was paused.
    paused: bool,
    /// Since when it does not get on; absent when it does.
    failing_since: Option<DateTime<Utc>>,
    /// Why it does not get on, and with which event.
    last_error: Option<String>,
    /// When a worker last had it; long ago for one that no worker is configured for any more.
    seen_at: DateTime<Utc>,
}

impl EventConsumer {
    fn new(row: event_consumer::Model, head: i64) -> Self {
        Self {
            name: row.name,
            position: row.position,
            lag: (head - row.position).max(0),
            paused: row.paused,
            failing_since: row.failing_since,
            last_error: row.last_error,
            seen_at: row.seen_at,
        }
    }
}

/// All readers of the log.
#[derive(Debug, Object)]
pub struct EventConsumerList {
    /// The last position of the log; 0: it is empty.
    head: i64,
    /// The consumers, by name; none before a worker has first started on this database.
    items: Vec<EventConsumer>,
}

/// From where a consumer goes on.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct ReplayEvents {
    /// The event that it takes next: 1 is the first of all, one more than the last position the next
    /// to come. What is between there and its position is taken again, or passed over for good.
    #[oai(validator(minimum(value = "1")))]
    from_position: i64,
}

impl Example for ReplayEvents {
    fn example() -> Self {
        Self { from_position: 1 }
    }
}

/// The log of events.
pub struct Events;

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Tag::Operators")]
impl Events {
    /// List events
    ///
    /// In the order of the log, the oldest first. An event gets its position a moment after it
    /// happened and is listed from then on; none comes before one that was listed already.
    #[oai(path = "/events", method = "get", operation_id = "listEvents")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those after this position.
        after: Query<Option<i64>>,
        /// Only those of this type, such as `order.created`.
        #[oai(name = "type", validator(max_length = 60))]
        kind: Query<Option<String>>,
        /// Only those that concern this order.
        order_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Event>>> {
        let page = NumberedPageRequest::read(limit.0, cursor.0.as_deref())?;
        let after = Ord::max(after.0.unwrap_or_default(), page.after);
        let mut query = event::Entity::find()
            .filter(event::Column::Position.gt(after))
            .order_by_asc(event::Column::Position)
            .limit(page.limit + 1);
        if let Some(kind) = kind.0 {
            query = query.filter(event::Column::Type.eq(kind));
        }
        if let Some(order) = order_id.0 {
            query = query.filter(event::Column::OrderId.eq(OrderId(order)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        // What is after a position has one.
        Ok(Okay::new(&page.page(rows, |row| row.position.unwrap_or_default(), Event::from)))
    }

    /// List event consumers
    #[oai(path = "/event-consumers", method = "get", operation_id = "listEventConsumers")]
    async fn consumers(&self, ctx: Ctx<'_>, _who: Operating) -> ApiResult<Okay<EventConsumerList>> {
        // In this order no consumer is further than the head.
        let rows = consumer::all(ctx.store.read()).await?;
        let head = numbering::head(ctx.store.read()).await?.position;
        let items = rows.into_iter().map(|row| EventConsumer::new(row, head)).collect();
        Ok(Okay::new(&EventConsumerList { head, items }))
    }

    /// Pause an event consumer
    ///
    /// It takes no event until it is resumed; the log waits for it.
    #[oai(path = "/event-consumers/:name/pause", method = "post", operation_id = "pauseEventConsumer")]
    async fn pause(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        /// Its name.
        #[oai(validator(max_length = 40))]
        name: Path<String>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<EventConsumer>> {
        let key = Key::read(who.key_space(), "pauseEventConsumer", idempotency_key.0.as_deref(), &name.0)?;
        Ok(once(&ctx.store, key, async |tx| answer(&tx, consumer::pause(&tx, &name.0, true).await?).await).await?)
    }

    /// Resume an event consumer
    ///
    /// It goes on where it was paused.
    #[oai(path = "/event-consumers/:name/resume", method = "post", operation_id = "resumeEventConsumer")]
    async fn resume(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        /// Its name.
        #[oai(validator(max_length = 40))]
        name: Path<String>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<EventConsumer>> {
        let key = Key::read(who.key_space(), "resumeEventConsumer", idempotency_key.0.as_deref(), &name.0)?;
        Ok(once(&ctx.store, key, async |tx| answer(&tx, consumer::pause(&tx, &name.0, false).await?).await).await?)
    }

    /// Have an event consumer go on elsewhere
    ///
    /// Back, so that it takes events again: brokers and caches are told once more, while seller
    /// webhooks and notifications that were made already are not made again. Or forward, past an
    /// event that it cannot take.
    #[oai(path = "/event-consumers/:name/replay", method = "post", operation_id = "replayEventConsumer")]
    async fn replay(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        /// Its name.
        #[oai(validator(max_length = 40))]
        name: Path<String>,
        body: Json<ReplayEvents>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<EventConsumer>> {
        let from = body.0.from_position;
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "replayEventConsumer", key, &(&name.0, from))?;
        Ok(once(&ctx.store, key, async |tx| answer(&tx, consumer::replay(&tx, &name.0, from).await?).await).await?)
    }
}

async fn answer(tx: &souk_domain::Tx, row: event_consumer::Model) -> Result<Okay<EventConsumer>> {
    let head = numbering::head(&**tx).await?.position;
    Ok(Okay::new(&EventConsumer::new(row, head)))
}
