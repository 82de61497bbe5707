//! What the marketplace asks of a seller.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};
use sea_orm::{ConnectionTrait, EntityTrait};
use souk_domain::account::checklist;
use souk_domain::{Error, Result};
use souk_entity::id::SellerId;
use souk_entity::seller;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::replay::{Key, once};
use crate::view::checklist::Checklist;

/// The checklist of the seller who asks.
pub struct SellerChecklist;

#[OpenApi(prefix_path = "/api/v1/seller/checklist", tag = "Tag::SellerAccess")]
impl SellerChecklist {
    /// Show the checklist
    ///
    /// What the marketplace asks for before it approves, and what of it is there.
    #[oai(path = "/", method = "get", operation_id = "getChecklist")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling) -> ApiResult<Okay<Checklist>> {
        Ok(Okay::new(&view(ctx.store.read(), who.seller()).await?))
    }

    /// Accept terms
    ///
    /// For the seller's owner, who is written down with the instant.
    #[oai(path = "/:requirement_id/accept", method = "post", operation_id = "acceptTerms")]
    async fn accept(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        requirement_id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Checklist>> {
        let key = Key::read(who.key_space(), "acceptTerms", idempotency_key.0.as_deref(), &requirement_id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            let row = checklist::accept(&tx, who.seller(), requirement_id.0.into(), who.user()).await?;
            Ok(Okay::new(&Checklist::from(checklist::of(&**tx, &row).await?)))
        })
        .await?;
        Ok(answer)
    }
}

/// A seller's checklist.
///
/// # Errors
/// [`souk_domain::Code::NotFound`].
pub async fn view(db: &impl ConnectionTrait, id: SellerId) -> Result<Checklist> {
    let row = seller::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("seller"))?;
    Ok(checklist::of(db, &row).await?.into())
}
