//! A file received: its rows are staged while it comes in, and it becomes a batch when it is complete.

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::{BatchId, SellerId, UserId};
use souk_entity::status::{BatchFormat, BatchKind, BatchRowStatus, BatchStatus};
use souk_entity::{batch, batch_row};

use super::file::{Line, Splitter};
use super::{actor, change, columns, staged};
use crate::audit;
use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::store::{Store, Tx, changed_one};
use crate::{card, history, json};

/// The most rows of one file.
pub const MOST_ROWS: i64 = 1_000_000;

/// A file that was not complete after this long is thrown away.
pub const ABANDONED_AFTER: TimeDelta = TimeDelta::hours(24);

/// Rows that are staged in one transaction, and about how many bytes of them.
const ROWS_AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 1024 * 1024;

/// Rows that are thrown away in one transaction.
const DISCARDED_AT_ONCE: u64 = 5_000;

/// What is uploaded, by whom.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// What is done with the rows.
    pub kind: BatchKind,
    /// How the file is written.
    pub format: BatchFormat,
    /// Whose goods and orders are meant; `None` for orders, which are imported for the marketplace.
    pub seller: Option<SellerId>,
    /// The person; `None` for the command line.
    pub user: Option<UserId>,
    /// Every row is tried and nothing is kept.
    pub dry_run: bool,
}

/// A file that is coming in. Nobody sees it before [`queue`]; dropped before that, what was staged
/// of it is thrown away in the background.
pub struct Receiving {
    store: Store,
    new: NewBatch,
    splitter: Splitter,
    header: Option<String>,
    lines: Vec<Line>,
    /// Once rows are staged.
    id: Option<BatchId>,
    rows: i64,
}

impl Receiving {
    /// Begins to receive a file; nothing is written yet.
    pub fn new(store: Store, new: NewBatch) -> Self {
        let splitter = Splitter::new(new.format);
        Self { store, new, splitter, header: None, lines: Vec::new(), id: None, rows: 0 }
    }

    /// Takes the next piece of the file.
    ///
    /// # Errors
    /// What [`Splitter::push`] says; [`Code::CardNumber`]; [`Code::InvalidValue`] for a wrong header or more than
    /// [`MOST_ROWS`] rows; the database's. The file cannot be completed then.
    pub async fn push(&mut self, piece: &[u8]) -> Result<()> {
        let before = self.lines.len();
        self.splitter.push(piece, &mut self.lines)?;
        self.refuse_cards(before)?;
        self.take_header()?;
        self.stage_full().await
    }

    /// The file is complete: the last of it is staged. Returns what [`queue`] takes.
    ///
    /// # Errors
    /// As [`Receiving::push`]; [`Code::InvalidValue`] for a file without rows.
    pub async fn finish(&mut self) -> Result<(BatchId, i64)> {
        let before = self.lines.len();
        self.splitter.finish(&mut self.lines)?;
        self.refuse_cards(before)?;
        self.take_header()?;
        if self.new.format == BatchFormat::Csv && self.header.is_none() {
            columns::header(self.new.kind, "")?;
        }
        self.stage_full().await?;
        let rest = std::mem::take(&mut self.lines);
        if !rest.is_empty() {
            self.stage(&rest).await?;
        }
        match self.id {
            Some(id) => Ok((id, self.rows)),
            None => Err(Error::invalid("The file has no rows; send at least one.")),
        }
    }

    /// Gives the file up: what was staged of it is thrown away now, and not in the background.
    ///
    /// # Errors
    /// The database's.
    pub async fn abandon(mut self) -> Result<()> {
        match self.id.take() {
            Some(id) => discard(&self.store, id).await,
            None => Ok(()),
        }
    }

    /// Rows are staged as they came, so a file with the number of a card is refused before that.
    fn refuse_cards(&self, from: usize) -> Result<()> {
        let found = self.lines.iter().skip(from).find(|line| match self.new.format {
            BatchFormat::Ndjson => card::found_in_written(&line.text),
            BatchFormat::Csv => card::found_in(&line.text),
        });
        found.map_or(Ok(()), |line| Err(json::card_number(&format!("Line {}", line.number))))
    }

    fn take_header(&mut self) -> Result<()> {
        if self.new.format == BatchFormat::Csv && self.header.is_none() && !self.lines.is_empty() {
            let line = self.lines.remove(0);
            self.header = Some(columns::header(self.new.kind, &line.text)?);
        }
        Ok(())
    }

    async fn stage_full(&mut self) -> Result<()> {
        loop {
            let mut bytes = 0;
            let full = self.lines.iter().position(|line| {
                bytes += line.text.len();
                bytes >= BYTES_AT_ONCE
            });
            let count = Ord::min(full.map_or(usize::MAX, |at| at + 1), ROWS_AT_ONCE);
            if full.is_none() && self.lines.len() < count {
                return Ok(());
            }
            let rest = self.lines.split_off(Ord::min(count, self.lines.len()));
            let rows = std::mem::replace(&mut self.lines, rest);
            self.stage(&rows).await?;
        }
    }

