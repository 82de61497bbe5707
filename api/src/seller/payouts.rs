//! What the seller is paid.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::payout::upcoming::upcoming;
use souk_domain::{Error, Result};
use souk_entity::id::{PayoutId, SellerId};
use souk_entity::payout;
use souk_entity::status::PayoutStatus as Status;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::payout::{Payout, PayoutDetail, PayoutItem, UpcomingPayouts, items, read};
use crate::view::words::PayoutStatus;

/// Payouts of the seller who asks.
pub struct SellerPayouts;

#[OpenApi(prefix_path = "/api/v1/seller/payouts", tag = "Tag::SellerMoney")]
impl SellerPayouts {
    /// List payouts
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listPayouts")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// Only those of this status.
        status: Query<Option<PayoutStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Payout>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let own = payout::Entity::find().filter(payout::Column::SellerId.eq(who.seller()));
        let mut query = page.newest(own, payout::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(payout::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Payout::from)))
    }

    /// Show what will be paid
    ///
    /// What is due now, what is not yet and why, what was kept back, and what keeps the next payout from being made.
    #[oai(path = "/upcoming", method = "get", operation_id = "getUpcomingPayouts")]
    async fn upcoming(&self, ctx: Ctx<'_>, who: Selling) -> ApiResult<Okay<UpcomingPayouts>> {
        let found = upcoming(ctx.store.read(), who.seller(), ctx.store.now()).await?;
        Ok(Okay::new(&found.into()))
    }

    /// Show a payout
    #[oai(path = "/:id", method = "get", operation_id = "getPayout")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<PayoutDetail>> {
        let row = own(ctx.store.read(), id.0.into(), who.seller()).await?;
        Ok(read(ctx.store.read(), row).await?)
    }

    /// List what a payout settles
    ///
    /// Each entry of the books that it pays, or that is taken off it, newest first; they add up to its amount.
    #[oai(path = "/:id/items", method = "get", operation_id = "listPayoutItems")]
    async fn items(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<PayoutItem>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let row = own(ctx.store.read(), id.0.into(), who.seller()).await?;
        Ok(items(ctx.store.read(), row.id, page).await?)
    }
}

/// A payout of the seller.
async fn own(db: &impl ConnectionTrait, id: PayoutId, seller: SellerId) -> Result<payout::Model> {
    payout::Entity::find_by_id(id)
        .filter(payout::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("payout"))
}
