//! What everybody may see: the catalogue, and the state machines.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, Query as Sub};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::account::holiday;
use souk_domain::catalogue::shown::{can_be_sold, is_public};
use souk_domain::shipping::{self, Method};
use souk_domain::{Error, Result, transition};
use souk_entity::id::{CategoryId, OfferId, ProductId, SellerId, VariantId};
use souk_entity::status::SellerStatus;
use souk_entity::{category, inventory_level, offer, product, seller, shipping_method, variant};
use uuid::Uuid;

use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::seller::return_policy;
use crate::view::amount;
use crate::view::holiday::Holiday;
use crate::view::return_policy::ReturnPolicy;
use crate::view::shipping::{WeightStep, tariff};
use crate::view::words::ShippingPricing;

/// A product in a list.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Product {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// Its description.
    description: String,
    /// Its category.
    category_id: Option<Uuid>,
}

/// A product with its variants and who offers them.
#[derive(Debug, Object)]
pub struct ProductDetail {
    /// The product.
    product: Product,
    /// Its variants.
    variants: Vec<Variant>,
}

/// One size, colour or pack of a product.
#[derive(Debug, Object)]
pub struct Variant {
    /// Its id.
    id: Uuid,
    /// Its SKU.
    sku: String,
    /// Its name.
    name: String,
    /// Grams.
    weight_grams: i32,
    /// What sellers ask for it, cheapest first.
    offers: Vec<Offer>,
}

/// A seller's price.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Offer {
    /// Its id; this is what goes into a cart.
    id: Uuid,
    /// The seller.
    seller_id: Uuid,
    /// Their name.
    seller_name: String,
    /// The price of one unit.
    price: String,
    /// ISO 4217.
    currency: String,
    /// Units that could be had now; none while the seller is on holiday.
    available_quantity: i64,
    /// While the seller is on holiday, until when and what they say.
    holiday: Option<Holiday>,
}

/// A node of the category tree.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Category {
    /// Its id.
    id: Uuid,
    /// The node above it.
    parent_id: Option<Uuid>,
    /// Its name.
    name: String,
    /// Its name in addresses.
    slug: String,
}

/// How a seller ships.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ShippingMethod {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// How its price is worked out.
    pricing: ShippingPricing,
    /// Of a flat method, per seller order.
    price: Option<String>,
    /// Of a method by weight, per seller order, the lightest first.
    weight_steps: Option<Vec<WeightStep>>,
    /// ISO 4217.
    currency: String,
    /// Free when the discounted goods reach this.
    free_over: Option<String>,
    /// Arrives at the earliest after this many days.
    min_days: i32,
    /// Arrives at the latest after this many days.
    max_days: i32,
}

/// The public catalogue.
pub struct Catalogue;

#[OpenApi(prefix_path = "/api/v1/catalog", tag = "Tag::Catalogue")]
impl Catalogue {
    /// Browse and search products
    ///
    /// Those that an approved seller shows or offers, newest first; `q` finds a part of the name.
    #[oai(path = "/products", method = "get", operation_id = "listProducts")]
    async fn products(
        &self,
        ctx: Ctx<'_>,
        /// A part of the name, in upper or lower case.
        #[oai(validator(max_length = 100))]
        q: Query<Option<String>>,
        /// Only those of this category.
        category_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Product>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(product::Entity::find().filter(is_public()), product::Column::Id);
        if let Some(text) = q.0.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            query = query.filter(Expr::col((product::Entity, product::Column::SearchName)).like(contains(text)));
        }
        if let Some(category) = category_id.0 {
            query = query.filter(product::Column::CategoryId.eq(CategoryId(category)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Product::from)))
    }

    /// Show a product
    ///
    /// With its variants and every offer that can be bought.
    #[oai(path = "/products/:id", method = "get", operation_id = "getProduct")]
    async fn product(&self, ctx: Ctx<'_>, id: Path<Uuid>) -> ApiResult<Okay<ProductDetail>> {
        let db = ctx.store.read();
        let row = product::Entity::find_by_id(ProductId(id.0))
            .filter(is_public())
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
        let mut offers = offers(db, variants.iter().map(|variant| variant.id).collect(), ctx.store.now()).await?;
        let variants = variants.into_iter().map(|variant| Variant {
            id: variant.id.into(),
            sku: variant.sku,
            name: variant.name,
            weight_grams: variant.weight_grams,
            offers: offers.remove(&variant.id).unwrap_or_default(),
        });
        Ok(Okay::new(&ProductDetail { variants: variants.collect(), product: row.into() }))
    }

    /// List categories
    ///
    /// By id; `parent_id` makes them a tree.
    #[oai(path = "/categories", method = "get", operation_id = "listCategories")]
    async fn categories(
        &self,
        ctx: Ctx<'_>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Category>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = category::Entity::find().order_by_asc(category::Column::Id).limit(page.limit + 1);
        if let Some(after) = page.after {
            query = query.filter(category::Column::Id.gt(CategoryId(after)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(
            rows,
            |row| row.id.into(),
            |row| Category {
                id: row.id.into(),
                parent_id: row.parent_id.map(Into::into),
                name: row.name,
                slug: row.slug,
            },
        )))
    }

    /// Show a seller's return policy
    ///
    /// That of orders placed from now on; an order keeps the policy that it was placed with.
    #[oai(path = "/sellers/:id/return-policy", method = "get", operation_id = "getReturnPolicy")]
    async fn return_policy(&self, ctx: Ctx<'_>, id: Path<Uuid>) -> ApiResult<Okay<ReturnPolicy>> {
        let db = ctx.store.read();
        let row = seller::Entity::find_by_id(SellerId(id.0))
            .one(db)
            .await
            .map_err(Error::from)?
            .ok_or_else(|| Error::not_found("seller"))?;
        Ok(Okay::new(&return_policy::view(db, &row).await?))
    }

    /// List a seller's shipping methods
    ///
    /// Those in use, newest first; which of them serve a destination, a cart tells.
    #[oai(path = "/sellers/:id/shipping-methods", method = "get", operation_id = "listSellerShippingMethods")]
    async fn shipping_methods(
        &self,
        ctx: Ctx<'_>,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<ShippingMethod>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query = page.newest(
            shipping_method::Entity::find()
                .filter(shipping_method::Column::SellerId.eq(SellerId(id.0)))
                .filter(shipping_method::Column::Active.eq(true)),
            shipping_method::Column::Id,
        );
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let methods = shipping::with_tariffs(ctx.store.read(), rows).await?;
        Ok(Okay::new(&page.page(methods, |method| method.row.id.into(), ShippingMethod::from)))
    }
}

