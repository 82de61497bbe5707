//! The progress file: one JSON object a line, appended as things come to be, read by the next run.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cents::Cents;
use crate::client::{Error, Result};
use crate::source::OfferKey;

/// What all runs with one progress file share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Keeps names and addresses apart from those of other replays on the same installation.
    pub tag: String,
    /// What the passwords of this replay's people are made of.
    pub secret: String,
    /// Of which sample it is.
    pub source: String,
}

/// A seller of the source in souk.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SellerIds {
    /// The seller.
    pub id: Uuid,
    /// The one warehouse.
    pub warehouse: Uuid,
}

/// An order of the source in souk.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Placed {
    /// The order.
    pub id: Uuid,
    /// How often it had to be placed: more than once when a run was stopped for longer than orders wait for payment.
    pub attempt: u32,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Record {
    Run(Run),
    Seller { seller: String, ids: SellerIds },
    Variant { product: String, slot: u32, id: Uuid },
    Offer { product: String, seller: String, slot: u32, id: Uuid },
    Method { seller: String, freight_cents: i64, id: Uuid },
    Customer { customer: String },
    Order { order: String, placed: Placed },
    Finished { order: String },
}

#[derive(Debug, Default)]
struct Known {
    run: Option<Run>,
    sellers: HashMap<String, SellerIds>,
    sellers_by_id: HashMap<Uuid, String>,
    variants: HashMap<(String, u32), Uuid>,
    offers: HashMap<OfferKey, Uuid>,
    methods: HashMap<(String, Cents), Uuid>,
    customers: HashSet<String>,
    orders: HashMap<String, Placed>,
    finished: HashSet<String>,
}

impl Known {
    fn learn(&mut self, record: Record) {
        match record {
            Record::Run(run) => self.run = Some(run),
            Record::Seller { seller, ids } => {
                self.sellers_by_id.insert(ids.id, seller.clone());
                self.sellers.insert(seller, ids);
            }
            Record::Variant { product, slot, id } => {
                self.variants.insert((product, slot), id);
            }
            Record::Offer { product, seller, slot, id } => {
                self.offers.insert(OfferKey { product, seller, slot }, id);
            }
            Record::Method { seller, freight_cents, id } => {
                self.methods.insert((seller, Cents(freight_cents)), id);
            }
            Record::Customer { customer } => {
                self.customers.insert(customer);
            }
            Record::Order { order, placed } => {
                self.orders.insert(order, placed);
            }
            Record::Finished { order } => {
                self.finished.insert(order);
            }
        }
    }
}

/// The progress of a replay, in memory and in its file.
pub struct State {
    path: PathBuf,
    run: Run,
    file: Mutex<File>,
    known: Mutex<Known>,
}

