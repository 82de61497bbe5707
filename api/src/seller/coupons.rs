//! Coupons: their terms, and those that the seller bears.

use chrono::{DateTime, SubsecRound, Utc};
use poem_openapi::param::{Header, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::catalogue::coupon::{self as coupons, NewCoupon};
use souk_domain::money::{Money, currency};
use souk_domain::{Error, Result};
use souk_entity::coupon;
use souk_entity::id::{CouponId, SellerId};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::CouponKind as Kind;
use uuid::Uuid;

use super::percent as percentage;
use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::words::CouponKind;
use crate::view::{amount, percent};

/// A coupon's terms.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateCoupon {
    /// What the shopper types: 3 to 40 letters, digits and hyphens; upper and lower case are the same.
    #[oai(validator(min_length = 3, max_length = 40))]
    code: String,
    /// How `value` is read.
    kind: CouponKind,
    /// `10` for 10 percent, or an amount of `currency` such as `5.00`.
    #[oai(validator(max_length = 24))]
    value: String,
    /// ISO 4217; needed for a fixed value and for limits that are amounts. Without it a percentage is for any currency.
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// The goods that it touches must cost at least this.
    #[oai(validator(max_length = 24))]
    minimum_spend: Option<String>,
    /// It takes off at most this.
    #[oai(validator(max_length = 24))]
    maximum_discount: Option<String>,
    /// It can be used this often; for ever when left out.
    usage_limit: Option<i64>,
    /// Valid from then; from now when left out.
    starts_at: Option<DateTime<Utc>>,
    /// Valid until then; for ever when left out.
    ends_at: Option<DateTime<Utc>>,
}

impl Example for CreateCoupon {
    fn example() -> Self {
        Self {
            code: "WELCOME10".into(),
            kind: CouponKind::Percentage,
            value: "10".into(),
            currency: Some("USD".into()),
            minimum_spend: Some("50.00".into()),
            maximum_discount: Some("25.00".into()),
            usage_limit: Some(1_000),
            starts_at: None,
            ends_at: None,
        }
    }
}

impl CreateCoupon {
    /// As the domain takes them; `seller` bears it, or the platform.
    ///
    /// # Errors
    /// [`souk_domain::Code::InvalidValue`], [`souk_domain::Code::InvalidMoney`].
    pub fn terms(self, seller: Option<SellerId>, now: DateTime<Utc>) -> Result<NewCoupon> {
        let currency = self.currency.as_deref().map(currency).transpose()?;
        let read = |text: &str| {
            let currency = currency.ok_or_else(|| Error::invalid("Send the currency of the coupon's amounts."))?;
            Money::parse(text, currency).map(|money| money.amount)
        };
        let kind = Kind::from(self.kind);
        Ok(NewCoupon {
            value: match kind {
                Kind::Percentage => percentage::parse(&self.value)?.0,
                Kind::Fixed => read(&self.value)?.0,
            },
            kind,
            currency,
            seller_id: seller,
            minimum_spend: self.minimum_spend.as_deref().map_or(Ok(MinorUnits::ZERO), read)?,
            maximum_discount: self.maximum_discount.as_deref().map(read).transpose()?,
            usage_limit: self.usage_limit,
            // As exact as the databases keep it, so that this answer and later ones agree.
            starts_at: self.starts_at.unwrap_or(now).trunc_subsecs(6),
            ends_at: self.ends_at.map(|ends| ends.trunc_subsecs(6)),
            code: self.code,
        })
    }
}

/// A coupon as who made it sees it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Coupon {
    /// Its id.
    id: Uuid,
    /// What the shopper types.
    code: String,
    /// How `value` is read.
    kind: CouponKind,
    /// A percentage, or an amount of `currency`.
    value: String,
    /// ISO 4217; absent for a percentage of any currency.
    currency: Option<String>,
    /// The seller who bears it; absent when the platform does.
    seller_id: Option<Uuid>,
    /// The goods that it touches must cost at least this.
    minimum_spend: Option<String>,
    /// It takes off at most this.
    maximum_discount: Option<String>,
    /// It can be used this often.
    usage_limit: Option<i64>,
    /// It was used this often.
    used: i64,
    /// Valid from then.
    starts_at: DateTime<Utc>,
    /// Valid until then.
    ends_at: Option<DateTime<Utc>>,
    /// Whether it can be used.
    active: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<coupon::Model> for Coupon {
    fn from(row: coupon::Model) -> Self {
        let show = |value: MinorUnits| row.currency.map(|currency| amount(value, currency));
        Self {
            id: row.id.into(),
            kind: row.kind.into(),
            value: match (row.kind, row.currency) {
                (Kind::Fixed, Some(currency)) => amount(MinorUnits(row.value), currency),
                // A fixed coupon has a currency: the schema says so.
                (Kind::Percentage, _) | (Kind::Fixed, None) => percent(RatePpm(row.value)),
            },
            currency: row.currency.map(|currency| currency.to_string()),
            seller_id: row.seller_id.map(Into::into),
            minimum_spend: Some(row.minimum_spend).filter(|least| *least != MinorUnits::ZERO).and_then(show),
            maximum_discount: row.maximum_discount.and_then(show),
            usage_limit: row.usage_limit,
            used: row.used,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            active: row.active,
            created_at: row.created_at,
            code: row.code,
        }
    }
}

/// Coupons of the seller who asks.
pub struct SellerCoupons;

#[OpenApi(prefix_path = "/api/v1/seller/coupons", tag = "Tag::SellerCatalogue")]
impl SellerCoupons {
    /// Make a coupon that the seller bears
    ///
    /// It takes off this seller's goods only, and lowers what the seller is paid.
    #[oai(path = "/", method = "post", operation_id = "createSellerCoupon")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreateCoupon>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Coupon>> {
        let key = Key::read(who.key_space(), "createSellerCoupon", idempotency_key.0.as_deref(), &body.0)?;
        let new = body.0.terms(Some(who.seller()), ctx.store.now())?;
        let answer =
            once(&ctx.store, key, async |tx| Ok(Created::new(&coupons::create(&tx, new.clone()).await?.into())))
                .await?;
        Ok(answer)
    }

    /// List the seller's coupons
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listSellerCoupons")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Coupon>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        Ok(Okay::new(&page_of(ctx.store.read(), Some(who.seller()), page).await?))
    }
}

/// A page of the coupons that `seller` bears, or those of the platform.
///
/// # Errors
/// The database's.
pub async fn page_of(db: &impl ConnectionTrait, seller: Option<SellerId>, page: PageRequest) -> Result<Page<Coupon>> {
    let borne = match seller {
        Some(seller) => coupon::Column::SellerId.eq(seller),
        None => coupon::Column::SellerId.is_null(),
    };
    let mut query = coupon::Entity::find().filter(borne).order_by_desc(coupon::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(coupon::Column::Id.lt(CouponId(after)));
    }
    Ok(page.page(query.all(db).await?, |row| row.id.into(), Coupon::from))
}
