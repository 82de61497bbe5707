//! The simulated carrier: labels, tracking numbers, scans.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use souk_domain::Tx;
use souk_domain::error::{Error, Result};
use souk_domain::money::{self, Money};
use souk_domain::port::{
    BoughtLabel, Carrier, FoundLabel, Headers, ParcelRequest, PortError, PostalAddress, Scan, TrackingNotice,
    WebhookError,
};
use souk_domain::vault::Vault;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::simulated_parcel::{self, Column, Entity, Model};
use souk_entity::simulated_scan;
use souk_entity::status::{LabelFormat, TrackingStatus};

use super::fault::Operation;
use super::label::Label;
use super::line::{Answer, Refusal, Shared};
use super::payment::check_length;
use super::{NAME, label, movement, signature};

/// The heaviest parcel, in grams: a pallet.
const HEAVIEST: i64 = 1_000_000;
/// The book has room for this many characters of a key and of a town.
const KEY_LENGTH: usize = 120;
const TOWN_LENGTH: usize = 120;
/// What the carrier's ids of labels begin with; the rest is the tracking number.
const LABEL_ID: &str = "simlabel_";

/// The carrier, as seen from souk.
pub(super) struct SimulatedCarrier {
    shared: Arc<Shared>,
}

/// A parcel as the carrier's own books have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parcel {
    /// The number it is followed by.
    pub tracking_number: String,
    /// Where it stands.
    pub status: TrackingStatus,
    /// The town it leaves from.
    pub origin: String,
    /// The town it goes to.
    pub destination: String,
    /// What the label costs, in minor units.
    pub cost: MinorUnits,
    /// ISO 4217.
    pub currency: CurrencyCode,
    /// When it should arrive.
    pub estimated_delivery: DateTime<Utc>,
    /// All scans so far, oldest first.
    pub scans: Vec<ScanBody>,
}

impl Parcel {
    pub(super) fn new(row: Model, scans: Vec<ScanBody>) -> Self {
        Self {
            tracking_number: row.tracking_number,
            status: row.status,
            origin: row.origin,
            destination: row.destination,
            cost: row.cost,
            currency: row.currency,
            estimated_delivery: row.estimated_delivery,
            scans,
        }
    }
}

/// A scan as the carrier sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanBody {
    /// What it means.
    pub status: TrackingStatus,
    /// The carrier's sentence.
    pub description: String,
    /// The town.
    pub location: Option<String>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

impl From<simulated_scan::Model> for ScanBody {
    fn from(row: simulated_scan::Model) -> Self {
        Self { status: row.status, description: row.description, location: row.location, occurred_at: row.occurred_at }
    }
}

impl From<ScanBody> for Scan {
    fn from(scan: ScanBody) -> Self {
        Self {
            status: scan.status,
            description: scan.description,
            location: scan.location,
            // The precision that every instant in souk has.
            occurred_at: scan.occurred_at.trunc_subsecs(6),
        }
    }
}

/// What of a webhook's body souk reads.
#[derive(Deserialize)]
struct ReadEvent {
    id: String,
    tracking_number: String,
    scans: Vec<ScanBody>,
}

impl SimulatedCarrier {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn sell(&self, request: &ParcelRequest, key: &str) -> Result<Answer<BoughtLabel>> {
        let cost = match check(request, key) {
            Ok(cost) => cost,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.shared
            .transact(async |tx| {
                let row = match by_key(&**tx, key).await? {
                    Some(row) => row,
                    None => write_down(&self.shared, &tx, request, cost, key).await?,
                };
                Ok(Ok(tell(tx.vault(), row)?))
            })
            .await
    }

    async fn label_of_key(&self, key: &str) -> Result<Answer<Option<FoundLabel>>> {
        let found = by_key(self.shared.store.read(), key).await?;
        let Some(row) = found else { return Ok(Ok(None)) };
        let voided = row.status == TrackingStatus::Cancelled;
        Ok(Ok(Some(FoundLabel { voided, label: tell(self.shared.store.vault(), row)? })))
    }

    async fn take_back(&self, carrier_ref: &str) -> Result<Answer<()>> {
        let Some(tracking_number) = carrier_ref.strip_prefix(LABEL_ID) else { return Ok(Err(no_such("label"))) };
        self.shared
            .transact(async |tx| {
                let Some(parcel) = movement::lock(&tx, tracking_number).await? else {
                    return Ok(Err(no_such("label")));
                };
                match parcel.status {
                    TrackingStatus::Cancelled => Ok(Ok(())),
                    TrackingStatus::PreTransit => {
                        movement::append(&self.shared, &tx, parcel, &[TrackingStatus::Cancelled]).await?;
                        Ok(Ok(()))
                    }
                    status => {
                        let message = format!("The label is used: its parcel is {status}.");
                        Ok(Err(Refusal::new("label_used", message)))
                    }
                }
            })
            .await
    }