impl State {
    /// Opens the file, made when it is not there; `run` is what a new one begins with.
    ///
    /// # Errors
    /// A sentence, when the file cannot be used, is in use, or is of another sample.
    pub fn open(path: &Path, run: Run) -> Result<Self, String> {
        let broken = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| broken(&error))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => broken(&"another replay is using it"),
            TryLockError::Error(error) => broken(&error),
        })?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| broken(&error))?;
        // A run that was killed while writing leaves half a line; what it was about is looked up again.
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        let mut known = Known::default();
        for (line, at) in text[..whole].lines().zip(1..) {
            let record = serde_json::from_str(line).map_err(|error| broken(&format!("line {at}: {error}")))?;
            known.learn(record);
        }
        let end = u64::try_from(whole).map_err(|error| broken(&error))?;
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).map_err(|error| broken(&error))?;
        let begun = known.run.clone();
        if let Some(begun) = &begun
            && begun.source != run.source
        {
            return Err(broken(&format!(
                "it is the progress of another sample ({}; this one has {}); name another file with --state",
                begun.source, run.source
            )));
        }
        let state = Self {
            path: path.to_owned(),
            run: begun.clone().unwrap_or_else(|| run.clone()),
            file: Mutex::new(file),
            known: Mutex::new(known),
        };
        if begun.is_none() {
            state.record(Record::Run(run)).map_err(|error| error.to_string())?;
        }
        Ok(state)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What all runs with this file share.
    pub fn run(&self) -> &Run {
        &self.run
    }

    fn record(&self, record: Record) -> Result<()> {
        let written = serde_json::to_vec(&record).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            // In one write, so that no other line comes in between and at most the last one is cut off.
            self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
        });
        written.map_err(|error| Error::Stuck(format!("{}: {error}", self.path.display())))?;
        self.known().learn(record);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn seller(&self, seller: &str) -> Option<SellerIds> {
        self.known().sellers.get(seller).copied()
    }

    pub fn seller_by_id(&self, id: Uuid) -> Option<String> {
        self.known().sellers_by_id.get(&id).cloned()
    }

    pub fn variant(&self, product: &str, slot: u32) -> Option<Uuid> {
        self.known().variants.get(&(product.to_owned(), slot)).copied()
    }

    pub fn offer(&self, offer: &OfferKey) -> Option<Uuid> {
        self.known().offers.get(offer).copied()
    }

    pub fn method(&self, seller: &str, freight: Cents) -> Option<Uuid> {
        self.known().methods.get(&(seller.to_owned(), freight)).copied()
    }

    pub fn knows_customer(&self, customer: &str) -> bool {
        self.known().customers.contains(customer)
    }

    pub fn placed(&self, order: &str) -> Option<Placed> {
        self.known().orders.get(order).copied()
    }

    pub fn is_finished(&self, order: &str) -> bool {
        self.known().finished.contains(order)
    }

    pub fn seller_made(&self, seller: &str, ids: SellerIds) -> Result<()> {
        self.record(Record::Seller { seller: seller.to_owned(), ids })
    }

    pub fn variant_made(&self, product: &str, slot: u32, id: Uuid) -> Result<()> {
        self.record(Record::Variant { product: product.to_owned(), slot, id })
    }

    pub fn offer_made(&self, offer: &OfferKey, id: Uuid) -> Result<()> {
        let OfferKey { product, seller, slot } = offer.clone();
        self.record(Record::Offer { product, seller, slot, id })
    }

    pub fn method_made(&self, seller: &str, freight: Cents, id: Uuid) -> Result<()> {
        self.record(Record::Method { seller: seller.to_owned(), freight_cents: freight.0, id })
    }

    pub fn customer_made(&self, customer: &str) -> Result<()> {
        self.record(Record::Customer { customer: customer.to_owned() })
    }

    pub fn order_placed(&self, order: &str, placed: Placed) -> Result<()> {
        self.record(Record::Order { order: order.to_owned(), placed })
    }

    pub fn order_finished(&self, order: &str) -> Result<()> {
        self.record(Record::Finished { order: order.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(source: &str) -> Run {
        Run { tag: "tag".into(), secret: "secret".into(), source: source.into() }
    }

    #[test]
    fn a_half_written_line_is_dropped_and_the_rest_is_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let placed = Placed { id: Uuid::new_v4(), attempt: 1 };
        let state = State::open(&path, run("a")).unwrap();
        state.order_placed("o1", placed).unwrap();
        state.order_finished("o1").unwrap();
        assert!(State::open(&path, run("a")).is_err(), "in use");
        drop(state);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"kind\":\"fini").unwrap();
        let again = State::open(&path, Run { tag: "other".into(), ..run("a") }).unwrap();
        assert_eq!(again.run().tag, "tag");
        assert_eq!(again.placed("o1").map(|placed| placed.id), Some(placed.id));
        assert!(again.is_finished("o1"));
        again.order_finished("o2").unwrap();
        drop(again);
        assert!(State::open(&path, run("a")).unwrap().is_finished("o2"));
        assert!(State::open(&path, run("b")).is_err(), "another sample");
    }
}
