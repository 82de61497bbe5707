//! Who may sell, and on what terms.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::account::transition::SellerEvent;
use souk_domain::account::{self, SellerSettings, SellerTerms};
use souk_domain::{Error, payout};
use souk_entity::money::MinorUnits;
use souk_entity::seller;
use souk_entity::status::SellerStatus as Status;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::seller::percent;
use crate::seller::settings::{Seller, SellerAccount, account_of};
use crate::shopper::orders::Reason;
use crate::view::payout::{Payout, UpcomingPayouts};
use crate::view::words::{PayoutInterval, SellerStatus};

/// What is agreed with a seller; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct AdminConfigureSeller {
    /// Value added tax on the commission of orders placed from now on, 0 to 100, such as `19`.
    #[oai(validator(max_length = 10))]
    commission_tax_percent: Option<String>,
    /// Whether paid orders are accepted without a person.
    auto_accept: Option<bool>,
    /// How long a person may take otherwise, 1 to 720.
    #[oai(validator(minimum(value = "1"), maximum(value = "720")))]
    accept_within_hours: Option<i32>,
    /// Days after delivery in which a return may be asked for, 0 to 365.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    return_window_days: Option<i32>,
    /// How often they are paid out.
    payout_interval: Option<PayoutInterval>,
    /// Less waits for the next payout. In minor units of whichever currency is paid, such as `1000` for 10.00 USD,
    /// 1000 JPY or 1.000 KWD.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000000000000")))]
    payout_minimum: Option<i64>,
    /// Days after completion before a seller order's money is paid out, 0 to 365; for orders completed from now on.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    payout_hold_days: Option<i32>,
    /// The part of each payout that is kept back, 0 to less than 100, such as `10`.
    #[oai(validator(max_length = 10))]
    reserve_percent: Option<String>,
    /// For how many days it is kept back, 0 to 365; for 0 days nothing is.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    reserve_days: Option<i32>,
}

impl Example for AdminConfigureSeller {
    fn example() -> Self {
        Self {
            commission_tax_percent: Some("19".into()),
            auto_accept: None,
            accept_within_hours: None,
            return_window_days: Some(30),
            payout_interval: Some(PayoutInterval::Weekly),
            payout_minimum: Some(1000),
            payout_hold_days: Some(7),
            reserve_percent: Some("10".into()),
            reserve_days: Some(30),
        }
    }
}

/// What paying a seller out has come to.
#[derive(Debug, Object)]
pub struct PayoutRun {
    /// The payouts that were made.
    payouts: Vec<Payout>,
    /// What is still to come.
    upcoming: UpcomingPayouts,
}

/// All sellers.
pub struct Sellers;

#[OpenApi(prefix_path = "/api/v1/admin/sellers", tag = "Tag::Operators")]
impl Sellers {
    /// List sellers
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "adminListSellers")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this status.
        status: Query<Option<SellerStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Seller>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(seller::Entity::find(), seller::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(seller::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Seller::from)))
    }

    /// Show any seller
    ///
    /// With what they are owed.
    #[oai(path = "/:id", method = "get", operation_id = "adminGetSeller")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<SellerAccount>> {
        Ok(Okay::new(&account_of(ctx.store.read(), id.0.into()).await?))
    }

    /// Change what is agreed with a seller
    ///
    /// Orders that are placed keep what was agreed then.
    #[oai(path = "/:id", method = "patch", operation_id = "adminConfigureSeller")]
    async fn configure(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<AdminConfigureSeller>,
    ) -> ApiResult<Okay<Seller>> {
        let body = body.0;
        let settings = SellerSettings {
            auto_accept: body.auto_accept,
            accept_within_hours: body.accept_within_hours,
            return_window_days: body.return_window_days,
            terms: SellerTerms {
                commission_tax: body.commission_tax_percent.as_deref().map(percent::parse).transpose()?,
                payout_interval: body.payout_interval.map(Into::into),
                payout_minimum: body.payout_minimum.map(MinorUnits),
                payout_hold_days: body.payout_hold_days,
                reserve_rate: body.reserve_percent.as_deref().map(percent::parse).transpose()?,
                reserve_days: body.reserve_days,
            },
        };
        let row =
            ctx.store.write(async |tx| account::configure(&tx, id.0.into(), &settings, who.actor()).await).await?;
        Ok(Okay::new(&row.into()))
    }

    /// Pay a seller out
    ///
    /// Now, whatever their interval: at most one payout per currency, of all that is due. Answers with what was made,
    /// and with what is still to come and what keeps it.
    #[oai(path = "/:id/payouts", method = "post", operation_id = "paySellerOut")]
    async fn pay_out(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<PayoutRun>> {
        let key = Key::read(who.key_space(), "paySellerOut", idempotency_key.0.as_deref(), &id.0)?;
        let provider = ctx.ports.payment(None)?.name();
        let answer = once(&ctx.store, key, async |tx| {
            let made = payout::run(&tx, id.0.into(), provider, who.actor()).await?;
            let rest = payout::upcoming::upcoming(&**tx, id.0.into(), tx.now).await?;
            let payouts = made.into_iter().map(Payout::from).collect();
            Ok(Okay::new(&PayoutRun { payouts, upcoming: rest.into() }))
        })
        .await?;
        Ok(answer)
    }

    /// Approve a seller
    ///
    /// Lets an applicant sell, or a suspended seller sell again. Refused while something is missing of what is required
    /// of sellers; details name it.
    #[oai(path = "/:id/approve", method = "post", operation_id = "approveSeller")]
    async fn approve(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Seller>> {
        let key = Key::read(who.key_space(), "approveSeller", idempotency_key.0.as_deref(), &id.0)?;
        decide(ctx, &who, id.0, SellerEvent::Approve, None, key).await
    }

    /// Reject a seller
    ///
    /// Declines an application; its owners are told why and can apply again.
    #[oai(path = "/:id/reject", method = "post", operation_id = "rejectSeller")]
    async fn reject(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<Reason>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Seller>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "rejectSeller", key, &(id.0, &body.0))?;
        decide(ctx, &who, id.0, SellerEvent::Reject, Some(body.0.reason), key).await
    }

    /// Suspend a seller
    ///
    /// Nothing of theirs can be ordered until they are approved again; what is ordered goes on.
    #[oai(path = "/:id/suspend", method = "post", operation_id = "suspendSeller")]
    async fn suspend(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<Reason>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Seller>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "suspendSeller", key, &(id.0, &body.0))?;
        decide(ctx, &who, id.0, SellerEvent::Suspend, Some(body.0.reason), key).await
    }
}

async fn decide(
    ctx: Ctx<'_>,
    who: &Operating,
    id: Uuid,
    event: SellerEvent,
    reason: Option<String>,
    key: Option<Key>,
) -> ApiResult<Okay<Seller>> {
    let answer = once(&ctx.store, key, async |tx| {
        let row = account::decide(&tx, id.into(), event, who.actor(), reason.clone()).await?;
        Ok(Okay::new(&row.into()))
    })
    .await?;
    Ok(answer)
}
