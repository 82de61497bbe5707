//! How the seller ships and what the shopper pays for it.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::catalogue::{self, NewShippingMethod};
use souk_domain::money::{Money, currency};
use souk_domain::{Code, Error};
use souk_entity::shipping_method;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::amount;

/// A way of shipping to be offered.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateShippingMethod {
    /// Unique for the seller and currency.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// What it costs per seller order.
    #[oai(validator(max_length = 24))]
    price: String,
    /// ISO 4217, such as `USD`; it is offered to carts of this currency.
    #[oai(validator(max_length = 3))]
    currency: String,
    /// Free when the discounted goods reach this.
    #[oai(validator(max_length = 24))]
    free_over: Option<String>,
    /// Arrives at the earliest after this many days.
    min_days: i32,
    /// Arrives at the latest after this many days, at most 365.
    max_days: i32,
}

impl Example for CreateShippingMethod {
    fn example() -> Self {
        Self {
            name: "Parcel".into(),
            price: "5.00".into(),
            currency: "USD".into(),
            free_over: Some("100.00".into()),
            min_days: 2,
            max_days: 4,
        }
    }
}

/// Whether a way of shipping is in use.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct ChangeShippingMethod {
    /// Whether carts can choose it.
    active: bool,
}

impl Example for ChangeShippingMethod {
    fn example() -> Self {
        Self { active: false }
    }
}

/// A way of shipping as its seller sees it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SellerShippingMethod {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// What it costs per seller order.
    price: String,
    /// ISO 4217.
    currency: String,
    /// Free when the discounted goods reach this.
    free_over: Option<String>,
    /// Arrives at the earliest after this many days.
    min_days: i32,
    /// Arrives at the latest after this many days.
    max_days: i32,
    /// Whether carts can choose it.
    active: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<shipping_method::Model> for SellerShippingMethod {
    fn from(row: shipping_method::Model) -> Self {
        Self {
            id: row.id.into(),
            price: amount(row.price, row.currency),
            currency: row.currency.to_string(),
            free_over: row.free_over.map(|over| amount(over, row.currency)),
            min_days: row.min_days,
            max_days: row.max_days,
            active: row.active,
            created_at: row.created_at,
            name: row.name,
        }
    }
}

/// Ways of shipping of the seller who asks.
pub struct SellerShippingMethods;

#[OpenApi(prefix_path = "/api/v1/seller/shipping-methods", tag = "Tag::SellerCatalogue")]
impl SellerShippingMethods {
    /// Add a shipping method
    #[oai(path = "/", method = "post", operation_id = "createShippingMethod")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreateShippingMethod>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<SellerShippingMethod>> {
        let key = Key::read(who.key_space(), "createShippingMethod", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let currency = currency(&body.currency)?;
        let free_over = body.free_over.as_deref().map(|over| Money::parse(over, currency)).transpose()?;
        if free_over.is_some_and(|over| over.amount.0 < 0) {
            return Err(Error::new(Code::InvalidMoney, "free_over cannot be negative.").into());
        }
        let new = NewShippingMethod {
            price: Money::parse(&body.price, currency)?,
            free_over: free_over.map(|over| over.amount),
            min_days: body.min_days,
            max_days: body.max_days,
            name: body.name,
        };
        let answer = once(&ctx.store, key, async |tx| {
            let row = catalogue::create_shipping_method(&tx, who.seller(), new.clone()).await?;
            Ok(Created::new(&row.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List the seller's shipping methods
    ///
    /// Those out of use too, newest first.
    #[oai(path = "/", method = "get", operation_id = "listOwnShippingMethods")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<SellerShippingMethod>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query = page.newest(
            shipping_method::Entity::find().filter(shipping_method::Column::SellerId.eq(who.seller())),
            shipping_method::Column::Id,
        );
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), SellerShippingMethod::from)))
    }

    /// Change a shipping method
    ///
    /// Takes it out of use, or into it again. For another price, add another method.
    #[oai(path = "/:id", method = "patch", operation_id = "changeShippingMethod")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<ChangeShippingMethod>,
    ) -> ApiResult<Okay<SellerShippingMethod>> {
        let (id, active) = (id.0.into(), body.0.active);
        let row = ctx
            .store
            .write(async |tx| catalogue::activate_shipping_method(&tx, who.seller(), id, active).await)
            .await?;
        Ok(Okay::new(&row.into()))
    }
}
