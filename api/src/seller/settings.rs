//! The seller's own settings and balances.

use chrono::{DateTime, Utc};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ConnectionTrait, EntityTrait};
use souk_domain::account::{self, SellerSettings, SellerTerms, holiday};
use souk_domain::ledger::balance;
use souk_domain::returns::policy;
use souk_domain::{Error, Result};
use souk_entity::id::SellerId;
use souk_entity::seller;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::view::holiday::Holiday;
use crate::view::ledger::SellerBalance;
use crate::view::percent;
use crate::view::words::{PayoutInterval, SellerStatus};

/// A seller and what was agreed with them. How their money is dealt with is absent for who may not read what
/// concerns the seller's money: `commission_tax_percent`, what begins with `payout_`, and the reserve.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Seller {
    /// Their id.
    pub id: Uuid,
    /// Their name in the marketplace.
    pub name: String,
    /// Where they stand with the marketplace.
    pub status: SellerStatus,
    /// Whether paid orders are accepted without a person.
    pub auto_accept: bool,
    /// How long a person may take otherwise.
    pub accept_within_hours: i32,
    /// Days after delivery in which a return may be asked for.
    pub return_window_days: i32,
    /// The holiday that they have set, also one that is still to come or over.
    pub holiday: Option<Holiday>,
    /// Value added tax on the commission of orders placed from now on, such as `19`.
    pub commission_tax_percent: Option<String>,
    /// Where payouts go: the seller's account at the payment provider; without one nothing is paid.
    pub payout_account: Option<String>,
    /// How often they are paid out.
    pub payout_interval: Option<PayoutInterval>,
    /// Less waits for the next payout; in minor units of whichever currency is paid.
    pub payout_minimum: Option<i64>,
    /// Days after completion before a seller order's money is paid out.
    pub payout_hold_days: Option<i32>,
    /// The part of each payout that is kept back, such as `10`.
    pub reserve_percent: Option<String>,
    /// For how many days it is kept back; for 0 days nothing is.
    pub reserve_days: Option<i32>,
    /// When they applied.
    pub created_at: DateTime<Utc>,
    /// When something of this last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<seller::Model> for Seller {
    fn from(row: seller::Model) -> Self {
        Self {
            id: row.id.into(),
            holiday: holiday::Holiday::of(&row).map(Holiday::from),
            name: row.name,
            status: row.status.into(),
            auto_accept: row.auto_accept,
            accept_within_hours: row.accept_within_hours,
            return_window_days: row.return_window_days,
            commission_tax_percent: Some(percent(row.commission_tax_ppm)),
            payout_account: row.payout_account,
            payout_interval: Some(row.payout_interval.into()),
            payout_minimum: Some(row.payout_minimum.0),
            payout_hold_days: Some(row.payout_hold_days),
            reserve_percent: Some(percent(row.reserve_ppm)),
            reserve_days: Some(row.reserve_days),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Seller {
    /// As who may not read what concerns their money sees them.
    fn without_money(self) -> Self {
        Self {
            commission_tax_percent: None,
            payout_account: None,
            payout_interval: None,
            payout_minimum: None,
            payout_hold_days: None,
            reserve_percent: None,
            reserve_days: None,
            ..self
        }
    }
}

/// A seller with what the marketplace owes them.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SellerAccount {
    /// The seller.
    pub seller: Seller,
    /// What they are owed, per currency; negative when they owe. Absent for who may not read what concerns the
    /// seller's money.
    pub balances: Option<Vec<SellerBalance>>,
}

/// What a seller sets; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ConfigureSeller {
    /// Whether paid orders are accepted without a person.
    auto_accept: Option<bool>,
    /// How long a person may take otherwise, 1 to 720.
    #[oai(validator(minimum(value = "1"), maximum(value = "720")))]
    accept_within_hours: Option<i32>,
    /// Days after delivery in which a return may be asked for: 0 to 365, and not less than the marketplace asks for.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    return_window_days: Option<i32>,
}

impl Example for ConfigureSeller {
    fn example() -> Self {
        Self { auto_accept: Some(false), accept_within_hours: Some(24), return_window_days: None }
    }
}

/// Where payouts go.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct SetPayoutAccount {
    /// The seller's account at the payment provider.
    #[oai(validator(min_length = 1, max_length = 100, pattern = "^[!-~]+$"))]
    account: String,
}

impl Example for SetPayoutAccount {
    fn example() -> Self {
        Self { account: "acct_1A2b3C".into() }
    }
}

/// The seller who asks.
pub struct Settings;

#[OpenApi(prefix_path = "/api/v1/seller", tag = "Tag::SellerCatalogue")]
impl Settings {
    /// Show the seller
    ///
    /// The settings; for owners, staff trusted with money and keys with `money:read` also how payouts are made and what
    /// the marketplace owes.
    #[oai(path = "/", method = "get", operation_id = "getSeller")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling) -> ApiResult<Okay<SellerAccount>> {
        let db = ctx.store.read();
        if who.0.reads_money {
            return Ok(Okay::new(&account_of(db, who.seller()).await?));
        }
        let seller = Seller::from(find(db, who.seller()).await?).without_money();
        Ok(Okay::new(&SellerAccount { seller, balances: None }))
    }

    /// Change the settings
    ///
    /// For the seller's owner. Orders that are placed keep what was set then.
    #[oai(path = "/", method = "patch", operation_id = "configureSeller")]
    async fn configure(&self, ctx: Ctx<'_>, who: Selling, body: Json<ConfigureSeller>) -> ApiResult<Okay<Seller>> {
        if let Some(days) = body.0.return_window_days {
            policy::check_window(days, ctx.config.least_return_window_days)?;
        }
        let settings = SellerSettings {
            auto_accept: body.0.auto_accept,
            accept_within_hours: body.0.accept_within_hours,
            return_window_days: body.0.return_window_days,
            terms: SellerTerms::default(),
        };
        let row =
            ctx.store.write(async |tx| account::configure(&tx, who.seller(), &settings, who.actor()).await).await?;
        Ok(Okay::new(&row.into()))
    }

    /// Set the payout account
    ///
    /// For the seller's owner. Payouts under way go where they were sent.
    #[oai(path = "/payout-account", method = "put", operation_id = "setPayoutAccount")]
    async fn set_payout_account(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<SetPayoutAccount>,
    ) -> ApiResult<Okay<Seller>> {
        let row = ctx
            .store
            .write(async |tx| account::set_payout_account(&tx, who.seller(), &body.0.account, who.actor()).await)
            .await?;
        Ok(Okay::new(&row.into()))
    }
}

/// A seller with their balances.
///
/// # Errors
/// [`souk_domain::Code::NotFound`].
pub async fn account_of(db: &impl ConnectionTrait, id: SellerId) -> Result<SellerAccount> {
    let row = find(db, id).await?;
    let balances = balance::of_seller(db, id, None).await?;
    Ok(SellerAccount { seller: row.into(), balances: Some(balances.into_iter().map(SellerBalance::from).collect()) })
}

async fn find(db: &impl ConnectionTrait, id: SellerId) -> Result<seller::Model> {
    seller::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("seller"))
}
