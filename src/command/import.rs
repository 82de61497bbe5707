//! `souk import`.

use std::fs::File;
use std::io::{IsTerminal, Read, stderr, stdin};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::Store;
use souk_domain::audit::{Acting, acting_as};
use souk_domain::batch::{self, NewBatch, Receiving, Scope};
use souk_domain::error::Kind as ErrorKind;
use souk_entity::id::{BatchId, SellerId};
use souk_entity::status::{BatchFormat, BatchKind, BatchRowStatus, BatchStatus};
use souk_entity::{batch as batches, seller};

use super::{Failure, stop_requested};
use crate::config::Settings;
use crate::platform::Platform;

/// How often the batch is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Failed rows that are printed; all are at `GET /api/v1/admin/batches/{id}/errors`.
const MOST_PRINTED: u64 = 100;

/// Import a file of rows, as uploading it would.
///
/// The file goes into the database row by row, and its rows are then applied by this process or by
/// any worker that is quicker: a bad row does not stop the good ones. What is printed at the end are
/// the rows that failed. Interrupted while it reads the file, nothing of it is kept; interrupted
/// later, the next worker goes on with it.
#[derive(Args)]
pub struct Import {
    /// What the rows are
    #[arg(value_enum)]
    kind: Kind,
    /// The file, of at most 1000000 rows and 256 MiB; `-` reads standard input
    file: PathBuf,
    /// The seller, by id or name; needed for everything but orders
    #[arg(long)]
    seller: Option<String>,
    /// How the file is written; told by its name when left out (.csv, .ndjson, .jsonl)
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Try every row and keep nothing
    #[arg(long)]
    dry_run: bool,
}

/// What rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// sku, warehouse, on_hand, and low_stock_threshold if wanted
    Inventory,
    /// sku, price, and active if wanted
    Prices,
    /// order_number, warehouse, and sku with quantity if wanted
    Shipments,
    /// shipment_id
    Labels,
    /// number, action, and reason to reject or cancel
    SellerOrders,
    /// Orders of another system, as JSON
    Orders,
}

impl From<Kind> for BatchKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Inventory => Self::Inventory,
            Kind::Prices => Self::Prices,
            Kind::Shipments => Self::Shipments,
            Kind::Labels => Self::Labels,
            Kind::SellerOrders => Self::SellerOrders,
            Kind::Orders => Self::Orders,
        }
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A first line that names the columns, and a line per row
    Csv,
    /// A JSON object per line
    Ndjson,
}

impl Import {
    /// Imports.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let format = self.format()?;
        let url = settings.public_url.clone().unwrap_or_else(|| format!("http://{}", settings.bind));
        let limit = settings.shutdown();
        let platform = Platform::start(settings, url.trim_end_matches('/')).await?;
        let new = NewBatch {
            kind: self.kind.into(),
            format,
            seller: self.seller(&platform.store).await?,
            user: None,
            dry_run: self.dry_run,
        };
        let queued = self.receive(&platform.store, new).await?;
        println!("batch {}: {} rows", queued.id, queued.total_rows);
        let workers = platform.start_bulk_workers()?;
        let followed = tokio::select! {
            ended = follow(&platform.store, &queued) => Some(ended),
            () = stop_requested() => None,
        };
        workers.shutdown(limit).await;
        match followed {
            Some(ended) => report(&platform.store, &ended?).await,
            None => Err(Failure::Failed(format!("interrupted; the next worker goes on with batch {}", queued.id))),
        }
    }

    fn format(&self) -> Result<BatchFormat, Failure> {
        let named = self.file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let format = match (self.format, named.as_deref()) {
            (Some(Format::Csv), _) | (None, Some("csv")) => BatchFormat::Csv,
            (Some(Format::Ndjson), _) | (None, Some("ndjson" | "jsonl")) => BatchFormat::Ndjson,
            (None, _) => return Err(Failure::Usage("Say with --format whether the file is csv or ndjson.".into())),
        };
        if self.kind == Kind::Orders && format == BatchFormat::Csv {
            return Err(Failure::Usage("Orders are imported from ndjson, one order a line.".into()));
        }
        Ok(format)
    }

    async fn seller(&self, store: &Store) -> Result<Option<SellerId>, Failure> {
        let named = match (&self.seller, self.kind) {
            (None, Kind::Orders) => return Ok(None),
            (Some(_), Kind::Orders) => {
                return Err(Failure::Usage("Orders name their sellers themselves; leave --seller out.".into()));
            }
            (None, _) => return Err(Failure::Usage("Say with --seller whose rows they are, by id or name.".into())),
            (Some(named), _) => named,
        };
        let query = match uuid::Uuid::try_parse(named) {
            Ok(id) => seller::Entity::find_by_id(SellerId::from(id)),
            Err(_) => seller::Entity::find().filter(seller::Column::Name.eq(named)),
        };
        let found = query.one(store.read()).await.map_err(souk_domain::Error::from)?;
        found.map(|seller| Some(seller.id)).ok_or_else(|| Failure::Usage(format!("There is no seller \"{named}\".")))
    }

    async fn receive(&self, store: &Store, new: NewBatch) -> Result<batches::Model, Failure> {
        let mut file = open(&self.file)?;
        let mut receiving = Receiving::new(store.clone(), new);
        match read(&mut file, &mut receiving).await {
            Ok(staged) => {
                let queue = store.write(async |tx| batch::queue(&tx, staged).await);
                Ok(acting_as(Acting::command("cli:import"), queue).await?)
            }
            Err(failure) => {
                receiving.abandon().await?;
                Err(failure)
            }
        }
    }
}

