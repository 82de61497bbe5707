//! Counting units of lines: shipped, delivered, returned, refunded.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_entity::id::OrderLineId;
use souk_entity::order_line;

use crate::bulk::by_id;
use crate::error::Result;
use crate::store::Tx;

/// Adds to one count of several lines, each its own number (negative ones take back), in one
/// statement. The database refuses counts that contradict each other.
///
/// # Errors
/// The database's.
pub async fn add(tx: &Tx, count: order_line::Column, units: &[(OrderLineId, i64)]) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    order_line::Entity::update_many()
        .col_expr(count, Expr::col(count).add(by_id(order_line::Column::Id, units)))
        .filter(order_line::Column::Id.is_in(units.iter().map(|(line, _)| *line)))
        .exec(&**tx)
        .await?;
    Ok(())
}
