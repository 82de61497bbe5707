//! Refunds with their lines.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::RefundId;
use souk_entity::status::EntityKind;
use souk_entity::{refund, refund_line, status_history};
use uuid::Uuid;

use crate::error::{Error, Result};

/// A refund, what it pays back, and why it was made.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The refund.
    pub refund: refund::Model,
    /// What it pays back, in the order of making.
    pub lines: Vec<refund_line::Model>,
    /// The word of who made it.
    pub note: Option<String>,
}

/// Puts lines and notes to refunds, two statements however many there are.
///
/// # Errors
/// The database's.
pub async fn with_lines(db: &impl ConnectionTrait, rows: Vec<refund::Model>) -> Result<Vec<Detail>> {
    let mut lines: HashMap<RefundId, Vec<refund_line::Model>> = HashMap::new();
    let all = refund_line::Entity::find()
        .filter(refund_line::Column::RefundId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(refund_line::Column::Id)
        .all(db)
        .await?;
    for line in all {
        lines.entry(line.refund_id).or_default().push(line);
    }
    let made = status_history::Entity::find()
        .filter(status_history::Column::EntityKind.eq(EntityKind::Refund))
        .filter(status_history::Column::EntityId.is_in(rows.iter().map(|row| Uuid::from(row.id))))
        .filter(status_history::Column::Version.eq(1))
        .all(db)
        .await?;
    let mut notes: HashMap<Uuid, Option<String>> = made.into_iter().map(|row| (row.entity_id, row.note)).collect();
    Ok(rows
        .into_iter()
        .map(|refund| Detail {
            lines: lines.remove(&refund.id).unwrap_or_default(),
            note: notes.remove(&refund.id.into()).flatten(),
            refund,
        })
        .collect())
}

/// Reads one.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn read(db: &impl ConnectionTrait, id: RefundId) -> Result<Detail> {
    let row = refund::Entity::find_by_id(id).all(db).await?;
    with_lines(db, row).await?.pop().ok_or_else(|| Error::not_found("refund"))
}
