//! A seller's CSV of inventory: stored row by row, applied by a job, a bad row never stopping the
//! good ones, and resumable because each row's outcome commits with its effect.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use souk_entity::id::{BatchId, OfferId, SellerId, UserId, WarehouseId};
use souk_entity::status::{BatchKind, BatchRowStatus, BatchStatus, EntityKind};
use souk_entity::{batch, batch_row, offer, variant, warehouse};

use super::inventory;
use super::transition::{BATCH, BatchEvent};
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::store::Tx;
use crate::transition::next;

/// The columns of an inventory file, which its first line names.
pub const HEADER: &str = "sku,warehouse,on_hand";

/// The most rows of one file.
pub const MOST_ROWS: usize = 100_000;

/// The longest row, in bytes.
pub const LONGEST_ROW: usize = 2_000;

/// Rows that are applied in one transaction.
pub const ROWS_AT_ONCE: u64 = 50;

const INSERT_AT_ONCE: usize = 1_000;

/// Stores a batch and the job that applies it.
///
/// # Errors
/// [`Code::InvalidValue`] for a wrong header, no rows or too many.
pub async fn create(tx: &Tx, seller: SellerId, user: UserId, csv: &str) -> Result<batch::Model> {
    let mut lines = csv.lines().map(str::trim_end).enumerate();
    let header = lines.next().map(|(_, line)| line.trim_start_matches('\u{feff}').replace(' ', "").to_lowercase());
    if header.as_deref() != Some(HEADER) {
        return Err(Error::invalid(format!("The first line must be: {HEADER}")));
    }
    let rows: Vec<(usize, &str)> = lines.filter(|(_, line)| !line.is_empty()).collect();
    if rows.is_empty() || rows.len() > MOST_ROWS {
        return Err(Error::invalid(format!("A file has 1 to {MOST_ROWS} rows below its header.")));
    }
    if let Some((at, _)) = rows.iter().find(|(_, line)| line.len() > LONGEST_ROW) {
        return Err(Error::invalid(format!("Line {} is longer than {LONGEST_ROW} bytes.", at + 1)));
    }
    let total_rows = i64::try_from(rows.len()).map_err(Error::internal)?;
    let batch = batch::Model {
        id: BatchId::at(tx.now),
        seller_id: seller,
        kind: BatchKind::Inventory,
        status: BatchStatus::Queued,
        total_rows,
        processed_rows: 0,
        failed_rows: 0,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    batch::Entity::insert(batch.clone().into_active_model()).exec_without_returning(&**tx).await?;
    for chunk in rows.chunks(INSERT_AT_ONCE) {
        let models = chunk.iter().map(|(at, line)| batch_row::ActiveModel {
            batch_id: Set(batch.id),
            // As an editor counts: the header is line 1.
            line: Set(i64::try_from(at + 1).unwrap_or(i64::MAX)),
            input: Set((*line).to_owned()),
            status: Set(BatchRowStatus::Pending),
            error: Set(None),
        });
        batch_row::Entity::insert_many(models).exec_without_returning(&**tx).await?;
    }
    history::record(tx, vec![change(&batch, None, Actor::Seller(seller, user))]).await?;
    job::enqueue(tx, &Task::ImportInventory { batch_id: batch.id }, tx.now).await?;
    Ok(batch)
}

/// A row as its job reads it: SKU, warehouse name, units; or what is wrong with it, in a sentence.
pub type Parsed = std::result::Result<(String, String, i64), String>;

/// Reads a row.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn parse(row: &str) -> Parsed {
    let mut record = csv::StringRecord::new();
    csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(row.as_bytes())
        .read_record(&mut record)
        .map_err(|error| format!("is not CSV: {error}"))?;
    let fields: Vec<&str> = record.iter().collect();
    let [sku, warehouse, on_hand] = fields.as_slice() else {
        return Err(format!("has {} fields; {HEADER} are 3", fields.len()));
    };
    let units = on_hand.trim().parse::<i64>().map_err(|_| format!("\"{on_hand}\" is not a whole number of units"))?;
    Ok((sku.trim().to_owned(), warehouse.trim().to_owned(), units))
}

