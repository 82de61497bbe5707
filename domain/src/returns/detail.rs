//! Returns with their lines and parcels.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_entity::id::ReturnRequestId;
use souk_entity::{return_line, return_request, shipment};

use crate::error::Result;

/// A return, its lines, and its parcel once it is approved.
pub type Detail = (return_request::Model, Vec<return_line::Model>, Option<shipment::Model>);

/// Puts lines and parcels to returns, two statements however many there are.
///
/// # Errors
/// The database's.
pub async fn with_lines(db: &impl ConnectionTrait, rows: Vec<return_request::Model>) -> Result<Vec<Detail>> {
    let ids: Vec<ReturnRequestId> = rows.iter().map(|row| row.id).collect();
    let mut lines: HashMap<ReturnRequestId, Vec<return_line::Model>> = HashMap::new();
    let all = return_line::Entity::find().filter(return_line::Column::ReturnRequestId.is_in(ids.iter().copied()));
    for line in all.all(db).await? {
        lines.entry(line.return_request_id).or_default().push(line);
    }
    let parcels = shipment::Entity::find().filter(shipment::Column::ReturnRequestId.is_in(ids)).all(db).await?;
    let mut parcels: HashMap<Option<ReturnRequestId>, shipment::Model> =
        parcels.into_iter().map(|parcel| (parcel.return_request_id, parcel)).collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let own = lines.remove(&row.id).unwrap_or_default();
            let parcel = parcels.remove(&Some(row.id));
            (row, own, parcel)
        })
        .collect())
}
