//! All promotions; the marketplace's own are made here.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::{Error, promotion as promotions};
use souk_entity::id::SellerId;
use souk_entity::promotion;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::seller::promotion_terms::{ChangePromotion, CreatePromotion};
use crate::view::promotion::Promotion;

/// All promotions.
pub struct AdminPromotions;

#[OpenApi(prefix_path = "/api/v1/admin/promotions", tag = "Tag::Operators")]
impl AdminPromotions {
    /// Make a promotion of the marketplace
    ///
    /// For the goods of any seller. Borne by the marketplace, sellers are paid as without it; borne by the sellers, each
    /// is paid less. At most 50 of the marketplace that have no code, and so apply by themselves, can be on, or still
    /// to come.
    #[oai(path = "/", method = "post", operation_id = "createPromotion")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<CreatePromotion>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Promotion>> {
        let key = Key::read(who.key_space(), "createPromotion", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let answer = once(&ctx.store, key, async |tx| {
            let row = promotions::create(&tx, body.clone().read(None, tx.now)?).await?;
            let (version, offers) = (row.version, promotions::offers(&**tx, &row).await?);
            Ok(Created::new(&Promotion::with_offers(row, offers)).with_version(version))
        })
        .await?;
        Ok(answer)
    }

    /// List promotions
    ///
    /// The marketplace's and the sellers', those that are over too, newest first.
    #[oai(path = "/", method = "get", operation_id = "listPromotions")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those that this seller made.
        owner_seller_id: Query<Option<Uuid>>,
        /// Only the one of this code; upper and lower case are the same.
        #[oai(validator(max_length = 40))]
        code: Query<Option<String>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Promotion>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = promotions::owned_by(owner_seller_id.0.map(SellerId), promotion::Entity::find());
        if let Some(code) = code.0 {
            query = query.filter(promotion::Column::Code.eq(code.trim().to_uppercase()));
        }
        let mut rows = page.newest(query, promotion::Column::Id).all(ctx.store.read()).await.map_err(Error::from)?;
        promotions::count_uses(ctx.store.read(), &mut rows).await?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Promotion::from)))
    }

    /// Show a promotion
    #[oai(path = "/:id", method = "get", operation_id = "getPromotion")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Promotion>> {
        let (row, offers) = promotions::find(ctx.store.read(), None, id.0.into()).await?;
        let version = row.version;
        Ok(Okay::new(&Promotion::with_offers(row, offers)).with_version(version))
    }

    /// Change a promotion
    ///
    /// How long and how often it can be used, and in which order; never what it takes off. Placed orders keep it. A
    /// seller's can be stopped here as well. At most 50 of the marketplace, and 50 of each seller, that have no code can
    /// be on, or still to come.
    #[oai(path = "/:id", method = "patch", operation_id = "changePromotion")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
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
                let row = promotions::change(&tx, None, id.0.into(), body.0.clone().into(), if_version).await?;
                let offers = promotions::offers(&**tx, &row).await?;
                Ok((row, offers))
            })
            .await?;
        let version = row.version;
        Ok(Okay::new(&Promotion::with_offers(row, offers)).with_version(version))
    }
}
