//! What was sent to a seller's endpoints, and sending it again.

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::Error;
use souk_domain::webhook::endpoint;
use souk_domain::webhook::redelivery::{self, Which};
use souk_entity::id::WebhookEndpointId;
use souk_entity::status::WebhookDeliveryStatus as Status;
use souk_entity::webhook_delivery;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::webhook::{WebhookDelivery, WebhookDeliveryDetail};
use crate::view::words::WebhookDeliveryStatus;

/// Which deliveries are wanted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Redelivered {
    /// Those that failed.
    Failed,
    /// Those that were delivered, too.
    All,
}

/// Deliveries that are wanted again.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct RedeliverWebhooks {
    /// Those whose event was first to be delivered from this instant on.
    since: DateTime<Utc>,
    /// Those whose event was first to be delivered before this instant; now when left out.
    until: Option<DateTime<Utc>>,
    /// Which of them; `failed` when left out.
    which: Option<Redelivered>,
}

impl Example for RedeliverWebhooks {
    fn example() -> Self {
        let since = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        Self { since, until: Some(since + TimeDelta::hours(6)), which: Some(Redelivered::Failed) }
    }
}

/// What follows of asking for deliveries again.
#[derive(Debug, Object)]
pub struct WebhooksRedelivered {
    /// So many events are delivered again.
    redeliveries: u64,
}

/// Deliveries to endpoints of the seller who asks.
pub struct WebhookDeliveries;

#[OpenApi(prefix_path = "/api/v1/seller/webhook-endpoints", tag = "Tag::SellerWebhooks")]
impl WebhookDeliveries {
    /// List the deliveries to a webhook endpoint
    ///
    /// Newest first.
    #[oai(path = "/:id/deliveries", method = "get", operation_id = "listWebhookDeliveries")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Only those of this status.
        status: Query<Option<WebhookDeliveryStatus>>,
        /// Only those of events of this type, such as `seller_order.created`.
        #[oai(validator(max_length = 60))]
        event_type: Query<Option<String>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<WebhookDelivery>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let row = endpoint::find(ctx.store.read(), who.seller(), id.0.into()).await?;
        let deliveries = webhook_delivery::Entity::find().filter(webhook_delivery::Column::EndpointId.eq(row.id));
        let mut query = page.newest(deliveries, webhook_delivery::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(webhook_delivery::Column::Status.eq(Status::from(status)));
        }
        if let Some(event_type) = event_type.0 {
            query = query.filter(webhook_delivery::Column::EventType.eq(event_type));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), WebhookDelivery::from)))
    }

    /// Show a delivery to a webhook endpoint
    ///
    /// With its attempts.
    #[oai(path = "/:id/deliveries/:delivery_id", method = "get", operation_id = "getWebhookDelivery")]
    async fn get(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        delivery_id: Path<Uuid>,
    ) -> ApiResult<Okay<WebhookDeliveryDetail>> {
        let db = ctx.store.read();
        let endpoint = endpoint::find(db, who.seller(), id.0.into()).await?;
        let delivery = redelivery::find(db, endpoint.id, delivery_id.0.into()).await?;
        let attempts = redelivery::attempts(db, delivery.id).await?;
        Ok(Okay::new(&WebhookDeliveryDetail::new(delivery, attempts)))
    }

    /// Deliver an event to a webhook endpoint again
    ///
    /// A new delivery with the same `webhook-id` and body; where one still waits for its next attempt, that attempt is
    /// made now.
    #[oai(path = "/:id/deliveries/:delivery_id/redeliver", method = "post", operation_id = "redeliverWebhook")]
    async fn redeliver(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        delivery_id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<WebhookDelivery>> {
        let asked = (id.0, delivery_id.0);
        let key = Key::read(who.key_space(), "redeliverWebhook", idempotency_key.0.as_deref(), &asked)?;
        let answer = once(&ctx.store, key, async |tx| {
            let again = redelivery::one(&tx, who.seller(), id.0.into(), delivery_id.0.into()).await?;
            Ok(Okay::new(&again.into()))
        })
        .await?;
        Ok(answer)
    }

    /// Deliver the events of a time to a webhook endpoint again
    ///
    /// At most 10,000 at once; of more, none: ask for a shorter time. Those that still wait for their next attempt are
    /// left to it.
    #[oai(path = "/:id/redeliver", method = "post", operation_id = "redeliverWebhooks")]
    async fn redeliver_range(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<RedeliverWebhooks>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<WebhooksRedelivered>> {
        let asked = (id.0, &body.0);
        let key = Key::read(who.key_space(), "redeliverWebhooks", idempotency_key.0.as_deref(), &asked)?;
        let endpoint: WebhookEndpointId = id.0.into();
        let which = match body.which {
            None | Some(Redelivered::Failed) => Which::Failed,
            Some(Redelivered::All) => Which::Ended,
        };
        let answer = once(&ctx.store, key, async |tx| {
            let until = body.until.unwrap_or(tx.now);
            let redeliveries = redelivery::range(&tx, who.seller(), endpoint, body.since, until, which).await?;
            Ok(Okay::new(&WebhooksRedelivered { redeliveries }))
        })
        .await?;
        Ok(answer)
    }
}
