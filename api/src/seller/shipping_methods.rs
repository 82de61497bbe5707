//! How the seller ships and what the shopper pays for it.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::money::{Money, currency};
use souk_domain::order::pricing::shipping::Tariff;
use souk_domain::shipping::{self, Method, MethodChange, NewMethod};
use souk_domain::{Error, Result};
use souk_entity::money::{CurrencyCode, MinorUnits};
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
use crate::view::shipping::{WeightStep, tariff};
use crate::view::words::ShippingPricing;

/// A way of shipping to be offered.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateShippingMethod {
    /// Unique for the seller and currency.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// The shipping zone that it serves; everywhere when left out.
    zone_id: Option<Uuid>,
    /// How its price is worked out; `flat` when left out.
    pricing: Option<ShippingPricing>,
    /// What a flat method costs per seller order.
    #[oai(validator(max_length = 24))]
    price: Option<String>,
    /// What a method by weight costs, the lightest first; what is heavier than the last cannot be sent.
    #[oai(validator(max_items = 50))]
    weight_steps: Option<Vec<WeightStep>>,
    /// ISO 4217, such as `USD`; it is offered to carts of this currency.
    #[oai(validator(max_length = 3))]
    currency: String,
    /// Free when the discounted goods reach this.
    #[oai(validator(max_length = 24))]
    free_over: Option<String>,
    /// Arrives at the earliest after this many days.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    min_days: i32,
    /// Arrives at the latest after this many days, at most 365.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    max_days: i32,
}

impl Example for CreateShippingMethod {
    fn example() -> Self {
        Self {
            name: "Parcel".into(),
            zone_id: None,
            pricing: Some(ShippingPricing::Weight),
            price: None,
            weight_steps: Some(example_steps()),
            currency: "USD".into(),
            free_over: Some("100.00".into()),
            min_days: 2,
            max_days: 4,
        }
    }
}

fn example_steps() -> Vec<WeightStep> {
    vec![
        WeightStep { up_to_grams: 1_000, price: "5.00".into() },
        WeightStep { up_to_grams: 10_000, price: "9.00".into() },
    ]
}

/// What is to be different of a way of shipping; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ChangeShippingMethod {
    /// Unique for the seller and currency.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: Option<String>,
    /// What a flat method costs per seller order.
    #[oai(validator(max_length = 24))]
    price: Option<String>,
    /// What a method by weight costs: all steps, the lightest first.
    #[oai(validator(max_items = 50))]
    weight_steps: Option<Vec<WeightStep>>,
    /// Free when the discounted goods reach this; `null` for never.
    #[oai(validator(max_length = 24))]
    free_over: MaybeUndefined<String>,
    /// Arrives at the earliest after this many days.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    min_days: Option<i32>,
    /// Arrives at the latest after this many days, at most 365.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    max_days: Option<i32>,
    /// Whether carts can choose it.
    active: Option<bool>,
}

impl Example for ChangeShippingMethod {
    fn example() -> Self {
        Self {
            name: None,
            price: None,
            weight_steps: Some(example_steps()),
            free_over: MaybeUndefined::Value("80.00".into()),
            min_days: None,
            max_days: None,
            active: Some(true),
        }
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
    /// The shipping zone that it serves; absent for everywhere.
    zone_id: Option<Uuid>,
    /// How its price is worked out.
    pricing: ShippingPricing,
    /// What a flat method costs per seller order.
    price: Option<String>,
    /// What a method by weight costs, the lightest first.
    weight_steps: Option<Vec<WeightStep>>,
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

impl From<Method> for SellerShippingMethod {
    fn from(Method { row, tariff: asked }: Method) -> Self {
        let (price, weight_steps) = tariff(&asked, row.currency);
        Self {
            id: row.id.into(),
            zone_id: row.shipping_zone_id.map(Into::into),
            pricing: row.pricing.into(),
            price,
            weight_steps,
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
    ///
    /// At most 100 of a seller can be in use.
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
        let asked = read_tariff(body.price.as_deref(), body.weight_steps.as_deref(), currency)?;
        let by_weight = matches!(body.pricing, Some(ShippingPricing::Weight));
        let tariff = match (asked, by_weight) {
            (Some(tariff @ Tariff::Flat(_)), false) | (Some(tariff @ Tariff::ByWeight(_)), true) => tariff,
            (_, false) => return Err(Error::invalid("A flat method has a price and no weight_steps.").into()),
            (_, true) => return Err(Error::invalid("A method by weight has weight_steps and no price.").into()),
        };
        let new = NewMethod {
            zone: body.zone_id.map(Into::into),
            currency,
            tariff,
            free_over: body.free_over.as_deref().map(|over| read(over, currency)).transpose()?,
            min_days: body.min_days,
            max_days: body.max_days,
            name: body.name,
        };
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Created::new(&shipping::create_method(&tx, who.seller(), new.clone()).await?.into()))
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
        let methods = shipping::with_tariffs(ctx.store.read(), rows).await?;
        Ok(Okay::new(&page.page(methods, |method| method.row.id.into(), SellerShippingMethod::from)))
    }

    /// Change a shipping method
    ///
    /// Its price, its times, or whether it is in use; placed orders keep what they were placed with. For another
    /// zone, currency or pricing, add another method. At most 100 of a seller can be in use.
    #[oai(path = "/:id", method = "patch", operation_id = "changeShippingMethod")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<ChangeShippingMethod>,
    ) -> ApiResult<Okay<SellerShippingMethod>> {
        let (id, body) = (id.0.into(), body.0);
        // The currency that amounts are written in; it never changes.
        let currency = shipping::method_of(ctx.store.read(), who.seller(), id).await?.currency;
        let change = MethodChange {
            tariff: read_tariff(body.price.as_deref(), body.weight_steps.as_deref(), currency)?,
            free_over: match body.free_over {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(over) => Some(Some(read(&over, currency)?)),
            },
            name: body.name,
            min_days: body.min_days,
            max_days: body.max_days,
            active: body.active,
        };
        let method =
            ctx.store.write(async |tx| shipping::change_method(&tx, who.seller(), id, change.clone()).await).await?;
        Ok(Okay::new(&method.into()))
    }
}

fn read(text: &str, currency: CurrencyCode) -> Result<MinorUnits> {
    Ok(Money::parse(text, currency)?.amount)
}

/// What a method is to cost, where that is said.
fn read_tariff(price: Option<&str>, steps: Option<&[WeightStep]>, currency: CurrencyCode) -> Result<Option<Tariff>> {
    match (price, steps) {
        (None, None) => Ok(None),
        (Some(price), None) => Ok(Some(Tariff::Flat(read(price, currency)?))),
        (None, Some(steps)) => {
            let steps = steps.iter().map(|step| Ok((step.up_to_grams, read(&step.price, currency)?)));
            Ok(Some(Tariff::ByWeight(steps.collect::<Result<_>>()?)))
        }
        (Some(_), Some(_)) => Err(Error::invalid("Send price or weight_steps, not both.")),
    }
}
