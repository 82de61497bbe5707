//! What operators do when a person asks for their data, or to be forgotten.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use souk_domain::privacy;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::PageRequest;
use crate::shopper::privacy::Erased;
use crate::view::person_data::{self, PersonData};

/// The data of persons who ask for it.
pub struct Persons;

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Tag::Operators")]
impl Persons {
    /// Export a person's data
    ///
    /// As the person would get it; see exportMyData.
    #[oai(path = "/users/:id/data", method = "get", operation_id = "adminExportUserData")]
    async fn export(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// Orders: 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<PersonData>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        Ok(Okay::new(&person_data::read(&ctx.store, id.0.into(), page).await?))
    }

    /// Erase a person
    ///
    /// See eraseMe. Erasing again answers when it was done.
    #[oai(path = "/users/:id/erase", method = "post", operation_id = "adminEraseUser")]
    async fn erase(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Erased>> {
        let erased_at = ctx.store.write(async |tx| privacy::erase_account(&tx, id.0.into()).await).await?;
        Ok(Okay::new(&Erased { erased_at }))
    }

    /// Erase the guest of an order
    ///
    /// Who has no account is known by each order alone; adminListOrders finds the orders of an e-mail address.
    #[oai(path = "/orders/:id/erase-shopper", method = "post", operation_id = "adminEraseGuest")]
    async fn erase_guest(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Erased>> {
        let erased_at = ctx.store.write(async |tx| privacy::erase_guest(&tx, id.0.into()).await).await?;
        Ok(Okay::new(&Erased { erased_at }))
    }
}
