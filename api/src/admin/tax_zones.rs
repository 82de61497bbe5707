//! Where which tax rates apply.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::place::Place;
use souk_domain::tax::{self, NewRate, NewZone};
use souk_domain::validity::Validity;
use souk_domain::{Error, Result};
use souk_entity::id::TaxZoneId;
use souk_entity::{tax_rate, tax_zone};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::seller::percent;
use crate::view;

/// A place that is to have tax rates of its own.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateTaxZone {
    /// For people.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// Two capital letters of ISO 3166-1, such as `US`.
    #[oai(validator(max_length = 2))]
    country: String,
    /// A state or province as addresses name it, upper and lower case being the same; the whole country when left out.
    #[oai(validator(max_length = 100))]
    region: Option<String>,
    /// Whether offers' prices and shipping contain the tax. Without it, tax is added to them.
    prices_include_tax: bool,
}

impl Example for CreateTaxZone {
    fn example() -> Self {
        Self { name: "New York".into(), country: "US".into(), region: Some("NY".into()), prices_include_tax: false }
    }
}

/// A tax rate to be added.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateTaxRate {
    /// The tax class of the products that it is for, or `shipping`: small letters, digits, hyphens, underscores.
    #[oai(validator(min_length = 1, max_length = 40))]
    tax_class: String,
    /// As shoppers are told, such as `VAT`.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// 0 to 100 with at most four decimals, such as `8.875`.
    #[oai(validator(max_length = 10))]
    percent: String,
    /// Valid from then; from now when left out.
    starts_at: Option<DateTime<Utc>>,
    /// Valid until then; for ever when left out.
    ends_at: Option<DateTime<Utc>>,
}

impl Example for CreateTaxRate {
    fn example() -> Self {
        Self {
            tax_class: "standard".into(),
            name: "Sales tax".into(),
            percent: "8.875".into(),
            starts_at: None,
            ends_at: None,
        }
    }
}

/// When something is to end.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct EndTerms {
    /// From then on, not in the past; from now on when left out.
    pub ends_at: Option<DateTime<Utc>>,
}

impl Example for EndTerms {
    fn example() -> Self {
        Self { ends_at: DateTime::from_timestamp(4_102_444_800, 0) }
    }
}

/// A place with tax rates of its own.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct TaxZone {
    /// Its id.
    id: Uuid,
    /// For people.
    name: String,
    /// ISO 3166-1.
    country: String,
    /// In capital letters; absent for the whole country.
    region: Option<String>,
    /// Whether offers' prices and shipping contain the tax.
    prices_include_tax: bool,
    /// The rates that apply now, one of each class.
    rates: Vec<TaxRate>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl TaxZone {
    fn new(row: tax_zone::Model, rates: Vec<tax_rate::Model>) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            country: row.country,
            region: Some(row.region).filter(|region| !region.is_empty()),
            prices_include_tax: row.prices_include_tax,
            rates: rates.into_iter().map(TaxRate::from).collect(),
            created_at: row.created_at,
        }
    }
}

/// A tax rate of a class.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct TaxRate {
    /// Its id.
    id: Uuid,
    /// What it is for.
    tax_class: String,
    /// As shoppers are told.
    name: String,
    /// Such as `8.875`.
    percent: String,
    /// Valid from then.
    starts_at: DateTime<Utc>,
    /// Valid until then.
    ends_at: Option<DateTime<Utc>>,
    /// When it was added.
    created_at: DateTime<Utc>,
}

impl From<tax_rate::Model> for TaxRate {
    fn from(row: tax_rate::Model) -> Self {
        Self {
            id: row.id.into(),
            tax_class: row.tax_class,
            name: row.name,
            percent: view::percent(row.rate_ppm),
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            created_at: row.created_at,
        }
    }
}

/// The tax table.
pub struct TaxZones;

