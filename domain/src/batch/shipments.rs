//! Rows that pack parcels.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_entity::{batch, order_line};

use super::apply::Supplies;
use super::goods::{no_warehouse, seller, warehouses};
use super::row::Row;
use super::seller_orders;
use super::staged::Staged;
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::shipment;
use crate::store::Tx;

/// Packs the parcel of one row; returns its id. Its label is bought by a job of its own.
pub(super) async fn apply(
    tx: &Tx,
    batch: &batch::Model,
    row: &Staged,
    actor: Actor,
    supplies: &Supplies,
) -> Result<Option<String>> {
    let row = Row::read(batch, &row.input)?;
    let seller = seller(batch)?;
    let part = seller_orders::find(&**tx, seller, row.text("order_number")?).await?;
    let name = row.text("warehouse")?;
    let warehouse = *warehouses(tx, seller).await?.get(name).ok_or_else(|| no_warehouse(name))?;
    let lines = match (row.optional_text("sku")?, row.optional_whole("quantity")?) {
        (None, None) => None,
        (Some(sku), Some(quantity)) => {
            let line = order_line::Entity::find()
                .filter(order_line::Column::SellerOrderId.eq(part.id))
                .filter(order_line::Column::Sku.eq(sku))
                .one(&**tx)
                .await?
                .ok_or_else(|| Error::new(Code::NotFound, format!("{} has no item \"{sku}\".", part.number)))?;
            Some([(line.id, quantity)])
        }
        _ => return Err(Error::invalid("Name sku and quantity together, or neither to pack all that is open.")),
    };
    let carrier = supplies.carrier.ok_or_else(|| Error::invalid("No carrier is configured."))?;
    let lines = lines.as_ref().map(|lines| lines.as_slice());
    let parcel = shipment::create(tx, seller, actor, part.id, warehouse, lines, carrier).await?;
    Ok(Some(parcel.id.to_string()))
}
