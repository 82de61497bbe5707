//! The products that a seller describes, and their variants.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_domain::Error;
use souk_domain::catalogue::{self, Description, NewProduct};
use souk_domain::order::pricing::tax::STANDARD;
use souk_entity::id::ProductId;
use souk_entity::{product, variant};
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};

/// A product to be described.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateProduct {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 255, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// Its description.
    #[oai(validator(max_length = 10000))]
    description: String,
    /// Its category.
    category_id: Option<Uuid>,
    /// Which tax rates apply to it: small letters, digits, hyphens, underscores, but not `shipping`;
    /// `standard` when left out.
    #[oai(validator(min_length = 1, max_length = 40))]
    tax_class: Option<String>,
}

impl Example for CreateProduct {
    fn example() -> Self {
        Self {
            name: "Desk lamp".into(),
            description: "A lamp for a desk.".into(),
            category_id: None,
            tax_class: Some(STANDARD.into()),
        }
    }
}

/// What is to be different of a product; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ChangeProduct {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 255, pattern = r"^\S(.*\S)?$"))]
    name: Option<String>,
    /// Its description.
    #[oai(validator(max_length = 10000))]
    description: Option<String>,
    /// Which tax rates apply to it; not `shipping`.
    #[oai(validator(min_length = 1, max_length = 40))]
    tax_class: Option<String>,
    /// Whether the seller shows and sells it.
    active: Option<bool>,
}

impl Example for ChangeProduct {
    fn example() -> Self {
        Self { name: None, description: None, tax_class: None, active: Some(false) }
    }
}

/// A variant to be added.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct CreateVariant {
    /// Unique in the marketplace.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    sku: String,
    /// What tells it from the product's other variants.
    #[oai(validator(min_length = 1, max_length = 255, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// Packed, in grams.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
    weight_grams: i32,
}

impl Example for CreateVariant {
    fn example() -> Self {
        Self { sku: "LAMP-RED".into(), name: "Red".into(), weight_grams: 850 }
    }
}

/// A product as the seller who described it sees it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SellerProduct {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// Its description.
    description: String,
    /// Its category.
    category_id: Option<Uuid>,
    /// Which tax rates apply to it.
    tax_class: String,
    /// Whether its maker shows and sells it; others may sell it all the same.
    active: bool,
    /// When an operator has hidden it from everybody: nobody sells it until they show it again.
    hidden_at: Option<DateTime<Utc>>,
    /// Why they have.
    hidden_reason: Option<String>,
    /// When it was described.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<product::Model> for SellerProduct {
    fn from(row: product::Model) -> Self {
        Self {
            id: row.id.into(),
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

/// A variant as its seller sees it.
#[derive(Debug, Object)]
pub struct SellerVariant {
    /// Its id; offers name it.
    id: Uuid,
    /// The product.
    product_id: Uuid,
    /// Its SKU.
    sku: String,
    /// Its name.
    name: String,
    /// Packed, in grams.
    weight_grams: i32,
    /// When it was added.
    created_at: DateTime<Utc>,
}

impl From<variant::Model> for SellerVariant {
    fn from(row: variant::Model) -> Self {
        Self {
            id: row.id.into(),
            product_id: row.product_id.into(),
            sku: row.sku,
            name: row.name,
            weight_grams: row.weight_grams,
            created_at: row.created_at,
        }
    }
}

/// A product with its variants, as its seller sees it.
#[derive(Debug, Object)]
pub struct SellerProductDetail {
    /// The product.
    product: SellerProduct,
    /// Its variants, oldest first.
    variants: Vec<SellerVariant>,
}

/// Products of the seller who asks.
pub struct SellerCatalogue;

#[OpenApi(prefix_path = "/api/v1/seller", tag = "Tag::SellerCatalogue")]
impl SellerCatalogue {
    /// Describe a product
    #[oai(path = "/products", method = "post", operation_id = "createProduct")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreateProduct>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<SellerProduct>> {
        let key = Key::read(who.key_space(), "createProduct", idempotency_key.0.as_deref(), &body.0)?;
        let new = NewProduct {
            name: body.0.name,
            description: body.0.description,
            category: body.0.category_id.map(Into::into),
            tax_class: body.0.tax_class.unwrap_or_else(|| STANDARD.to_owned()),
        };
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Created::new(&catalogue::create_product(&tx, who.seller(), new.clone()).await?.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List the seller's products
    ///
    /// Those that the seller described, hidden ones too, newest first.
    #[oai(path = "/products", method = "get", operation_id = "listSellerProducts")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<SellerProduct>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query = page.newest(
            product::Entity::find().filter(product::Column::CreatedBySellerId.eq(who.seller())),
            product::Column::Id,
        );
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), SellerProduct::from)))
    }

    /// Show one of the seller's products
    ///
    /// With its variants.
    #[oai(path = "/products/:id", method = "get", operation_id = "getSellerProduct")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<SellerProductDetail>> {
        let db = ctx.store.read();
        let row = product::Entity::find_by_id(ProductId(id.0))
            .filter(product::Column::CreatedBySellerId.eq(who.seller()))
            .one(db)
            .await
            .map_err(Error::from)?
            .ok_or_else(|| Error::not_found("product"))?;
        let variants = variant::Entity::find()
            .filter(variant::Column::ProductId.eq(row.id))
            .order_by_asc(variant::Column::Id)
            .all(db)
            .await
            .map_err(Error::from)?;
        Ok(Okay::new(&SellerProductDetail {
            product: row.into(),
            variants: variants.into_iter().map(SellerVariant::from).collect(),
        }))
    }

    /// Change a product
    ///
    /// Shows or hides it, or describes it anew. Placed orders keep the names they were placed with. Once other sellers
    /// offer it, too, hiding takes the seller's own offers off sale, and to describe it anew is refused with
    /// `PRODUCT_SHARED`: the marketplace does that.
    #[oai(path = "/products/:id", method = "patch", operation_id = "changeProduct")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<ChangeProduct>,
    ) -> ApiResult<Okay<SellerProduct>> {
        let ChangeProduct { name, description, tax_class, active } = body.0;
        let anew = Description { name, description, tax_class };
        let row = ctx
            .store
            .write(async |tx| catalogue::change_product(&tx, who.seller(), id.0.into(), anew.clone(), active).await)
            .await?;
        Ok(Okay::new(&row.into()))
    }

    /// Add a variant
    ///
    /// One size, colour or pack of a product that the seller described.
    #[oai(path = "/products/:id/variants", method = "post", operation_id = "createVariant")]
    async fn create_variant(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<CreateVariant>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<SellerVariant>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "createVariant", key, &(id.0, &body.0))?;
        let CreateVariant { sku, name, weight_grams } = body.0;
        let answer = once(&ctx.store, key, async |tx| {
            let row = catalogue::create_variant(&tx, who.seller(), id.0.into(), &sku, &name, weight_grams).await?;
            Ok(Created::new(&row.into()))
        })
        .await?;
        Ok(answer)
    }
}
