//! When a seller is away.

use chrono::{DateTime, Utc};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use souk_domain::account::holiday;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::seller::settings::Seller;

/// From when until when no orders are taken.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct SetHoliday {
    /// From then; left out: from now.
    starts_at: Option<DateTime<Utc>>,
    /// Until then, in the future; left out: until the holiday is ended.
    ends_at: Option<DateTime<Utc>>,
    /// What shoppers are told.
    #[oai(validator(min_length = 1, max_length = 500))]
    message: Option<String>,
}

impl Example for SetHoliday {
    fn example() -> Self {
        Self { starts_at: None, ends_at: None, message: Some("We are back on Monday.".into()) }
    }
}

/// The holiday of the seller who asks.
pub struct Holidays;

#[OpenApi(prefix_path = "/api/v1/seller/holiday", tag = "Tag::SellerCatalogue")]
impl Holidays {
    /// Go on holiday
    ///
    /// For the seller's owner. While it lasts nothing of theirs can be put into a cart or ordered; what is ordered goes on.
    /// It takes the place of one that was set before.
    #[oai(path = "/", method = "put", operation_id = "setHoliday")]
    async fn set(&self, ctx: Ctx<'_>, who: Selling, body: Json<SetHoliday>) -> ApiResult<Okay<Seller>> {
        let asked = holiday::Holiday { starts_at: body.0.starts_at, ends_at: body.0.ends_at, message: body.0.message };
        let row =
            ctx.store.write(async |tx| holiday::set(&tx, who.seller(), Some(asked.clone()), who.actor()).await).await?;
        Ok(Okay::new(&row.into()))
    }

    /// End the holiday
    ///
    /// For the seller's owner. Orders are taken again.
    #[oai(path = "/", method = "delete", operation_id = "endHoliday")]
    async fn end(&self, ctx: Ctx<'_>, who: Selling) -> ApiResult<Okay<Seller>> {
        let row = ctx.store.write(async |tx| holiday::set(&tx, who.seller(), None, who.actor()).await).await?;
        Ok(Okay::new(&row.into()))
    }
}