/// Applies the next rows; returns whether more are left.
///
/// # Errors
/// The database's: nothing of this round is kept then, and the job repeats it.
pub async fn apply_next(tx: &Tx, id: BatchId) -> Result<bool> {
    let mut batch =
        batch::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("batch"))?;
    if batch.status == BatchStatus::Queued {
        step(tx, &mut batch, BatchEvent::Start).await?;
    }
    if batch.status != BatchStatus::Running {
        return Ok(false);
    }
    let rows = batch_row::Entity::find()
        .filter(batch_row::Column::BatchId.eq(id))
        .filter(batch_row::Column::Status.eq(BatchRowStatus::Pending))
        .order_by_asc(batch_row::Column::Line)
        .limit(ROWS_AT_ONCE)
        .all(&**tx)
        .await?;
    let parsed: Vec<_> = rows.iter().map(|row| (row.line, parse(&row.input))).collect();
    let known = Known::read(tx, batch.seller_id, &parsed).await?;
    let mut failed = 0;
    for (line, row) in &parsed {
        let outcome = match row {
            Ok((sku, warehouse, units)) => known.apply(tx, batch.seller_id, sku, warehouse, *units).await,
            Err(why) => Err(Error::invalid(format!("The row {why}."))),
        };
        let error = match outcome {
            Ok(()) => None,
            // The row's own fault is its result; anything else stops this round.
            Err(error) if matches!(error.code, Code::InvalidValue | Code::NotFound | Code::InventoryUnavailable) => {
                failed += 1;
                Some(error.message.chars().take(500).collect::<String>())
            }
            Err(error) => return Err(error),
        };
        let done = batch_row::ActiveModel {
            batch_id: Set(id),
            line: Set(*line),
            status: Set(if error.is_some() { BatchRowStatus::Failed } else { BatchRowStatus::Done }),
            error: Set(error),
            ..Default::default()
        };
        batch_row::Entity::update(done).exec_without_returning(&**tx).await?;
    }
    let processed = i64::try_from(parsed.len()).map_err(Error::internal)?;
    batch.processed_rows += processed;
    batch.failed_rows += failed;
    batch::Entity::update_many()
        .col_expr(batch::Column::ProcessedRows, Expr::col(batch::Column::ProcessedRows).add(processed))
        .col_expr(batch::Column::FailedRows, Expr::col(batch::Column::FailedRows).add(failed))
        .col_expr(batch::Column::UpdatedAt, Expr::value(tx.now))
        .filter(batch::Column::Id.eq(id))
        .exec(&**tx)
        .await?;
    if batch.processed_rows < batch.total_rows {
        return Ok(true);
    }
    let end = match batch.failed_rows {
        0 => BatchEvent::Finish,
        all if all == batch.total_rows => BatchEvent::Fail,
        _ => BatchEvent::FinishWithErrors,
    };
    step(tx, &mut batch, end).await?;
    Ok(false)
}

/// The seller stops a batch; rows that are done stay done.
///
/// # Errors
/// [`Code::NotFound`], [`Code::IllegalTransition`].
pub async fn cancel(tx: &Tx, seller: SellerId, id: BatchId) -> Result<batch::Model> {
    let mut batch = batch::Entity::find_by_id(id)
        .filter(batch::Column::SellerId.eq(seller))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("batch"))?;
    step(tx, &mut batch, BatchEvent::Cancel).await?;
    Ok(batch)
}

/// The offers and warehouses that a round of rows names, read at once.
struct Known {
    offers: HashMap<String, OfferId>,
    warehouses: HashMap<String, WarehouseId>,
}

impl Known {
    async fn read(tx: &Tx, seller: SellerId, rows: &[(i64, Parsed)]) -> Result<Self> {
        let skus = rows.iter().filter_map(|(_, row)| row.as_ref().ok()).map(|(sku, ..)| sku.clone());
        let variants = variant::Entity::find().filter(variant::Column::Sku.is_in(skus)).all(&**tx).await?;
        let skus: HashMap<_, _> = variants.into_iter().map(|variant| (variant.id, variant.sku)).collect();
        let offers = offer::Entity::find()
            .filter(offer::Column::SellerId.eq(seller))
            .filter(offer::Column::VariantId.is_in(skus.keys().copied()))
            .all(&**tx)
            .await?;
        let warehouses = warehouse::Entity::find().filter(warehouse::Column::SellerId.eq(seller)).all(&**tx).await?;
        Ok(Self {
            offers: offers
                .into_iter()
                .filter_map(|offer| Some((skus.get(&offer.variant_id)?.clone(), offer.id)))
                .collect(),
            warehouses: warehouses.into_iter().map(|warehouse| (warehouse.name, warehouse.id)).collect(),
        })
    }

    async fn apply(&self, tx: &Tx, seller: SellerId, sku: &str, warehouse: &str, units: i64) -> Result<()> {
        let offer =
            self.offers.get(sku).ok_or_else(|| Error::invalid(format!("You do not offer the SKU \"{sku}\".")))?;
        let warehouse = self
            .warehouses
            .get(warehouse)
            .ok_or_else(|| Error::invalid(format!("You have no warehouse \"{warehouse}\".")))?;
        inventory::set_on_hand(tx, seller, *offer, *warehouse, units, None).await?;
        Ok(())
    }
}

async fn step(tx: &Tx, batch: &mut batch::Model, event: BatchEvent) -> Result<()> {
    let to = next("batch", BATCH, batch.status, event)?;
    let from = std::mem::replace(&mut batch.status, to);
    batch.version += 1;
    let row = batch::ActiveModel {
        id: Set(batch.id),
        status: Set(to),
        version: Set(batch.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    batch::Entity::update(row).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(batch, Some(from), Actor::System)]).await
}

fn change(batch: &batch::Model, from: Option<BatchStatus>, actor: Actor) -> Change {
    Change {
        entity: EntityKind::Batch,
        id: batch.id.into(),
        version: batch.version,
        from: from.map(|from| from.to_string()),
        to: batch.status.to_string(),
        actor,
        note: None,
        event: if from.is_none() { "batch.created" } else { "batch.updated" },
        order_id: None,
        seller_id: Some(batch.seller_id),
        data: json!({"processed": batch.processed_rows, "failed": batch.failed_rows}),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_plain_and_quoted_rows() {
        let row = |sku: &str, warehouse: &str, units| Ok((sku.to_owned(), warehouse.to_owned(), units));
        assert_eq!(parse("A-1,Main,5"), row("A-1", "Main", 5));
        assert_eq!(parse("\"A,1\",\"The \"\"big\"\" one\", 7 "), row("A,1", "The \"big\" one", 7));
        for bad in ["A-1,Main", "A-1,Main,5,6", "A-1,Main,five", "\"A-1,Main,5", "A,B,1.5", ""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(row in "\\PC{0,60}") {
            let _ = parse(&row);
        }
    }
}