    async fn stage(&mut self, lines: &[Line]) -> Result<()> {
        let rows = self.rows + i64::try_from(lines.len()).map_err(Error::internal)?;
        if rows > MOST_ROWS {
            let message = format!("A file has at most {MOST_ROWS} rows; split it and send the parts one by one.");
            return Err(Error::invalid(message));
        }
        let first = self.id.is_none();
        let id = *self.id.get_or_insert_with(|| BatchId::at(self.store.now()));
        let new = &self.new;
        let header = self.header.as_deref();
        self.store
            .write(async |tx| {
                // What an operator uploads is entered once it is a batch.
                audit::nothing(&tx);
                if first {
                    batch::Entity::insert(receiving(&tx, id, new, header).into_active_model())
                        .exec_without_returning(&**tx)
                        .await?;
                }
                let mut models = Vec::with_capacity(lines.len());
                for line in lines {
                    let about = staged::about(tx.vault(), new.kind, &line.text);
                    models.push(batch_row::ActiveModel {
                        batch_id: Set(id),
                        line: Set(line.number),
                        input: Set(staged::seal(tx.vault(), id, line.number, &line.text)?),
                        status: Set(BatchRowStatus::Pending),
                        result: Set(None),
                        error: Set(None),
                        email_index: Set(about.email_index),
                        user_id: Set(about.user),
                    });
                }
                batch_row::Entity::insert_many(models).exec_without_returning(&**tx).await?;
                Ok(())
            })
            .await?;
        self.rows = rows;
        Ok(())
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        // Also after the batch was queued, which `discard` sees.
        if let (Some(id), Ok(runtime)) = (self.id, tokio::runtime::Handle::try_current()) {
            let store = self.store.clone();
            runtime.spawn(async move {
                if let Err(error) = discard(&store, id).await {
                    tracing::warn!(batch = %id, %error, "rows of an upload that ended early are left for the clean-up");
                }
            });
        }
    }
}

fn receiving(tx: &Tx, id: BatchId, new: &NewBatch, header: Option<&str>) -> batch::Model {
    batch::Model {
        id,
        seller_id: new.seller,
        user_id: new.user,
        kind: new.kind,
        format: new.format,
        header: header.map(ToOwned::to_owned),
        dry_run: new.dry_run,
        status: BatchStatus::Receiving,
        total_rows: 0,
        processed_rows: 0,
        failed_rows: 0,
        done_line: 0,
        version: 0,
        rows_removed_at: None,
        created_at: tx.now,
        updated_at: tx.now,
    }
}

/// Makes a complete file a batch, with its job; its history begins here.
///
/// # Errors
/// [`Code::ConcurrentChange`] when it was thrown away since, as it took longer than
/// [`ABANDONED_AFTER`].
pub async fn queue(tx: &Tx, (id, rows): (BatchId, i64)) -> Result<batch::Model> {
    let queued = batch::Entity::update_many()
        .col_expr(batch::Column::Status, Expr::value(BatchStatus::Queued))
        .col_expr(batch::Column::TotalRows, Expr::value(rows))
        .col_expr(batch::Column::Version, Expr::value(1_i64))
        .col_expr(batch::Column::UpdatedAt, Expr::value(tx.now))
        .filter(batch::Column::Id.eq(id))
        .filter(batch::Column::Status.eq(BatchStatus::Receiving))
        .exec_with_returning(&**tx)
        .await?;
    changed_one(u64::try_from(queued.len()).map_err(Error::internal)?)?;
    let batch = queued.into_iter().next().ok_or_else(|| Error::new(Code::ConcurrentChange, "Send the file again."))?;
    history::record(tx, vec![change(&batch, None, actor(&batch))]).await?;
    job::enqueue(tx, &Task::ProcessBatch { batch_id: id }, tx.now).await?;
    Ok(batch)
}

/// Throws away what is staged of a file that did not become a batch; does nothing to one that did.
async fn discard(store: &Store, id: BatchId) -> Result<()> {
    let step = async |tx: std::sync::Arc<Tx>| {
        audit::nothing(&tx);
        let found = batch::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?;
        if found.is_none_or(|batch| batch.status != BatchStatus::Receiving) {
            return Ok(true);
        }
        let lines: Vec<i64> = batch_row::Entity::find()
            .select_only()
            .column(batch_row::Column::Line)
            .filter(batch_row::Column::BatchId.eq(id))
            .order_by_asc(batch_row::Column::Line)
            .limit(DISCARDED_AT_ONCE)
            .into_tuple()
            .all(&**tx)
            .await?;
        let Some(last) = lines.last() else {
            batch::Entity::delete_by_id(id).exec(&**tx).await?;
            return Ok(true);
        };
        batch_row::Entity::delete_many()
            .filter(batch_row::Column::BatchId.eq(id))
            .filter(batch_row::Column::Line.lte(*last))
            .exec(&**tx)
            .await?;
        Ok(false)
    };
    while !store.write(step).await? {}
    Ok(())
}

/// Throws away files that were never completed and were begun more than [`ABANDONED_AFTER`] ago;
/// returns how many.
///
/// # Errors
/// The database's.
pub async fn discard_abandoned(store: &Store) -> Result<u64> {
    let abandoned: Vec<BatchId> = batch::Entity::find()
        .select_only()
        .column(batch::Column::Id)
        .filter(batch::Column::Status.eq(BatchStatus::Receiving))
        .filter(batch::Column::CreatedAt.lt(store.now() - ABANDONED_AFTER))
        .into_tuple()
        .all(store.read())
        .await?;
    let mut count = 0;
    for id in abandoned {
        discard(store, id).await?;
        count += 1;
    }
    Ok(count)
}
