//! What people are told by e-mail.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::{Error, notification as telling};
use souk_entity::id::{NotificationId, OrderId, SellerId};
use souk_entity::notification;
use souk_entity::status::{NotificationKind as Kind, NotificationStatus as Status};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::words::{NotificationKind, NotificationStatus};

/// Something that one person is told by e-mail.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Notification {
    /// Its id.
    id: Uuid,
    /// What it tells of.
    kind: NotificationKind,
    /// Whatever asks for it again under this key, it is told once.
    unique_key: String,
    /// The order it is about.
    order_id: Option<Uuid>,
    /// The seller whose owner is told; absent when the shopper is.
    seller_id: Option<Uuid>,
    /// The ids of what else it is about; names and addresses are read when it is sent.
    data: serde_json::Value,
    /// Its status.
    status: NotificationStatus,
    /// Why it is suppressed or failed.
    reason: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was handed over.
    sent_at: Option<DateTime<Utc>>,
}

impl From<notification::Model> for Notification {
    fn from(row: notification::Model) -> Self {
        Self {
            id: row.id.into(),
            kind: row.kind.into(),
            unique_key: row.unique_key,
            order_id: row.order_id.map(Into::into),
            seller_id: row.seller_id.map(Into::into),
            data: row.data,
            status: row.status.into(),
            reason: row.reason,
            created_at: row.created_at,
            sent_at: row.sent_at,
        }
    }
}

/// All notifications.
pub struct Notifications;

#[OpenApi(prefix_path = "/api/v1/admin/notifications", tag = "Tag::Operators")]
impl Notifications {
    /// List notifications
    ///
    /// Newest first. A notification that is pending for long has a job that fails: see the job
    /// `notify:{id}`, which is given up after about two days and can be redriven.
    #[oai(path = "/", method = "get", operation_id = "listNotifications")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this kind.
        kind: Query<Option<NotificationKind>>,
        /// Only those of this status.
        status: Query<Option<NotificationStatus>>,
        /// Only those about this order.
        order_id: Query<Option<Uuid>>,
        /// Only those for this seller.
        seller_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Notification>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(notification::Entity::find(), notification::Column::Id);
        if let Some(kind) = kind.0 {
            query = query.filter(notification::Column::Kind.eq(Kind::from(kind)));
        }
        if let Some(status) = status.0 {
            query = query.filter(notification::Column::Status.eq(Status::from(status)));
        }
        if let Some(order) = order_id.0 {
            query = query.filter(notification::Column::OrderId.eq(OrderId(order)));
        }
        if let Some(seller) = seller_id.0 {
            query = query.filter(notification::Column::SellerId.eq(SellerId(seller)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Notification::from)))
    }

    /// Show a notification
    #[oai(path = "/:id", method = "get", operation_id = "getNotification")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Notification>> {
        let row =
            notification::Entity::find_by_id(NotificationId(id.0)).one(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&row.ok_or_else(|| Error::not_found("notification"))?.into()))
    }

    /// Send a notification again
    ///
    /// Makes another one of the same kind about the same things, under the same key with `#` and its own id
    /// behind it; to its reader it is a new message. Whom it goes to and what it says is read anew. One that is
    /// pending answers 409: it is sent by itself.
    #[oai(path = "/:id/resend", method = "post", operation_id = "resendNotification")]
    async fn resend(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Notification>> {
        let key = Key::read(who.key_space(), "resendNotification", idempotency_key.0.as_deref(), &id.0)?;
        let answer =
            once(&ctx.store, key, async |tx| Ok(Created::new(&telling::resend(&tx, id.0.into()).await?.into())))
                .await?;
        Ok(answer)
    }
}
