//! The sums of the companies' books, to be compared with souk's own.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryOrder, QuerySelect};
use serde::Serialize;
use souk_domain::error::Result;
use souk_domain::money;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{SimulatedTransferStatus, TrackingStatus};
use souk_entity::{simulated_parcel, simulated_payment, simulated_transfer};

/// Both companies' sums, one entry per currency, by its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Books {
    /// The payment provider's.
    pub payments: Vec<PaymentBook>,
    /// The payment provider's, of what it sent on.
    pub transfers: Vec<TransferBook>,
    /// The carrier's.
    pub labels: Vec<LabelBook>,
}

/// What the payment provider took and paid back, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentBook {
    /// ISO 4217.
    pub currency: CurrencyCode,
    /// How many payments were opened.
    pub payments: i64,
    /// The sum of what was taken.
    pub captured: MinorUnits,
    /// The sum of what was paid back.
    pub refunded: MinorUnits,
}

/// What the payment provider sent to accounts of others, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TransferBook {
    /// ISO 4217.
    pub currency: CurrencyCode,
    /// How many transfers it was asked for, those that failed included.
    pub transfers: i64,
    /// The sum of what was sent, what came back included.
    pub sent: MinorUnits,
    /// The sum of what came back.
    pub returned: MinorUnits,
}

/// What the carrier sold and took back; costs in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LabelBook {
    /// ISO 4217.
    pub currency: CurrencyCode,
    /// How many labels were bought, those voided later included.
    pub bought: i64,
    /// What they cost.
    pub bought_cost: MinorUnits,
    /// How many of them were voided.
    pub voided: i64,
    /// What these had cost.
    pub voided_cost: MinorUnits,
}

/// Adds the books up.
pub(super) async fn add_up(conn: &impl ConnectionTrait) -> Result<Books> {
    use simulated_parcel::Column as OfParcel;
    use simulated_payment::Column as OfPayment;

    // PostgreSQL's sum of bigint is numeric, which is not what is read here.
    let payments: Vec<(CurrencyCode, i64, i64, i64)> = simulated_payment::Entity::find()
        .select_only()
        .column(OfPayment::Currency)
        .column_as(OfPayment::Id.count(), "payments")
        .column_as(OfPayment::CapturedAmount.sum().cast_as("bigint"), "captured")
        .column_as(OfPayment::RefundedAmount.sum().cast_as("bigint"), "refunded")
        .group_by(OfPayment::Currency)
        .order_by_asc(OfPayment::Currency)
        .into_tuple()
        .all(conn)
        .await?;
    let parcels: Vec<(CurrencyCode, TrackingStatus, i64, i64)> = simulated_parcel::Entity::find()
        .select_only()
        .column(OfParcel::Currency)
        .column(OfParcel::Status)
        .column_as(OfParcel::TrackingNumber.count(), "parcels")
        .column_as(OfParcel::Cost.sum().cast_as("bigint"), "cost")
        .group_by(OfParcel::Currency)
        .group_by(OfParcel::Status)
        .into_tuple()
        .all(conn)
        .await?;

    let mut labels = BTreeMap::new();
    for (currency, status, parcels, cost) in parcels {
        let (voided, voided_cost) = if status == TrackingStatus::Cancelled { (parcels, cost) } else { (0, 0) };
        let book = labels.entry(currency).or_insert(LabelBook {
            currency,
            bought: 0,
            bought_cost: MinorUnits::ZERO,
            voided: 0,
            voided_cost: MinorUnits::ZERO,
        });
        book.bought += parcels;
        book.voided += voided;
        book.bought_cost = money::add(book.bought_cost, MinorUnits(cost))?;
        book.voided_cost = money::add(book.voided_cost, MinorUnits(voided_cost))?;
    }
    let payments = payments.into_iter().map(|(currency, payments, captured, refunded)| PaymentBook {
        currency,
        payments,
        captured: MinorUnits(captured),
        refunded: MinorUnits(refunded),
    });
    let transfers = add_up_transfers(conn).await?;
    Ok(Books { payments: payments.collect(), transfers, labels: labels.into_values().collect() })
}

async fn add_up_transfers(conn: &impl ConnectionTrait) -> Result<Vec<TransferBook>> {
    use simulated_transfer::Column;

    let sums: Vec<(CurrencyCode, SimulatedTransferStatus, i64, i64)> = simulated_transfer::Entity::find()
        .select_only()
        .column(Column::Currency)
        .column(Column::Status)
        .column_as(Column::Id.count(), "transfers")
        .column_as(Column::Amount.sum().cast_as("bigint"), "amount")
        .group_by(Column::Currency)
        .group_by(Column::Status)
        .into_tuple()
        .all(conn)
        .await?;
    let mut books = BTreeMap::new();
    for (currency, status, transfers, amount) in sums {
        let (sent, returned) = match status {
            SimulatedTransferStatus::Paid => (amount, 0),
            SimulatedTransferStatus::Returned => (amount, amount),
            SimulatedTransferStatus::Failed => (0, 0),
        };
        let nothing = TransferBook { currency, transfers: 0, sent: MinorUnits::ZERO, returned: MinorUnits::ZERO };
        let book = books.entry(currency).or_insert(nothing);
        book.transfers += transfers;
        book.sent = money::add(book.sent, MinorUnits(sent))?;
        book.returned = money::add(book.returned, MinorUnits(returned))?;
    }
    Ok(books.into_values().collect())
}