    async fn follow(&self, tracking_number: &str) -> Result<Answer<Vec<Scan>>> {
        let scans = movement::scans(self.shared.store.read(), tracking_number).await?;
        // Every parcel has the scan of its label at least.
        if scans.is_empty() {
            return Ok(Err(no_such("parcel")));
        }
        Ok(Ok(scans.into_iter().map(Scan::from).collect()))
    }
}

/// Writes a parcel down under the first free number that derives from its key, unless a concurrent
/// call with the same key has just done so.
async fn write_down(shared: &Shared, tx: &Tx, request: &ParcelRequest, cost: Money, key: &str) -> Result<Model> {
    // Two keys share a number once in a million million; that a hundred numbers are taken is a bug.
    for salt in 0..100 {
        let row = new_row(shared, tx, request, cost, key, tracking_number(key, salt))?;
        // No target is named, so a taken number does nothing as well as a taken key: an error
        // would end the whole transaction on PostgreSQL.
        let written = Entity::insert(active(row.clone()))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&**tx)
            .await?;
        if written == 1 {
            movement::first_scan(tx, &row).await?;
            return Ok(row);
        }
        if let Some(row) = by_key(&**tx, key).await? {
            return Ok(row);
        }
    }
    Err(Error::internal("no tracking number is free"))
}

fn new_row(
    shared: &Shared,
    tx: &Tx,
    request: &ParcelRequest,
    cost: Money,
    key: &str,
    tracking_number: String,
) -> Result<Model> {
    let label = Label {
        tracking_number: &tracking_number,
        reference: &request.reference,
        from: &request.from,
        to: &request.to,
        weight_grams: request.weight_grams,
    };
    let bars = label::Code128::new(&tracking_number)?;
    Ok(Model {
        idempotency_key: key.to_owned(),
        status: TrackingStatus::PreTransit,
        origin: town(&request.from),
        destination: town(&request.to),
        label_pdf: tx.vault().keep(&label_place(&tracking_number, "pdf"), &label::pdf::render(&label, &bars))?,
        label_zpl: tx
            .vault()
            .keep(&label_place(&tracking_number, "zpl"), label::zpl::render(&label, &bars).as_bytes())?,
        cost: cost.amount,
        currency: cost.currency,
        estimated_delivery: tx.now + TimeDelta::days(3),
        next_scan_at: movement::next_scan_at(shared, tx.now),
        created_at: tx.now,
        tracking_number,
    })
}

/// What the parcel costs, or why the carrier does not take it.
fn check(request: &ParcelRequest, key: &str) -> Answer<Money> {
    check_length("key", key, KEY_LENGTH)?;
    for (whose, address) in [("sender", &request.from), ("recipient", &request.to)] {
        let country = address.country.len() == 2 && address.country.bytes().all(|letter| letter.is_ascii_uppercase());
        if !country || [&address.name, &address.line1, &address.city].iter().any(|line| line.trim().is_empty()) {
            let message = format!("The {whose}'s address needs a name, a street, a town and a country code.");
            return Err(Refusal::new("address_invalid", message));
        }
    }
    if !(1..=HEAVIEST).contains(&request.weight_grams) {
        return Err(Refusal::new("weight_invalid", format!("The weight must be 1 to {HEAVIEST} grams.")));
    }
    let exponent = money::exponent(request.currency)
        .map_err(|_| Refusal::new("currency_unsupported", format!("{} is not supported.", request.currency)))?;
    Ok(Money { amount: postage(request.weight_grams, exponent), currency: request.currency })
}

/// 4.50 and 0.50 for every started 500 g, in a currency of cents. A currency without decimals has
/// units about as small as a cent, so there it is 450 and 50; one of thousandths has 4.500.
fn postage(weight_grams: i64, exponent: u32) -> MinorUnits {
    let scale = if exponent == 3 { 10 } else { 1 };
    MinorUnits((450 + 50 * ((weight_grams + 499) / 500)) * scale)
}

/// `SIM`, twelve digits of a hash of the key, and their check digit.
fn tracking_number(key: &str, salt: u32) -> String {
    let hash = Sha256::digest(format!("{salt}:{key}"));
    let number = hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let digits = format!("{:012}", number % 1_000_000_000_000);
    let check = check_digit(&digits);
    format!("SIM{digits}{check}")
}

