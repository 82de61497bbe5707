//! A merchant who sells through the marketplace.

use sea_orm::entity::prelude::*;

use crate::id::SellerId;
use crate::money::{MinorUnits, RatePpm};
use crate::status::{LabelPayer, PayoutInterval, SellerStatus};

/// A merchant who sells through the marketplace.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerId,
    pub name: String,
    pub status: SellerStatus,
    pub auto_accept: bool,
    pub accept_within_hours: i32,
    pub return_window_days: i32,
    /// Who pays the label of a return that is not the seller's fault.
    pub return_label_payer: LabelPayer,
    /// What the seller keeps of the price of goods that come back without their fault.
    pub restocking_ppm: RatePpm,
    /// When they last said on what terms they take goods back.
    pub return_policy_set_at: Option<DateTimeUtc>,
    /// Whether they take no orders, between the two instants; without them from now and for good.
    pub on_holiday: bool,
    pub holiday_starts_at: Option<DateTimeUtc>,
    pub holiday_ends_at: Option<DateTimeUtc>,
    pub holiday_message: Option<String>,
    /// Value added tax on our commission, of it.
    pub commission_tax_ppm: RatePpm,
    /// Where payouts go: the seller's account at the payment provider.
    pub payout_account: Option<String>,
    pub payout_interval: PayoutInterval,
    /// In minor units of the currency paid; less waits for the next payout.
    pub payout_minimum: MinorUnits,
    /// Days after completion before a seller order's money is paid out.
    pub payout_hold_days: i32,
    /// The part of each payout that is kept back, and for how long.
    pub reserve_ppm: RatePpm,
    pub reserve_days: i32,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
