//! What sellers are paid.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::payout::upcoming::upcoming;
use souk_domain::{Error, Result};
use souk_entity::id::{PayoutId, SellerId};
use souk_entity::payout;
use souk_entity::status::PayoutStatus as Status;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::payout::{Payout, PayoutDetail, PayoutItem, UpcomingPayouts, items, read};
use crate::view::words::PayoutStatus;

/// All payouts.
pub struct AdminPayouts;

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Tag::Operators")]
impl AdminPayouts {
    /// List all payouts
    ///
    /// Newest first.
    #[oai(path = "/payouts", method = "get", operation_id = "adminListPayouts")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this seller.
        seller_id: Query<Option<Uuid>>,
        /// Only those of this status.
        status: Query<Option<PayoutStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Payout>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(payout::Entity::find(), payout::Column::Id);
        if let Some(seller) = seller_id.0 {
            query = query.filter(payout::Column::SellerId.eq(SellerId(seller)));
        }
        if let Some(status) = status.0 {
            query = query.filter(payout::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Payout::from)))
    }

    /// Show any payout
    #[oai(path = "/payouts/:id", method = "get", operation_id = "adminGetPayout")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<PayoutDetail>> {
        let row = find(ctx.store.read(), id.0.into()).await?;
        Ok(read(ctx.store.read(), row).await?)
    }

    /// List what any payout settles
    ///
    /// Newest first; the items add up to its amount.
    #[oai(path = "/payouts/:id/items", method = "get", operation_id = "adminListPayoutItems")]
    async fn items(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<PayoutItem>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let row = find(ctx.store.read(), id.0.into()).await?;
        Ok(items(ctx.store.read(), row.id, page).await?)
    }

    /// Show what any seller will be paid
    #[oai(path = "/sellers/:id/payouts/upcoming", method = "get", operation_id = "adminGetUpcomingPayouts")]
    async fn upcoming(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<UpcomingPayouts>> {
        let found = upcoming(ctx.store.read(), id.0.into(), ctx.store.now()).await?;
        Ok(Okay::new(&found.into()))
    }
}

async fn find(db: &impl ConnectionTrait, id: PayoutId) -> Result<payout::Model> {
    payout::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("payout"))
}
