//! Buyers who pay no tax.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::Error;
use souk_domain::tax::{self, NewExemption};
use souk_domain::validity::Validity;
use souk_entity::id::UserId;
use souk_entity::tax_exemption;
use uuid::Uuid;

use super::tax_zones::EndTerms;
use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};

/// A buyer who need not pay tax.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateTaxExemption {
    /// The person; what they order signed in is without tax.
    user_id: Uuid,
    /// Only what goes to this country, two capital letters of ISO 3166-1; everywhere when left out.
    #[oai(validator(max_length = 2))]
    country: Option<String>,
    /// The number of the paper that says so.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    certificate: String,
    /// Valid from then; from now when left out.
    starts_at: Option<DateTime<Utc>>,
    /// Valid until then; for ever when left out.
    ends_at: Option<DateTime<Utc>>,
}

impl Example for CreateTaxExemption {
    fn example() -> Self {
        Self {
            user_id: EXAMPLE_ID,
            country: Some("US".into()),
            certificate: "ST-119.1 0042".into(),
            starts_at: None,
            ends_at: None,
        }
    }
}

/// A buyer who pays no tax.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct TaxExemption {
    /// Its id.
    id: Uuid,
    /// The person.
    user_id: Uuid,
    /// Only what goes to this country; absent for everywhere.
    country: Option<String>,
    /// The number of the paper that says so.
    certificate: String,
    /// Valid from then.
    starts_at: DateTime<Utc>,
    /// Valid until then.
    ends_at: Option<DateTime<Utc>>,
    /// When it was entered.
    created_at: DateTime<Utc>,
}

impl From<tax_exemption::Model> for TaxExemption {
    fn from(row: tax_exemption::Model) -> Self {
        Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            country: Some(row.country).filter(|country| !country.is_empty()),
            certificate: row.certificate,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            created_at: row.created_at,
        }
    }
}

/// All exemptions from tax.
pub struct TaxExemptions;

#[OpenApi(prefix_path = "/api/v1/admin/tax-exemptions", tag = "Tag::Operators")]
impl TaxExemptions {
    /// Exempt a buyer from tax
    #[oai(path = "/", method = "post", operation_id = "createTaxExemption")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<CreateTaxExemption>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<TaxExemption>> {
        let key = Key::read(who.key_space(), "createTaxExemption", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let answer = once(&ctx.store, key, async |tx| {
            let new = NewExemption {
                user: body.user_id.into(),
                country: body.country.clone(),
                certificate: body.certificate.clone(),
                validity: Validity::new(body.starts_at, body.ends_at, tx.now)?,
            };
            Ok(Created::new(&tax::exempt(&tx, new).await?.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List tax exemptions
    ///
    /// Those of the past and the future too, newest first.
    #[oai(path = "/", method = "get", operation_id = "listTaxExemptions")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only this person's.
        user_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<TaxExemption>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(tax_exemption::Entity::find(), tax_exemption::Column::Id);
        if let Some(user) = user_id.0 {
            query = query.filter(tax_exemption::Column::UserId.eq(UserId(user)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), TaxExemption::from)))
    }

    /// End a tax exemption
    ///
    /// Now or later; placed orders keep the tax that they were placed with.
    #[oai(path = "/:id", method = "patch", operation_id = "endTaxExemption")]
    async fn end(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        body: Json<EndTerms>,
    ) -> ApiResult<Okay<TaxExemption>> {
        let row = ctx.store.write(async |tx| tax::end_exemption(&tx, id.0.into(), body.0.ends_at).await).await?;
        Ok(Okay::new(&row.into()))
    }
}
