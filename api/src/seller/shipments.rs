//! The seller's parcels.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, ResponseContent};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use souk_domain::{Code, Error, Result, shipment as parcels};
use souk_entity::id::{OrderLineId, SellerId, ShipmentId};
use souk_entity::shipment;
use souk_entity::status::ShipmentStatus as Status;
use uuid::Uuid;

use super::orders;
use crate::auth::Selling;
use crate::context::{Context, Ctx};
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::parcel::Shipment;
use crate::view::words::ShipmentStatus;

/// In what a label is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase", remote = "souk_entity::status::LabelFormat")]
pub enum LabelFormat {
    /// For any printer.
    Pdf,
    /// For label printers.
    Zpl,
    /// A picture.
    Png,
}

/// A label's bytes.
#[derive(Debug, ResponseContent)]
pub enum LabelFile {
    /// For any printer.
    #[oai(content_type = "application/pdf")]
    Pdf(Binary<Vec<u8>>),
    /// For label printers.
    #[oai(content_type = "application/zpl")]
    Zpl(Binary<Vec<u8>>),
    /// A picture.
    #[oai(content_type = "image/png")]
    Png(Binary<Vec<u8>>),
}

/// A label in the format asked for.
#[derive(Debug, ApiResponse)]
pub enum Label {
    /// The label.
    #[oai(status = 200)]
    File(LabelFile),
}

/// What goes into a parcel.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateShipment {
    /// The warehouse that it leaves.
    warehouse_id: Uuid,
    /// Lines and quantities; all that is allocated there and not packed yet when left out.
    #[oai(validator(min_items = 1, max_items = 200))]
    lines: Option<Vec<CreateShipmentLine>>,
    /// The carrier; the default one when left out.
    #[oai(validator(max_length = 20))]
    carrier: Option<String>,
}

impl Example for CreateShipment {
    fn example() -> Self {
        Self {
            warehouse_id: EXAMPLE_ID,
            lines: Some(vec![CreateShipmentLine { line_id: EXAMPLE_ID, quantity: 2 }]),
            carrier: None,
        }
    }
}

/// Units of a line that go into a parcel.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateShipmentLine {
    /// The line.
    line_id: Uuid,
    /// Units, at least 1.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    quantity: i64,
}

/// Parcels of the seller who asks.
pub struct Shipments;

