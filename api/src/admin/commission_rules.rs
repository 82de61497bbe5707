//! What the marketplace takes of which sales.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::commission::{self, NewRule};
use souk_domain::money::{Money, currency};
use souk_domain::order::pricing::commission::CommissionTerms;
use souk_domain::validity::Validity;
use souk_domain::{Error, Result};
use souk_entity::commission_rule;
use souk_entity::id::{CategoryId, SellerId};
use uuid::Uuid;

use super::tax_zones::EndTerms;
use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::seller::percent;
use crate::view::commission_rule::CommissionRule;

/// What the marketplace is to take, and of which sales.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateCommissionRule {
    /// For people.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// Only this seller's goods; every seller's when left out.
    seller_id: Option<Uuid>,
    /// Only goods of this category and those below it; all when left out.
    category_id: Option<Uuid>,
    /// 0 to 100 with at most four decimals, such as `12.5`.
    #[oai(validator(max_length = 10))]
    percent: String,
    /// Besides, for each unit; nothing when left out.
    #[oai(validator(max_length = 24))]
    flat: Option<String>,
    /// Of a line at least this, but never more than its goods are worth.
    #[oai(validator(max_length = 24))]
    minimum: Option<String>,
    /// Of a line at most this.
    #[oai(validator(max_length = 24))]
    maximum: Option<String>,
    /// ISO 4217: only orders in it; needed for amounts. Any currency when left out.
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// Valid from then; from now when left out.
    starts_at: Option<DateTime<Utc>>,
    /// Valid until then; for ever when left out.
    ends_at: Option<DateTime<Utc>>,
}

impl Example for CreateCommissionRule {
    fn example() -> Self {
        Self {
            name: "Standard".into(),
            seller_id: None,
            category_id: None,
            percent: "12.5".into(),
            flat: Some("0.30".into()),
            minimum: Some("0.50".into()),
            maximum: Some("100.00".into()),
            currency: Some("USD".into()),
            starts_at: None,
            ends_at: None,
        }
    }
}

impl CreateCommissionRule {
    fn read(&self, now: DateTime<Utc>) -> Result<NewRule> {
        let currency = self.currency.as_deref().map(currency).transpose()?;
        let read = |text: &String| {
            let currency = currency.ok_or_else(|| Error::invalid("Send the currency of the amounts."))?;
            Money::parse(text, currency).map(|money| money.amount)
        };
        Ok(NewRule {
            name: self.name.clone(),
            seller: self.seller_id.map(SellerId),
            category: self.category_id.map(CategoryId),
            terms: CommissionTerms {
                rate: percent::parse(&self.percent)?,
                flat: self.flat.as_ref().map(read).transpose()?.unwrap_or_default(),
                minimum: self.minimum.as_ref().map(read).transpose()?,
                maximum: self.maximum.as_ref().map(read).transpose()?,
            },
            currency,
            validity: Validity::new(self.starts_at, self.ends_at, now)?,
        })
    }
}

/// All commission rules.
pub struct CommissionRules;

#[OpenApi(prefix_path = "/api/v1/admin/commission-rules", tag = "Tag::Operators")]
impl CommissionRules {
    /// Make a commission rule
    ///
    /// Of the rules that are valid when an order is placed, the first of these applies to a line: of its seller and
    /// category, of its seller, of its category (the nearest above goes first), of everything; among equals the one that
    /// started last. So a rule is replaced by making another. One with a currency is for orders in it only.
    #[oai(path = "/", method = "post", operation_id = "createCommissionRule")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<CreateCommissionRule>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<CommissionRule>> {
        let key = Key::read(who.key_space(), "createCommissionRule", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Created::new(&commission::create(&tx, body.read(tx.now)?).await?.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List commission rules
    ///
    /// Those of the past and the future too, newest first.
    #[oai(path = "/", method = "get", operation_id = "listCommissionRules")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only this seller's.
        seller_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<CommissionRule>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(commission_rule::Entity::find(), commission_rule::Column::Id);
        if let Some(seller) = seller_id.0 {
            query = query.filter(commission_rule::Column::SellerId.eq(SellerId(seller)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), CommissionRule::from)))
    }

    /// Show a commission rule
    #[oai(path = "/:id", method = "get", operation_id = "getCommissionRule")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<CommissionRule>> {
        Ok(Okay::new(&commission::find(ctx.store.read(), id.0.into()).await?.into()))
    }

    /// End a commission rule
    ///
    /// Now or later; placed orders keep the commission that they were placed with. Where no rule applies, nothing is
    /// taken.
    #[oai(path = "/:id", method = "patch", operation_id = "endCommissionRule")]
    async fn end(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        body: Json<EndTerms>,
    ) -> ApiResult<Okay<CommissionRule>> {
        let row = ctx.store.write(async |tx| commission::end(&tx, id.0.into(), body.0.ends_at).await).await?;
        Ok(Okay::new(&row.into()))
    }
}
