//! What the marketplace owes any seller, and their statements of account.

use chrono::{DateTime, Utc};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use sea_orm::EntityTrait;
use souk_domain::{Error, Result};
use souk_entity::id::SellerId;
use souk_entity::seller;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::{Context, Ctx};
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::csv::CsvFile;
use crate::http::error::ApiResult;
use crate::http::page::PageRequest;
use crate::seller::statement::{StatementRequest, balances, file, show};
use crate::view::ledger::{SellerBalances, SellerStatement};

/// The balance and statements of any seller.
pub struct SellerStatements;

#[OpenApi(prefix_path = "/api/v1/admin/sellers", tag = "Tag::Operators")]
impl SellerStatements {
    /// Show what the marketplace owes a seller
    ///
    /// As of any instant: what was entered in the past never changes. An entry carries the instant at which its
    /// transaction began, so the balance of the last few seconds may still change.
    #[oai(path = "/:id/balance", method = "get", operation_id = "adminGetSellerBalance")]
    async fn balance(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// Entries up to this, included, count; now when left out.
        as_of: Query<Option<DateTime<Utc>>>,
    ) -> ApiResult<Okay<SellerBalances>> {
        let seller = known(&ctx, id.0.into()).await?;
        Ok(balances(&ctx, seller, as_of.0).await?)
    }

    /// Show a seller's statement of account
    ///
    /// The balance before, every entry, and the balance after; the closing balance is the opening balance of the
    /// statement that begins where this one ends.
    #[oai(path = "/:id/statement", method = "get", operation_id = "adminGetSellerStatement")]
    #[expect(clippy::too_many_arguments, reason = "one argument per query parameter is how the document knows them")]
    async fn statement(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// ISO 4217; needed where there are entries in several currencies, or none.
        #[oai(validator(max_length = 3))]
        currency: Query<Option<String>>,
        /// Entries after this; when left out, the beginning of the month of the instant just before `to`, so that the
        /// first of a month as `to` tells the month before.
        from: Query<Option<DateTime<Utc>>>,
        /// Entries up to this, included, at most 366 days after `from`; now when left out.
        to: Query<Option<DateTime<Utc>>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before; name the same `from` and `to` with it.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<SellerStatement>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let seller = known(&ctx, id.0.into()).await?;
        let asked = StatementRequest { seller, currency: currency.0.as_deref(), from: from.0, to: to.0 };
        Ok(show(&ctx, &asked, page).await?)
    }

    /// Download a seller's statement of account
    ///
    /// As CSV: the opening balance, a line per entry, the closing balance. Amounts are decimal numbers; the column
    /// `amount` sums to what the balance changed by.
    #[oai(path = "/:id/statement.csv", method = "get", operation_id = "adminDownloadSellerStatement")]
    async fn download(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// ISO 4217; needed where there are entries in several currencies, or none.
        #[oai(validator(max_length = 3))]
        currency: Query<Option<String>>,
        /// Entries after this; when left out, the beginning of the month of the instant just before `to`, so that the
        /// first of a month as `to` tells the month before.
        from: Query<Option<DateTime<Utc>>>,
        /// Entries up to this, included, at most 366 days after `from`; now when left out.
        to: Query<Option<DateTime<Utc>>>,
    ) -> ApiResult<CsvFile> {
        let seller = known(&ctx, id.0.into()).await?;
        let asked = StatementRequest { seller, currency: currency.0.as_deref(), from: from.0, to: to.0 };
        Ok(file(&ctx, &asked).await?)
    }
}

async fn known(context: &Context, id: SellerId) -> Result<SellerId> {
    let found = seller::Entity::find_by_id(id).one(context.store.read()).await?;
    found.map(|seller| seller.id).ok_or_else(|| Error::not_found("seller"))
}