fn open(file: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(stdin()));
    }
    let opened = File::open(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    Ok(Box::new(opened))
}

async fn read(file: &mut (dyn Read + Send), receiving: &mut Receiving) -> Result<(BatchId, i64), Failure> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = tokio::task::block_in_place(|| file.read(&mut piece))?;
        match piece.get(..length) {
            None | Some([]) => return receiving.finish().await.map_err(of_file),
            Some(piece) => receiving.push(piece).await.map_err(of_file)?,
        }
    }
}

/// A file that is none is wrong usage; nothing of it was kept.
fn of_file(error: souk_domain::Error) -> Failure {
    match error.code.kind() {
        ErrorKind::Malformed | ErrorKind::Unprocessable | ErrorKind::TooLarge => Failure::Usage(error.message),
        _ => error.into(),
    }
}

/// Shows how far the batch is until it has ended: as a bar on a terminal, and else in lines.
async fn follow(store: &Store, queued: &batches::Model) -> Result<batches::Model, Failure> {
    let total = u64::try_from(queued.total_rows).unwrap_or(0);
    let bar = stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {per_sec}, {eta} left");
        ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    let mut told = 0;
    loop {
        let batch = batch::find(store.read(), Scope::Everybody, queued.id).await?;
        let tenth = batch.processed_rows * 10 / Ord::max(batch.total_rows, 1);
        match &bar {
            Some(bar) => bar.set_position(u64::try_from(batch.processed_rows).unwrap_or(0)),
            None if tenth > told => eprintln!("{} of {} rows", batch.processed_rows, batch.total_rows),
            None => {}
        }
        told = tenth;
        if batch::has_ended(batch.status) {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            return Ok(batch);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Prints what became of the batch.
async fn report(store: &Store, batch: &batches::Model) -> Result<(), Failure> {
    let failed =
        batch::rows(store.read(), store.vault(), batch.id, Some(BatchRowStatus::Failed), 0, MOST_PRINTED).await?;
    for row in &failed {
        println!("line {}: {}", row.line, row.error.as_deref().unwrap_or_default());
    }
    let done = batch.processed_rows - batch.failed_rows;
    let tried = if batch.dry_run { "could be done" } else { "are done" };
    let outcome = format!("{done} of {} rows {tried}, {} failed", batch.total_rows, batch.failed_rows);
    match batch.status {
        BatchStatus::Completed => {
            println!("{outcome}");
            Ok(())
        }
        BatchStatus::Cancelled => Err(Failure::Failed(format!("cancelled; {outcome}"))),
        _ => Err(Failure::Failed(outcome)),
    }
}
