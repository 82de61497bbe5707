//! Where the seller keeps goods, and how many.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::Error;
use souk_domain::catalogue::{self, NewWarehouse, inventory};
use souk_entity::id::OfferId;
use souk_entity::{inventory_level, offer, warehouse};
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};

/// A place that the seller ships from.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateWarehouse {
    /// Unique for the seller; inventory files name it.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// Street and number.
    #[oai(validator(min_length = 1, max_length = 255))]
    line1: String,
    /// Building, gate.
    #[oai(validator(max_length = 255))]
    line2: Option<String>,
    /// Town.
    #[oai(validator(min_length = 1, max_length = 100))]
    city: String,
    /// State or province.
    #[oai(validator(max_length = 100))]
    region: Option<String>,
    /// ZIP or post code.
    #[oai(validator(min_length = 1, max_length = 20))]
    postal_code: String,
    /// Two capital letters of ISO 3166-1, such as `US`.
    #[oai(validator(max_length = 2, pattern = "^[A-Z]{2}$"))]
    country: String,
}

impl Example for CreateWarehouse {
    fn example() -> Self {
        Self {
            name: "Main".into(),
            line1: "12 Dock Road".into(),
            line2: None,
            city: "Springfield".into(),
            region: Some("IL".into()),
            postal_code: "62701".into(),
            country: "US".into(),
        }
    }
}

/// A place that the seller ships from.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Warehouse {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// Street and number.
    line1: String,
    /// Building, gate.
    line2: Option<String>,
    /// Town.
    city: String,
    /// State or province.
    region: Option<String>,
    /// ZIP or post code.
    postal_code: String,
    /// ISO 3166-1 alpha-2.
    country: String,
    /// When it was added.
    created_at: DateTime<Utc>,
}

impl From<warehouse::Model> for Warehouse {
    fn from(row: warehouse::Model) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            line1: row.line1,
            line2: row.line2,
            city: row.city,
            region: row.region,
            postal_code: row.postal_code,
            country: row.country,
            created_at: row.created_at,
        }
    }
}

/// How many units there are.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct SetInventory {
    /// Units in the warehouse, those reserved for orders included.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000")))]
    on_hand: i64,
    /// Available units at which the stock counts as low; stays when left out.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000")))]
    low_stock_threshold: Option<i64>,
}

impl Example for SetInventory {
    fn example() -> Self {
        Self { on_hand: 100, low_stock_threshold: Some(5) }
    }
}

/// Stock of an offer in a warehouse.
#[derive(Debug, Object)]
pub struct InventoryLevel {
    /// Its id.
    id: Uuid,
    /// The offer.
    offer_id: Uuid,
    /// The warehouse.
    warehouse_id: Uuid,
    /// Units in the warehouse.
    on_hand: i64,
    /// Units of those that are promised to orders.
    reserved: i64,
    /// Units that can be sold.
    available: i64,
    /// Available units at which the stock counts as low.
    low_stock_threshold: i64,
    /// Whether it is low.
    low_stock: bool,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<inventory_level::Model> for InventoryLevel {
    fn from(row: inventory_level::Model) -> Self {
        let available = row.on_hand - row.reserved;
        Self {
            id: row.id.into(),
            offer_id: row.offer_id.into(),
            warehouse_id: row.warehouse_id.into(),
            on_hand: row.on_hand,
            reserved: row.reserved,
            available,
            low_stock_threshold: row.low_stock_threshold,
            low_stock: available <= row.low_stock_threshold,
            updated_at: row.updated_at,
        }
    }
}

/// Warehouses and stock of the seller who asks.
pub struct Inventory;

#[OpenApi(prefix_path = "/api/v1/seller", tag = "Tag::SellerCatalogue")]
impl Inventory {
    /// Add a warehouse
    #[oai(path = "/warehouses", method = "post", operation_id = "createWarehouse")]
    async fn create_warehouse(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreateWarehouse>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Warehouse>> {
        let key = Key::read(who.key_space(), "createWarehouse", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let new = NewWarehouse {
            name: body.name,
            line1: body.line1,
            line2: body.line2,
            city: body.city,
            region: body.region,
            postal_code: body.postal_code,
            country: body.country,
        };
        let answer = once(&ctx.store, key, async |tx| {
            let row = catalogue::create_warehouse(&tx, who.seller(), new.clone()).await?;
            Ok(Created::new(&row.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List warehouses
    ///
    /// Newest first.
    #[oai(path = "/warehouses", method = "get", operation_id = "listWarehouses")]
    async fn list_warehouses(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Warehouse>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query = page.newest(
            warehouse::Entity::find().filter(warehouse::Column::SellerId.eq(who.seller())),
            warehouse::Column::Id,
        );
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Warehouse::from)))
    }

    /// Set the stock of an offer
    ///
    /// In one warehouse, after counting; not below what is reserved for orders.
    #[oai(path = "/inventory/:offer_id/:warehouse_id", method = "put", operation_id = "setInventory")]
    async fn set(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        offer_id: Path<Uuid>,
        warehouse_id: Path<Uuid>,
        body: Json<SetInventory>,
    ) -> ApiResult<Okay<InventoryLevel>> {
        let SetInventory { on_hand, low_stock_threshold } = body.0;
        let (offer, warehouse) = (offer_id.0.into(), warehouse_id.0.into());
        let row = ctx
            .store
            .write(async |tx| {
                inventory::set_on_hand(&tx, who.seller(), offer, warehouse, on_hand, low_stock_threshold).await
            })
            .await?;
        Ok(Okay::new(&row.into()))
    }

    /// List stock
    ///
    /// Per offer and warehouse, newest first.
    #[oai(path = "/inventory", method = "get", operation_id = "listInventory")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// Only that of this offer.
        offer_id: Query<Option<Uuid>>,
        /// True: only what is low; false: only what is not.
        low_stock: Query<Option<bool>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<InventoryLevel>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(
            inventory_level::Entity::find().inner_join(offer::Entity).filter(offer::Column::SellerId.eq(who.seller())),
            inventory_level::Column::Id,
        );
        if let Some(offer) = offer_id.0 {
            query = query.filter(inventory_level::Column::OfferId.eq(OfferId(offer)));
        }
        if let Some(low) = low_stock.0 {
            let column = |column| Expr::col((inventory_level::Entity, column));
            let available = column(inventory_level::Column::OnHand).sub(column(inventory_level::Column::Reserved));
            let threshold = column(inventory_level::Column::LowStockThreshold);
            query = query.filter(if low { available.lte(threshold) } else { available.gt(threshold) });
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), InventoryLevel::from)))
    }
}
