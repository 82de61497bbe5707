//! API keys of the operator who asks, and those of sellers.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use sea_orm::EntityTrait;
use souk_domain::Error;
use souk_domain::access::{OperatorArea, Scopes};
use souk_domain::account::api_key::{self, KeyOwner, NewKey};
use souk_entity::id::SellerId;
use souk_entity::{api_key as row, seller};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::api_key::{ApiKey, CreateOperatorApiKey, NewApiKey};

/// API keys of the operator who asks.
pub struct AdminApiKeys;

#[OpenApi(prefix_path = "/api/v1/admin/api-keys", tag = "Tag::Operators")]
impl AdminApiKeys {
    /// Make an API key of one's own
    ///
    /// For a system of the operator's, who is answerable for it: what their role does not allow any more, the key does not
    /// either. The answer shows it once. At most 20 are live at once, and no key manages keys.
    #[oai(path = "/", method = "post", operation_id = "adminCreateApiKey")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<CreateOperatorApiKey>,
    ) -> ApiResult<Created<NewApiKey>> {
        let scopes = Scopes::<OperatorArea>::read(body.scopes.iter().map(|scope| scope.word()))?;
        let new = NewKey {
            owner: KeyOwner::Operator(who.user()),
            user: who.user(),
            name: body.name.clone(),
            scopes: scopes.to_string(),
            days: body.expires_in_days,
        };
        let (row, secret) = ctx.store.write(async |tx| api_key::create(&tx, &new).await).await?;
        Ok(Created::new(&NewApiKey::new(row, &secret)))
    }

    /// List one's own API keys
    ///
    /// Newest first, revoked and ended ones too.
    #[oai(path = "/", method = "get", operation_id = "adminListApiKeys")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<ApiKey>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let own = page.newest(api_key::owned_by(KeyOwner::Operator(who.user())), row::Column::Id);
        let rows = own.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), ApiKey::from)))
    }

    /// Revoke an API key of one's own
    ///
    /// It counts for nothing from now on.
    #[oai(path = "/:id", method = "delete", operation_id = "adminRevokeApiKey")]
    async fn revoke(&self, ctx: Ctx<'_>, who: Operating, id: Path<Uuid>) -> ApiResult<Okay<ApiKey>> {
        let owner = KeyOwner::Operator(who.user());
        let row = ctx.store.write(async |tx| api_key::revoke(&tx, owner, id.0.into()).await).await?;
        Ok(Okay::new(&row.into()))
    }
}

/// API keys of any seller.
pub struct SellerApiKeys;

#[OpenApi(prefix_path = "/api/v1/admin/sellers", tag = "Tag::Operators")]
impl SellerApiKeys {
    /// List a seller's API keys
    ///
    /// Newest first, revoked and ended ones too.
    #[oai(path = "/:id/api-keys", method = "get", operation_id = "adminListSellerApiKeys")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<ApiKey>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let (db, seller) = (ctx.store.read(), SellerId(id.0));
        let found = seller::Entity::find_by_id(seller).one(db).await.map_err(Error::from)?;
        found.ok_or_else(|| Error::not_found("seller"))?;
        let keys = page.newest(api_key::owned_by(KeyOwner::Seller(seller)), row::Column::Id);
        let rows = keys.all(db).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), ApiKey::from)))
    }

    /// Revoke an API key of a seller
    ///
    /// It counts for nothing from now on. All keys of somebody end with their account (`setUserActive`), and all of a
    /// seller with their rejection.
    #[oai(path = "/:id/api-keys/:key_id", method = "delete", operation_id = "adminRevokeSellerApiKey")]
    async fn revoke(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        key_id: Path<Uuid>,
    ) -> ApiResult<Okay<ApiKey>> {
        let owner = KeyOwner::Seller(SellerId(id.0));
        let row = ctx.store.write(async |tx| api_key::revoke(&tx, owner, key_id.0.into()).await).await?;
        Ok(Okay::new(&row.into()))
    }
}