#[OpenApi(prefix_path = "/api/v1/seller", tag = "Tag::SellerFulfilment")]
impl Shipments {
    /// Pack a parcel
    ///
    /// Of an accepted seller order, from one warehouse. Its label is bought in the background: the parcel is labelled
    /// then, or cancelled with a `failure_message` when the carrier refuses.
    #[oai(path = "/orders/:id/shipments", method = "post", operation_id = "createShipment")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<CreateShipment>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Shipment>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "createShipment", key, &(id.0, &body.0))?;
        let carrier = ctx.ports.carrier(body.0.carrier.as_deref())?.name();
        let warehouse = body.0.warehouse_id.into();
        let lines: Option<Vec<(OrderLineId, i64)>> =
            body.0.lines.map(|lines| lines.iter().map(|line| (line.line_id.into(), line.quantity)).collect());
        let answer = once(&ctx.store, key, async |tx| {
            let (seller, lines) = (who.seller(), lines.as_deref());
            let part = orders::own(&**tx, id.0.into(), seller).await?;
            let row = parcels::create(&tx, seller, who.actor(), part.id, warehouse, lines, carrier).await?;
            Ok(Created::new(&view(&**tx, row).await?))
        })
        .await?;
        Ok(answer)
    }

    /// List the parcels of a seller order
    ///
    /// Return parcels too, newest first.
    #[oai(path = "/orders/:id/shipments", method = "get", operation_id = "listSellerOrderShipments")]
    async fn list_of_order(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Shipment>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let part = orders::own(ctx.store.read(), id.0.into(), who.seller()).await?;
        let query = of(who.seller()).filter(shipment::Column::SellerOrderId.eq(part.id));
        Ok(Okay::new(&page_of(ctx.store.read(), query, page).await?))
    }

    /// List parcels
    ///
    /// Return parcels too, newest first.
    #[oai(path = "/shipments", method = "get", operation_id = "listShipments")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// Only those of this status.
        status: Query<Option<ShipmentStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Shipment>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = of(who.seller());
        if let Some(status) = status.0 {
            query = query.filter(shipment::Column::Status.eq(Status::from(status)));
        }
        Ok(Okay::new(&page_of(ctx.store.read(), query, page).await?))
    }

    /// Show a parcel
    #[oai(path = "/shipments/:id", method = "get", operation_id = "getShipment")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<Shipment>> {
        let db = ctx.store.read();
        let row = own(db, id.0.into(), who.seller()).await?;
        Ok(Okay::new(&view(db, row).await?))
    }

    /// Cancel a parcel
    ///
    /// One that has not left: its label is voided, and what was in it can be packed again.
    #[oai(path = "/shipments/:id/cancel", method = "post", operation_id = "cancelShipment")]
    async fn cancel(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Shipment>> {
        let key = Key::read(who.key_space(), "cancelShipment", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            // Before the lock: another seller's request must not hold up the order.
            let parcel = own(&**tx, id.0.into(), who.seller()).await?;
            let row = parcels::cancel(&tx, who.seller(), parcel.id, who.actor()).await?;
            Ok(Okay::new(&view(&**tx, row).await?))
        })
        .await?;
        Ok(answer)
    }

    /// Download a label
    ///
    /// Once the parcel is labelled.
    #[oai(path = "/shipments/:id/label", method = "get", operation_id = "getShipmentLabel")]
    async fn label(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// PDF when left out.
        format: Query<Option<LabelFormat>>,
    ) -> ApiResult<Label> {
        let row = own(ctx.store.read(), id.0.into(), who.seller()).await?;
        Ok(label(&ctx, row.id, format.0.unwrap_or(LabelFormat::Pdf)).await?)
    }
}

/// The label of a parcel that the caller may see.
///
/// # Errors
/// [`Code::NotFound`] before it is bought, once the parcel is cancelled, and in a format that the
/// carrier does not give.
pub async fn label(ctx: &Context, shipment: ShipmentId, format: LabelFormat) -> Result<Label> {
    let (db, vault) = (ctx.store.read(), ctx.store.vault());
    let Some(content) = parcels::label(db, vault, shipment, format.into()).await? else {
        let message = "There is no label in this format: it is there once the parcel is labelled, and gone once the \
                       parcel is cancelled or the shopper erased.";
        return Err(Error::new(Code::NotFound, message));
    };
    let content = Binary(content);
    Ok(Label::File(match format {
        LabelFormat::Pdf => LabelFile::Pdf(content),
        LabelFormat::Zpl => LabelFile::Zpl(content),
        LabelFormat::Png => LabelFile::Png(content),
    }))
}

fn of(seller: SellerId) -> Select<shipment::Entity> {
    shipment::Entity::find().filter(shipment::Column::SellerId.eq(seller))
}

async fn own(db: &impl ConnectionTrait, id: ShipmentId, seller: SellerId) -> Result<shipment::Model> {
    of(seller).filter(shipment::Column::Id.eq(id)).one(db).await?.ok_or_else(|| Error::not_found("shipment"))
}

async fn page_of(
    db: &impl ConnectionTrait,
    mut query: Select<shipment::Entity>,
    page: PageRequest,
) -> Result<Page<Shipment>> {
    if let Some(after) = page.after {
        query = query.filter(shipment::Column::Id.lt(ShipmentId(after)));
    }
    let rows = query.order_by_desc(shipment::Column::Id).limit(page.limit + 1).all(db).await?;
    let rows = parcels::detail::with_contents(db, rows).await?;
    Ok(page.page(rows, |(row, ..)| row.id.into(), |(row, lines, events)| Shipment::new(row, lines, events, true)))
}

async fn view(db: &impl ConnectionTrait, row: shipment::Model) -> Result<Shipment> {
    let detail = parcels::detail::with_contents(db, vec![row]).await?.pop();
    let (row, lines, events) = detail.ok_or_else(|| Error::not_found("shipment"))?;
    Ok(Shipment::new(row, lines, events, true))
}
