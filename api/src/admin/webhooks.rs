//! Sellers' webhook endpoints as operators see them: enough to help a seller, and never a secret.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::order::detail::history;
use souk_domain::{Error, Result};
use souk_entity::id::{SellerId, WebhookEndpointId};
use souk_entity::status::{EntityKind, WebhookDeliveryStatus as Delivered, WebhookEndpointStatus as Status};
use souk_entity::{webhook_delivery, webhook_endpoint};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::webhook::{WebhookDelivery, WebhookEndpoint};
use crate::view::words::{WebhookDeliveryStatus, WebhookEndpointStatus};

/// All sellers' endpoints.
pub struct AdminWebhooks;

#[OpenApi(prefix_path = "/api/v1/admin/webhook-endpoints", tag = "Tag::Operators")]
impl AdminWebhooks {
    /// List all webhook endpoints
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "adminListWebhookEndpoints")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this seller.
        seller_id: Query<Option<Uuid>>,
        /// Only those of this status.
        status: Query<Option<WebhookEndpointStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<WebhookEndpoint>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(webhook_endpoint::Entity::find(), webhook_endpoint::Column::Id);
        if let Some(seller) = seller_id.0 {
            query = query.filter(webhook_endpoint::Column::SellerId.eq(SellerId(seller)));
        }
        if let Some(status) = status.0 {
            query = query.filter(webhook_endpoint::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), WebhookEndpoint::from)))
    }

    /// Show any webhook endpoint
    ///
    /// With its history.
    #[oai(path = "/:id", method = "get", operation_id = "adminGetWebhookEndpoint")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<WebhookEndpoint>> {
        let db = ctx.store.read();
        let row = find(db, id.0.into()).await?;
        let changes = history(db, EntityKind::WebhookEndpoint, row.id).await?;
        let version = row.version;
        Ok(Okay::new(&WebhookEndpoint::with_history(row, changes)).with_version(version))
    }

    /// List the deliveries to any webhook endpoint
    ///
    /// Newest first.
    #[oai(path = "/:id/deliveries", method = "get", operation_id = "adminListWebhookDeliveries")]
    async fn deliveries(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// Only those of this status.
        status: Query<Option<WebhookDeliveryStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<WebhookDelivery>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let row = find(ctx.store.read(), id.0.into()).await?;
        let own = webhook_delivery::Entity::find().filter(webhook_delivery::Column::EndpointId.eq(row.id));
        let mut query = page.newest(own, webhook_delivery::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(webhook_delivery::Column::Status.eq(Delivered::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), WebhookDelivery::from)))
    }
}

async fn find(db: &impl ConnectionTrait, id: WebhookEndpointId) -> Result<webhook_endpoint::Model> {
    let found = webhook_endpoint::Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Error::not_found("webhook endpoint"))
}
