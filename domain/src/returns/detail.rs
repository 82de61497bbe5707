//! Returns with their lines and parcels.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_entity::id::{OrderId, PersonId, ReturnRequestId};
use souk_entity::{order, return_line, return_request, shipment};

use crate::error::{Error, Result};
use crate::vault::{Field, Vault};

/// A return with what belongs to it.
#[derive(Clone)]
pub struct Detail {
    /// The return.
    pub request: return_request::Model,
    /// The shopper's word; `None` also once they are erased.
    pub note: Option<String>,
    /// What is to come back, and what came.
    pub lines: Vec<return_line::Model>,
    /// Its parcel, once it is approved.
    pub parcel: Option<shipment::Model>,
}

pub(super) fn note_field(id: ReturnRequestId) -> Field {
    Field::new("return_request.note", id)
}

/// Puts notes, lines and parcels to returns, four statements however many there are.
///
/// # Errors
/// The database's; [`crate::Code::Internal`] for a note that does not open.
pub async fn with_lines(
    db: &impl ConnectionTrait,
    vault: &Vault,
    rows: Vec<return_request::Model>,
) -> Result<Vec<Detail>> {
    let ids: Vec<ReturnRequestId> = rows.iter().map(|row| row.id).collect();
    let mut lines: HashMap<ReturnRequestId, Vec<return_line::Model>> = HashMap::new();
    let all = return_line::Entity::find().filter(return_line::Column::ReturnRequestId.is_in(ids.iter().copied()));
    for line in all.all(db).await? {
        lines.entry(line.return_request_id).or_default().push(line);
    }
    let parcels = shipment::Entity::find().filter(shipment::Column::ReturnRequestId.is_in(ids)).all(db).await?;
    let mut parcels: HashMap<Option<ReturnRequestId>, shipment::Model> =
        parcels.into_iter().map(|parcel| (parcel.return_request_id, parcel)).collect();
    let mut notes = notes(db, vault, &rows).await?;
    Ok(rows
        .into_iter()
        .map(|request| Detail {
            note: notes.remove(&request.id),
            lines: lines.remove(&request.id).unwrap_or_default(),
            parcel: parcels.remove(&Some(request.id)),
            request,
        })
        .collect())
}

async fn notes(
    db: &impl ConnectionTrait,
    vault: &Vault,
    rows: &[return_request::Model],
) -> Result<HashMap<ReturnRequestId, String>> {
    let noted: Vec<_> = rows.iter().filter_map(|row| Some((row, row.note.as_ref()?))).collect();
    if noted.is_empty() {
        return Ok(HashMap::new());
    }
    let orders = order::Entity::find().filter(order::Column::Id.is_in(noted.iter().map(|(row, _)| row.order_id)));
    let orders: HashMap<OrderId, PersonId> =
        orders.all(db).await?.into_iter().map(|order| (order.id, order.person())).collect();
    let persons = vault.persons(db, orders.values().copied()).await?;
    let mut notes = HashMap::new();
    for (row, sealed) in noted {
        let person = orders.get(&row.order_id).and_then(|id| persons.get(id));
        let person = person.ok_or_else(|| Error::internal(format!("return {} is of nobody", row.id)))?;
        if let Some(note) = person.open(note_field(row.id), sealed)? {
            notes.insert(row.id, note);
        }
    }
    Ok(notes)
}
