//! Human-readable order numbers: `ORD-2026-00042`, a seller order `ORD-2026-00042-1`.
//!
//! A process takes a block of numbers in a transaction of its own and hands them out from memory,
//! so that placements do not queue for one row. A restart leaves a gap; a number is never given twice.

use std::ops::Range;

use chrono::{DateTime, Datelike, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_entity::number_sequence;
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::store::Store;

const BLOCK: i64 = 50;

/// The numbers that this process may still hand out.
#[derive(Debug, Default)]
pub struct OrderNumbers {
    block: Mutex<Range<i64>>,
}

impl OrderNumbers {
    /// The next number, for an order placed at `at`.
    ///
    /// Must be called outside a transaction: it may begin one of its own.
    ///
    /// # Errors
    /// The database's.
    pub async fn next(&self, store: &Store, at: DateTime<Utc>) -> Result<String> {
        let mut block = self.block.lock().await;
        if block.is_empty() {
            *block = store
                .write(async |tx| {
                    let taken = number_sequence::Entity::update_many()
                        .col_expr(
                            number_sequence::Column::NextValue,
                            Expr::col(number_sequence::Column::NextValue).add(BLOCK),
                        )
                        .filter(number_sequence::Column::Name.eq("order"))
                        .exec_with_returning(&**tx)
                        .await?;
                    let row = taken.first().ok_or_else(|| Error::internal("number_sequence has no row named order"))?;
                    Ok(row.next_value - BLOCK..row.next_value)
                })
                .await?;
        }
        let number = block.start;
        block.start += 1;
        Ok(format!("ORD-{}-{number:05}", at.year()))
    }
}