/// Luhn's check digit (ISO/IEC 7812-1): finds a wrong digit and most swapped neighbours.
fn check_digit(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0') * if at % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    (10 - sum % 10) % 10
}

fn town(address: &PostalAddress) -> String {
    format!("{}, {}", address.city.trim().chars().take(TOWN_LENGTH - 4).collect::<String>(), address.country)
}

async fn by_key(db: &impl ConnectionTrait, key: &str) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::IdempotencyKey.eq(key)).one(db).await?)
}

/// What binds a sealed label to its parcel: even the simulation writes no address down in plain.
fn label_place(tracking_number: &str, format: &str) -> String {
    format!("simulated_parcel.label\0{tracking_number}\0{format}")
}

fn tell(vault: &Vault, row: Model) -> Result<BoughtLabel> {
    let open = |format, sealed: &[u8]| {
        let file = vault.kept(&label_place(&row.tracking_number, format), sealed);
        file.ok_or_else(|| Error::internal(format!("the label of {} does not open", row.tracking_number)))
    };
    let files =
        vec![(LabelFormat::Pdf, open("pdf", &row.label_pdf)?), (LabelFormat::Zpl, open("zpl", &row.label_zpl)?)];
    Ok(BoughtLabel {
        carrier_ref: format!("{LABEL_ID}{}", row.tracking_number),
        tracking_number: row.tracking_number,
        cost: Money { amount: row.cost, currency: row.currency },
        estimated_delivery: row.estimated_delivery,
        files,
    })
}

fn no_such(what: &str) -> Refusal {
    Refusal::new("not_found", format!("There is no such {what}."))
}

fn active(row: Model) -> simulated_parcel::ActiveModel {
    simulated_parcel::ActiveModel {
        tracking_number: Set(row.tracking_number),
        idempotency_key: Set(row.idempotency_key),
        status: Set(row.status),
        origin: Set(row.origin),
        destination: Set(row.destination),
        label_pdf: Set(row.label_pdf),
        label_zpl: Set(row.label_zpl),
        cost: Set(row.cost),
        currency: Set(row.currency),
        estimated_delivery: Set(row.estimated_delivery),
        next_scan_at: Set(row.next_scan_at),
        created_at: Set(row.created_at),
    }
}

#[async_trait]
impl Carrier for SimulatedCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn buy(&self, request: &ParcelRequest, key: &str) -> Result<BoughtLabel, PortError> {
        self.shared.call(Operation::BuyLabel, self.sell(request, key)).await
    }

    async fn find_label(&self, key: &str) -> Result<Option<FoundLabel>, PortError> {
        self.shared.call(Operation::FindLabel, self.label_of_key(key)).await
    }

    /// A label is given back once whatever the key, so the key is not kept.
    async fn void(&self, carrier_ref: &str, _key: &str) -> Result<(), PortError> {
        self.shared.call(Operation::VoidLabel, self.take_back(carrier_ref)).await
    }

    async fn track(&self, tracking_number: &str) -> Result<Vec<Scan>, PortError> {
        self.shared.call(Operation::TrackParcel, self.follow(tracking_number)).await
    }

    fn verify(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<TrackingNotice, WebhookError> {
        signature::verify(&self.shared.webhook_secret, headers, body, now)?;
        self.read(body)
    }

    fn read(&self, body: &[u8]) -> Result<TrackingNotice, WebhookError> {
        let event: ReadEvent =
            serde_json::from_slice(body).map_err(|error| WebhookError::Unreadable(error.to_string()))?;
        Ok(TrackingNotice {
            event_id: event.id,
            tracking_number: event.tracking_number,
            scans: event.scans.into_iter().map(Scan::from).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracking_numbers_are_stable_and_end_in_luhns_digit() {
        assert_eq!(check_digit("7992739871"), 3);
        let number = tracking_number("label:1", 0);
        assert_eq!(number, tracking_number("label:1", 0));
        assert_ne!(number, tracking_number("label:1", 1));
        assert_ne!(number, tracking_number("label:2", 0));
        assert_eq!((number.len(), &number[..3]), (16, "SIM"));
        assert_eq!(check_digit(&number[3..15]).to_string(), number[15..]);
    }

    #[test]
    fn postage_counts_started_pounds_in_the_units_of_the_currency() {
        for (grams, exponent, cost) in [(1, 2, 500), (500, 2, 500), (501, 2, 550), (1, 0, 500), (1200, 3, 6000)] {
            assert_eq!(postage(grams, exponent).0, cost, "{grams} g, {exponent} decimals");
        }
    }
}
