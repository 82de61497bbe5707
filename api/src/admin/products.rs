//! Products, whoever has described them.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::Error;
use souk_domain::catalogue::Description;
use souk_domain::catalogue::moderation::{self, Hidden, Moderation};
use souk_entity::id::SellerId;
use souk_entity::product;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};

/// A product as operators see it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AdminProduct {
    /// Its id.
    id: Uuid,
    /// The seller who described it; others may sell it, too.
    created_by_seller_id: Uuid,
    /// Its name.
    name: String,
    /// Its description.
    description: String,
    /// Its category.
    category_id: Option<Uuid>,
    /// Which tax rates apply to it.
    tax_class: String,
    /// Whether its maker shows and sells it.
    active: bool,
    /// When an operator has hidden it from everybody.
    hidden_at: Option<DateTime<Utc>>,
    /// Why they have.
    hidden_reason: Option<String>,
    /// When it was described.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<product::Model> for AdminProduct {
    fn from(row: product::Model) -> Self {
        Self {
            id: row.id.into(),
            created_by_seller_id: row.created_by_seller_id.into(),
            name: row.name,
            description: row.description,
            category_id: row.category_id.map(Into::into),
            tax_class: row.tax_class,
            active: row.active,
            hidden_at: row.hidden_at,
            hidden_reason: row.hidden_reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What an operator changes of a product; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct AdminChangeProduct {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 255, pattern = r"^\S(.*\S)?$"))]
    name: Option<String>,
    /// Its description.
    #[oai(validator(max_length = 10000))]
    description: Option<String>,
    /// Which tax rates apply to it; not `shipping`.
    #[oai(validator(min_length = 1, max_length = 40))]
    tax_class: Option<String>,
    /// Whether it is hidden from everybody, whoever sells it; `true` takes a `reason`.
    hidden: Option<bool>,
    /// Why it is hidden; the seller who described it reads this.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Option<String>,
}

impl Example for AdminChangeProduct {
    fn example() -> Self {
        Self {
            name: None,
            description: Some("A lamp for a desk, without a bulb.".into()),
            tax_class: None,
            hidden: None,
            reason: None,
        }
    }
}

/// Products of all sellers.
pub struct Products;

#[OpenApi(prefix_path = "/api/v1/admin/products", tag = "Tag::Operators")]
impl Products {
    /// List products
    ///
    /// Also what nobody sees, newest first.
    #[oai(path = "/", method = "get", operation_id = "adminListProducts")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those that this seller has described.
        seller_id: Query<Option<Uuid>>,
        /// Only those that an operator has hidden, or only the others.
        hidden: Query<Option<bool>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<AdminProduct>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(product::Entity::find(), product::Column::Id);
        if let Some(seller) = seller_id.0 {
            query = query.filter(product::Column::CreatedBySellerId.eq(SellerId(seller)));
        }
        if let Some(hidden) = hidden.0 {
            let column = product::Column::HiddenAt;
            query = query.filter(if hidden { column.is_not_null() } else { column.is_null() });
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), AdminProduct::from)))
    }

    /// Change a product
    ///
    /// Hides it from everybody, with a reason, or shows it again, or describes it anew. What is hidden cannot be ordered,
    /// not from carts either; what is ordered goes on. Placed orders keep names and tax.
    #[oai(path = "/:id", method = "patch", operation_id = "adminChangeProduct")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        body: Json<AdminChangeProduct>,
    ) -> ApiResult<Okay<AdminProduct>> {
        let AdminChangeProduct { name, description, tax_class, hidden, reason } = body.0;
        let hidden = match (hidden, reason) {
            (Some(true), Some(reason)) => Some(Hidden::Because(reason)),
            (Some(false), None) => Some(Hidden::No),
            (None, None) => None,
            _ => return Err(Error::invalid("Send reason with hidden: true, and with nothing else.").into()),
        };
        let change = Moderation { description: Description { name, description, tax_class }, hidden };
        let row = ctx.store.write(async |tx| moderation::moderate(&tx, id.0.into(), change.clone()).await).await?;
        Ok(Okay::new(&row.into()))
    }
}