#[OpenApi(prefix_path = "/api/v1/admin/tax-zones", tag = "Tag::Operators")]
impl TaxZones {
    /// Add a tax zone
    ///
    /// A country, or a region of one: a region's rate of a class goes before its country's. Where a country has only
    /// zones of regions, orders to the rest of it are refused, so that an address without its region does not go
    /// untaxed; to sell there, add a zone of the whole country as well.
    #[oai(path = "/", method = "post", operation_id = "createTaxZone")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<CreateTaxZone>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<TaxZone>> {
        let key = Key::read(who.key_space(), "createTaxZone", idempotency_key.0.as_deref(), &body.0)?;
        let new = NewZone {
            place: Place::new(&body.0.country, body.0.region.as_deref())?,
            name: body.0.name,
            prices_include_tax: body.0.prices_include_tax,
        };
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Created::new(&TaxZone::new(tax::create_zone(&tx, new.clone()).await?, Vec::new())))
        })
        .await?;
        Ok(answer)
    }

    /// List tax zones
    ///
    /// With the rates that apply now, newest first.
    #[oai(path = "/", method = "get", operation_id = "listTaxZones")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<TaxZone>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query = page.newest(tax_zone::Entity::find(), tax_zone::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let mut rates: HashMap<TaxZoneId, Vec<tax_rate::Model>> = HashMap::new();
        for rate in tax::rates_at(ctx.store.read(), rows.iter().map(|row| row.id), ctx.store.now()).await? {
            rates.entry(rate.tax_zone_id).or_default().push(rate);
        }
        Ok(Okay::new(&page.page(
            rows,
            |row| row.id.into(),
            |row| {
                let rates = rates.remove(&row.id).unwrap_or_default();
                TaxZone::new(row, rates)
            },
        )))
    }

    /// Show a tax zone
    ///
    /// With the rates that apply now.
    #[oai(path = "/:id", method = "get", operation_id = "getTaxZone")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<TaxZone>> {
        let row = tax::zone(ctx.store.read(), id.0.into()).await?;
        let rates = tax::rates_at(ctx.store.read(), [row.id], ctx.store.now()).await?;
        Ok(Okay::new(&TaxZone::new(row, rates)))
    }

    /// Add a tax rate
    ///
    /// Of the rates of a class that are valid, the one that started last applies: add one to change it. A class
    /// without a rate is taxed as class `standard`, shipping (class `shipping`) too; what is not taxed has a rate of 0.
    #[oai(path = "/:id/rates", method = "post", operation_id = "createTaxRate")]
    async fn add_rate(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<CreateTaxRate>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<TaxRate>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "createTaxRate", key, &(id.0, &body.0))?;
        let body = body.0;
        let rate = percent::parse(&body.percent)?;
        let answer = once(&ctx.store, key, async |tx| {
            let new = NewRate {
                class: body.tax_class.clone(),
                name: body.name.clone(),
                rate,
                validity: Validity::new(body.starts_at, body.ends_at, tx.now)?,
            };
            Ok(Created::new(&tax::add_rate(&tx, id.0.into(), new).await?.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List the tax rates of a zone
    ///
    /// Those of the past and the future too, newest first.
    #[oai(path = "/:id/rates", method = "get", operation_id = "listTaxRates")]
    async fn rates(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<TaxRate>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let zone = tax::zone(ctx.store.read(), id.0.into()).await?;
        let query =
            page.newest(tax_rate::Entity::find().filter(tax_rate::Column::TaxZoneId.eq(zone.id)), tax_rate::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), TaxRate::from)))
    }

    /// End a tax rate
    ///
    /// Now or later; placed orders keep the tax that they were placed with.
    #[oai(path = "/:id/rates/:rate_id", method = "patch", operation_id = "endTaxRate")]
    async fn end_rate(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        rate_id: Path<Uuid>,
        body: Json<EndTerms>,
    ) -> ApiResult<Okay<TaxRate>> {
        let row: Result<tax_rate::Model> =
            ctx.store.write(async |tx| tax::end_rate(&tx, id.0.into(), rate_id.0.into(), body.0.ends_at).await).await;
        Ok(Okay::new(&row?.into()))
    }
}
