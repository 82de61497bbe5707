//! What the marketplace takes of the seller's sales.

use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::Error;
use souk_entity::commission_rule;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::commission_rule::CommissionRule;

/// Commission rules as they concern the seller who asks.
pub struct SellerCommissionRules;

#[OpenApi(prefix_path = "/api/v1/seller/commission-rules", tag = "Tag::SellerMoney")]
impl SellerCommissionRules {
    /// List the commission rules
    ///
    /// Those for this seller and those for all, that are valid or will be; newest first. For a line the first of these
    /// applies: of the seller and its category, of the seller, of its category (the nearest above goes first), of
    /// everything; among equals the one that started last.
    #[oai(path = "/", method = "get", operation_id = "listSellerCommissionRules")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<CommissionRule>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let (seller, ends_at) = (commission_rule::Column::SellerId, commission_rule::Column::EndsAt);
        let rows = page
            .newest(commission_rule::Entity::find(), commission_rule::Column::Id)
            .filter(seller.is_null().or(seller.eq(who.seller())))
            .filter(ends_at.is_null().or(ends_at.gt(ctx.store.now())))
            .all(ctx.store.read())
            .await
            .map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), CommissionRule::from)))
    }
}
