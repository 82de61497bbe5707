//! The seller's prices.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::money::{Money, currency};
use souk_domain::{Error, catalogue};
use souk_entity::id::OfferId;
use souk_entity::offer;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::view::amount;

/// A variant to be offered.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct CreateOffer {
    /// The variant, described by this seller or another.
    variant_id: Uuid,
    /// The price of one unit.
    #[oai(validator(max_length = 24))]
    price: String,
    /// ISO 4217, such as `USD`.
    #[oai(validator(max_length = 3))]
    currency: String,
}

impl Example for CreateOffer {
    fn example() -> Self {
        Self { variant_id: EXAMPLE_ID, price: "19.99".into(), currency: "USD".into() }
    }
}

/// What is to be different of an offer; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ChangeOffer {
    /// The price of one unit.
    #[oai(validator(max_length = 24))]
    price: Option<String>,
    /// The currency of `price`: the offer's own.
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// Whether it can be bought.
    active: Option<bool>,
}

impl Example for ChangeOffer {
    fn example() -> Self {
        Self { price: Some("17.99".into()), currency: Some("USD".into()), active: None }
    }
}

/// An offer as its seller sees it.
#[derive(Debug, Object)]
pub struct SellerOffer {
    /// Its id.
    id: Uuid,
    /// The variant.
    variant_id: Uuid,
    /// The price of one unit.
    price: String,
    /// ISO 4217.
    currency: String,
    /// Whether it can be bought.
    active: bool,
    /// Rises with every change; the ETag.
    version: i64,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<offer::Model> for SellerOffer {
    fn from(row: offer::Model) -> Self {
        Self {
            id: row.id.into(),
            variant_id: row.variant_id.into(),
            price: amount(row.price, row.currency),
            currency: row.currency.to_string(),
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Offers of the seller who asks.
pub struct SellerOffers;

#[OpenApi(prefix_path = "/api/v1/seller/offers", tag = "Tag::SellerCatalogue")]
impl SellerOffers {
    /// Offer a variant
    ///
    /// Once per variant; its stock is set per warehouse.
    #[oai(path = "/", method = "post", operation_id = "createOffer")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreateOffer>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<SellerOffer>> {
        let key = Key::read(who.key_space(), "createOffer", idempotency_key.0.as_deref(), &body.0)?;
        let price = Money::parse(&body.0.price, currency(&body.0.currency)?)?;
        let variant = body.0.variant_id.into();
        let answer = once(&ctx.store, key, async |tx| {
            let row = catalogue::create_offer(&tx, who.seller(), variant, price).await?;
            let version = row.version;
            Ok(Created::new(&row.into()).with_version(version))
        })
        .await?;
        Ok(answer)
    }

    /// List the seller's offers
    ///
    /// Those off sale too, newest first.
    #[oai(path = "/", method = "get", operation_id = "listSellerOffers")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<SellerOffer>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query =
            page.newest(offer::Entity::find().filter(offer::Column::SellerId.eq(who.seller())), offer::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), SellerOffer::from)))
    }

    /// Show one of the seller's offers
    #[oai(path = "/:id", method = "get", operation_id = "getSellerOffer")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<SellerOffer>> {
        let row = offer::Entity::find_by_id(OfferId(id.0))
            .filter(offer::Column::SellerId.eq(who.seller()))
            .one(ctx.store.read())
            .await
            .map_err(Error::from)?
            .ok_or_else(|| Error::not_found("offer"))?;
        let version = row.version;
        Ok(Okay::new(&row.into()).with_version(version))
    }

    /// Change an offer
    ///
    /// Its price, in its currency, or whether it can be bought. Placed orders keep their price.
    #[oai(path = "/:id", method = "patch", operation_id = "changeOffer")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<ChangeOffer>,
        /// The version that the change was decided on.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<SellerOffer>> {
        let if_version = version::required(if_match.0.as_deref())?;
        let price = match (&body.0.price, &body.0.currency) {
            (Some(price), Some(code)) => Some(Money::parse(price, currency(code)?)?),
            (None, None) => None,
            _ => return Err(Error::invalid("Send price and currency together.").into()),
        };
        let active = body.0.active;
        let row = ctx
            .store
            .write(async |tx| catalogue::change_offer(&tx, who.seller(), id.0.into(), price, active, if_version).await)
            .await?;
        let version = row.version;
        Ok(Okay::new(&row.into()).with_version(version))
    }
}
