//! Categories.

use chrono::{DateTime, Utc};
use poem_openapi::param::Header;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use souk_domain::catalogue;
use souk_entity::category;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Created;
use crate::http::error::ApiResult;
use crate::http::replay::{Key, once};

/// A category to be added.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateCategory {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// Its name in addresses: small letters, digits, single hyphens; unique.
    #[oai(validator(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    slug: String,
    /// The category that it is part of.
    parent_id: Option<Uuid>,
}

impl Example for CreateCategory {
    fn example() -> Self {
        Self { name: "Lighting".into(), slug: "lighting".into(), parent_id: None }
    }
}

/// A category as it was added.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AddedCategory {
    /// Its id.
    id: Uuid,
    /// The category that it is part of.
    parent_id: Option<Uuid>,
    /// Its name.
    name: String,
    /// Its name in addresses.
    slug: String,
    /// When it was added.
    created_at: DateTime<Utc>,
}

impl From<category::Model> for AddedCategory {
    fn from(row: category::Model) -> Self {
        Self {
            id: row.id.into(),
            parent_id: row.parent_id.map(Into::into),
            name: row.name,
            slug: row.slug,
            created_at: row.created_at,
        }
    }
}

/// What the platform itself has in the catalogue.
pub struct AdminCatalogue;

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Tag::Operators")]
impl AdminCatalogue {
    /// Add a category
    #[oai(path = "/categories", method = "post", operation_id = "createCategory")]
    async fn create_category(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<CreateCategory>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<AddedCategory>> {
        let key = Key::read(who.key_space(), "createCategory", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let answer = once(&ctx.store, key, async |tx| {
            let parent = body.parent_id.map(Into::into);
            let row = catalogue::create_category(&tx, &body.name, &body.slug, parent).await?;
            Ok(Created::new(&row.into()))
        })
        .await?;
        Ok(answer)
    }
}