impl From<Method> for ShippingMethod {
    fn from(Method { row, tariff: asked }: Method) -> Self {
        let (price, weight_steps) = tariff(&asked, row.currency);
        Self {
            id: row.id.into(),
            pricing: row.pricing.into(),
            price,
            weight_steps,
            free_over: row.free_over.map(|over| amount(over, row.currency)),
            currency: row.currency.to_string(),
            name: row.name,
            min_days: row.min_days,
            max_days: row.max_days,
        }
    }
}

impl From<product::Model> for Product {
    fn from(row: product::Model) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            description: row.description,
            category_id: row.category_id.map(Into::into),
        }
    }
}

/// `%text%` with the pattern's own letters taken literally.
fn contains(text: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\')
}

/// What can be bought of these variants, by variant, cheapest first.
async fn offers(
    db: &impl ConnectionTrait,
    variants: Vec<VariantId>,
    now: DateTime<Utc>,
) -> Result<HashMap<VariantId, Vec<Offer>>> {
    let approved = Sub::select()
        .column(seller::Column::Id)
        .from(seller::Entity)
        .and_where(Expr::col(seller::Column::Status).eq(Expr::value(SellerStatus::Approved)))
        .to_owned();
    let rows = offer::Entity::find()
        .filter(offer::Column::VariantId.is_in(variants))
        .filter(offer::Column::Active.eq(true))
        .filter(offer::Column::SellerId.in_subquery(approved))
        .filter(can_be_sold())
        .order_by_asc(offer::Column::Price)
        .order_by_asc(offer::Column::Id)
        .find_also_related(seller::Entity)
        .all(db)
        .await?;
    let mut available: HashMap<OfferId, i64> = HashMap::new();
    let levels = inventory_level::Entity::find()
        .filter(inventory_level::Column::OfferId.is_in(rows.iter().map(|(offer, _)| offer.id)))
        .all(db)
        .await?;
    for level in levels {
        *available.entry(level.offer_id).or_default() += level.on_hand - level.reserved;
    }
    let mut by_variant: HashMap<VariantId, Vec<Offer>> = HashMap::new();
    for (row, seller) in rows {
        let away = seller.as_ref().and_then(holiday::Holiday::of).filter(|holiday| holiday.is_on(now));
        let there = available.get(&row.id).copied().filter(|_| away.is_none()).unwrap_or(0);
        by_variant.entry(row.variant_id).or_default().push(Offer {
            id: row.id.into(),
            seller_id: row.seller_id.into(),
            seller_name: seller.map(|seller| seller.name).unwrap_or_default(),
            price: amount(row.price, row.currency),
            currency: row.currency.to_string(),
            available_quantity: there,
            holiday: away.map(Holiday::from),
        });
    }
    Ok(by_variant)
}

/// A state machine.
#[derive(Debug, Object)]
pub struct StateMachine {
    /// What it is about.
    name: String,
    /// Every allowed change.
    edges: Vec<StateEdge>,
}

/// An allowed change of state.
#[derive(Debug, Object)]
pub struct StateEdge {
    /// The state before.
    from: String,
    /// What happens.
    event: String,
    /// The state after.
    to: String,
}

/// What souk says about itself.
pub struct Meta;

#[OpenApi(prefix_path = "/api/v1/meta", tag = "Tag::Service")]
impl Meta {
    /// Show the state machines
    ///
    /// Which changes of state there are: what is not listed is refused with `ILLEGAL_TRANSITION`.
    #[oai(path = "/transitions", method = "get", operation_id = "listTransitions")]
    async fn transitions(&self) -> Okay<Vec<StateMachine>> {
        let machines = transition::machines().into_iter().map(|machine| StateMachine {
            name: machine.name.to_owned(),
            edges: machine.edges.into_iter().map(|[from, event, to]| StateEdge { from, event, to }).collect(),
        });
        Okay::new(&machines.collect())
    }
}
