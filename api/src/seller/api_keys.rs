//! API keys of the seller who asks.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use souk_domain::Error;
use souk_domain::access::{Scopes, SellerArea};
use souk_domain::account::api_key::{self, KeyOwner, NewKey};
use souk_entity::api_key as row;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::api_key::{ApiKey, CreateApiKey, NewApiKey};

/// API keys of the seller who asks.
pub struct ApiKeys;

#[OpenApi(prefix_path = "/api/v1/seller/api-keys", tag = "Tag::SellerAccess")]
impl ApiKeys {
    /// Make an API key
    ///
    /// For a system of the seller's. The answer shows the key once: it is sent as `Authorization: Bearer souk_sk_…`. At most
    /// 20 are live at once. Only owners manage keys, and no key manages keys. The address of who makes it must be
    /// confirmed.
    #[oai(path = "/", method = "post", operation_id = "createApiKey")]
    async fn create(&self, ctx: Ctx<'_>, who: Selling, body: Json<CreateApiKey>) -> ApiResult<Created<NewApiKey>> {
        let scopes = Scopes::<SellerArea>::read(body.scopes.iter().map(|scope| scope.word()))?;
        let new = NewKey {
            owner: KeyOwner::Seller(who.seller()),
            user: who.user(),
            name: body.name.clone(),
            scopes: scopes.to_string(),
            days: body.expires_in_days,
        };
        let (row, secret) = ctx.store.write(async |tx| api_key::create(&tx, &new).await).await?;
        Ok(Created::new(&NewApiKey::new(row, &secret)))
    }

    /// List API keys
    ///
    /// Newest first, revoked and ended ones too.
    #[oai(path = "/", method = "get", operation_id = "listApiKeys")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<ApiKey>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let own = page.newest(api_key::owned_by(KeyOwner::Seller(who.seller())), row::Column::Id);
        let rows = own.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), ApiKey::from)))
    }

    /// Revoke an API key
    ///
    /// It counts for nothing from now on.
    #[oai(path = "/:id", method = "delete", operation_id = "revokeApiKey")]
    async fn revoke(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<ApiKey>> {
        let owner = KeyOwner::Seller(who.seller());
        let row = ctx.store.write(async |tx| api_key::revoke(&tx, owner, id.0.into()).await).await?;
        Ok(Okay::new(&row.into()))
    }
}
