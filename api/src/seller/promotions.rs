//! Promotions that a seller makes and bears.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use sea_orm::EntityTrait;
use souk_domain::{Error, promotion as promotions};
use souk_entity::promotion;
use uuid::Uuid;

use super::promotion_terms::{ChangePromotion, CreatePromotion};
use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::view::promotion::Promotion;

/// Promotions of the seller who asks.
pub struct SellerPromotions;

#[OpenApi(prefix_path = "/api/v1/seller/promotions", tag = "Tag::SellerCatalogue")]
impl SellerPromotions {
    /// Make a promotion that the seller bears
    ///
    /// It takes off this seller's goods or shipping only, and lowers what the seller is paid. At most 50 of a seller
    /// that have no code, and so apply by themselves, can be on, or still to come.
    #[oai(path = "/", method = "post", operation_id = "createSellerPromotion")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreatePromotion>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Promotion>> {
        let key = Key::read(who.key_space(), "createSellerPromotion", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let answer = once(&ctx.store, key, async |tx| {
            let row = promotions::create(&tx, body.clone().read(Some(who.seller()), tx.now)?).await?;
            let (version, offers) = (row.version, promotions::offers(&**tx, &row).await?);
            Ok(Created::new(&Promotion::with_offers(row, offers)).with_version(version))
        })
        .await?;
        Ok(answer)
    }

    /// List the seller's promotions
    ///
    /// Those that are over too, newest first.
    #[oai(path = "/", method = "get", operation_id = "listSellerPromotions")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Promotion>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let own = promotions::owned_by(Some(who.seller()), promotion::Entity::find());
        let mut rows = page.newest(own, promotion::Column::Id).all(ctx.store.read()).await.map_err(Error::from)?;
        promotions::count_uses(ctx.store.read(), &mut rows).await?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Promotion::from)))
    }

    /// Show one of the seller's promotions
    #[oai(path = "/:id", method = "get", operation_id = "getSellerPromotion")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<Promotion>> {
        let (row, offers) = promotions::find(ctx.store.read(), Some(who.seller()), id.0.into()).await?;
        let version = row.version;
        Ok(Okay::new(&Promotion::with_offers(row, offers)).with_version(version))
    }

    /// Change a promotion
    ///
    /// How long and how often it can be used, and in which order; never what it takes off. Placed orders keep it. At
    /// most 50 of a seller that have no code can be on, or still to come.
    #[oai(path = "/:id", method = "patch", operation_id = "changeSellerPromotion")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<ChangePromotion>,
        /// The version that the change was decided on.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Promotion>> {
        let if_version = version::required(if_match.0.as_deref())?;
        let (row, offers) = ctx
            .store
            .write(async |tx| {
                let change = body.0.clone().into();
                let row = promotions::change(&tx, Some(who.seller()), id.0.into(), change, if_version).await?;
                let offers = promotions::offers(&**tx, &row).await?;
                Ok((row, offers))
            })
            .await?;
        let version = row.version;
        Ok(Okay::new(&Promotion::with_offers(row, offers)).with_version(version))
    }
}
