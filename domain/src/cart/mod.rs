//! Carts: what a shopper, guest or signed in, has gathered before checkout.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QuerySelect,
};
use souk_entity::id::{CartId, OfferId, SellerId, ShippingMethodId, UserId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{CartStatus, CouponKind};
use souk_entity::{cart, cart_line, cart_shipping, coupon, offer, shipping_method};

use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::order::basket::{self, Basket};
use crate::order::pricing::{self, CouponTerms, MOST_LINES, Priced};
use crate::store::Tx;

/// The most units of one offer in a cart.
pub const MOST_UNITS: i64 = 9_999;

/// A cart that is not touched for this long is closed.
pub const LIFETIME: TimeDelta = TimeDelta::days(7);

/// Who a cart or order belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A signed-in shopper.
    User(UserId),
    /// A guest, by the SHA-256 of their token in hexadecimal.
    Guest(String),
}

impl Owner {
    /// The two columns that say so.
    pub fn columns(&self) -> (Option<UserId>, Option<String>) {
        match self {
            Self::User(user) => (Some(*user), None),
            Self::Guest(hash) => (None, Some(hash.clone())),
        }
    }
}

/// The condition that a cart is the owner's.
pub fn owned_by(owner: &Owner) -> Condition {
    Condition::all().add(match owner {
        Owner::User(user) => cart::Column::UserId.eq(*user),
        Owner::Guest(hash) => cart::Column::GuestTokenHash.eq(hash.clone()),
    })
}

/// A cart with its lines and what they would cost now.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The cart.
    pub cart: cart::Model,
    /// Its lines.
    pub basket: Basket,
    /// The coupon put in, if any.
    pub coupon: Option<coupon::Model>,
    /// The amounts; where the coupon does not apply (any more), without it.
    pub priced: Priced,
    /// Why checkout would be refused now, if it would.
    pub obstacle: Option<Obstacle>,
}

/// Why checkout would be refused.
#[derive(Clone, Debug)]
pub struct Obstacle {
    /// The code that checkout would answer with.
    pub code: Code,
    /// The sentence.
    pub message: String,
}

/// Starts a cart.
///
/// # Errors
/// [`Code::InvalidMoney`] for a currency that cannot be priced in.
pub async fn create(tx: &Tx, owner: &Owner, currency: CurrencyCode) -> Result<cart::Model> {
    crate::money::exponent(currency)?;
    let (user_id, guest_token_hash) = owner.columns();
    let cart = cart::Model {
        id: CartId::at(tx.now),
        user_id,
        guest_token_hash,
        currency,
        status: CartStatus::Open,
        coupon_id: None,
        expires_at: tx.now + LIFETIME,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    cart::Entity::insert(cart.clone().into_active_model()).exec_without_returning(&**tx).await?;
    job::enqueue(tx, &Task::ExpireCart { cart_id: cart.id }, cart.expires_at).await?;
    Ok(cart)
}

/// Locks an open cart for a change and raises its version.
///
/// # Errors
/// [`Code::NotFound`], [`Code::CartCompleted`], [`Code::CartExpired`]; [`Code::StaleVersion`] when
/// `if_version` is given and is not the present one.
pub async fn touch(tx: &Tx, id: CartId, owner: &Owner, if_version: Option<i64>) -> Result<cart::Model> {
    let mut cart = cart::Entity::find_by_id(id)
        .filter(owned_by(owner))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("cart"))?;
    match cart.status {
        CartStatus::Completed => return Err(Error::new(Code::CartCompleted, "The cart has become an order.")),
        CartStatus::Expired => return Err(expired()),
        CartStatus::Open if cart.expires_at <= tx.now => return Err(expired()),
        CartStatus::Open => {}
    }
    crate::store::check_version(if_version, cart.version)?;
    cart.version += 1;
    cart.expires_at = tx.now + LIFETIME;
    cart.updated_at = tx.now;
    let row = cart::ActiveModel {
        id: Set(id),
        version: Set(cart.version),
        expires_at: Set(cart.expires_at),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    cart::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(cart)
}

fn expired() -> Error {
    Error::new(Code::CartExpired, "The cart's time is over; start a new one.")
}

/// Puts lines into a cart: the quantity of an offer that is there already is replaced.
///
/// # Errors
/// [`Code::InvalidValue`] for a quantity outside 1..=[`MOST_UNITS`] or too many lines;
/// [`Code::OfferUnavailable`]; [`Code::InvalidMoney`] for an offer in another currency.
pub async fn put_lines(tx: &Tx, cart: &cart::Model, lines: &[(OfferId, i64)]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    if let Some((_, quantity)) = lines.iter().find(|(_, quantity)| !(1..=MOST_UNITS).contains(quantity)) {
        return Err(Error::invalid(format!("A quantity is 1 to {MOST_UNITS}; {quantity} is not.")));
    }
    let ids: std::collections::BTreeSet<OfferId> = lines.iter().map(|(offer, _)| *offer).collect();
    if ids.len() != lines.len() {
        return Err(Error::invalid("An offer is named twice; name it once with the quantity wanted."));
    }
    let offers = offer::Entity::find().filter(offer::Column::Id.is_in(ids.iter().copied())).all(&**tx).await?;
    for id in &ids {
        let offer = offers.iter().find(|offer| offer.id == *id && offer.active);
        let offer =
            offer.ok_or_else(|| Error::new(Code::OfferUnavailable, format!("The offer {id} is not for sale.")))?;
        if offer.currency != cart.currency {
            let message =
                format!("The offer {id} is priced in {} and the cart is in {}.", offer.currency, cart.currency);
            return Err(Error::new(Code::InvalidMoney, message));
        }
    }
    let rows = lines.iter().map(|(offer_id, quantity)| cart_line::ActiveModel {
        cart_id: Set(cart.id),
        offer_id: Set(*offer_id),
        quantity: Set(*quantity),
        added_at: Set(tx.now),
    });
    cart_line::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([cart_line::Column::CartId, cart_line::Column::OfferId])
                .update_column(cart_line::Column::Quantity)
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    let count = cart_line::Entity::find().filter(cart_line::Column::CartId.eq(cart.id)).count(&**tx).await?;
    if usize::try_from(count).is_ok_and(|count| count <= MOST_LINES) {
        Ok(())
    } else {
        Err(Error::invalid(format!("A cart has at most {MOST_LINES} lines.")))
    }
}

/// Takes a line out.
///
/// # Errors
/// [`Code::NotFound`] when the offer is not in the cart.
pub async fn remove_line(tx: &Tx, cart: &cart::Model, offer: OfferId) -> Result<()> {
    let gone = cart_line::Entity::delete_many()
        .filter(cart_line::Column::CartId.eq(cart.id))
        .filter(cart_line::Column::OfferId.eq(offer))
        .exec(&**tx)
        .await?;
    if gone.rows_affected == 1 { Ok(()) } else { Err(Error::not_found("cart line")) }
}

/// Chooses how a seller's part is shipped.
///
/// # Errors
/// [`Code::NotFound`] when the method is not an active one of that seller;
/// [`Code::InvalidMoney`] when its currency is not the cart's.
pub async fn choose_shipping(tx: &Tx, cart: &cart::Model, seller: SellerId, method: ShippingMethodId) -> Result<()> {
    let found = shipping_method::Entity::find_by_id(method)
        .filter(shipping_method::Column::SellerId.eq(seller))
        .filter(shipping_method::Column::Active.eq(true))
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::new(Code::NotFound, "The seller has no such shipping method."))?;
    if found.currency != cart.currency {
        let message = format!("The method is priced in {} and the cart is in {}.", found.currency, cart.currency);
        return Err(Error::new(Code::InvalidMoney, message));
    }
    let row =
        cart_shipping::ActiveModel { cart_id: Set(cart.id), seller_id: Set(seller), shipping_method_id: Set(method) };
    cart_shipping::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([cart_shipping::Column::CartId, cart_shipping::Column::SellerId])
                .update_column(cart_shipping::Column::ShippingMethodId)
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

/// Puts a coupon into a cart, or takes it out (`None`).
///
/// # Errors
/// [`Code::CouponNotApplicable`] when it is unknown, over, or not for this cart's currency.
pub async fn set_coupon(tx: &Tx, cart: &cart::Model, code: Option<&str>) -> Result<()> {
    let coupon = match code {
        None => None,
        Some(code) => {
            let found = coupon::Entity::find().filter(coupon::Column::Code.eq(code.to_uppercase())).one(&**tx).await?;
            let found =
                found.ok_or_else(|| Error::new(Code::CouponNotApplicable, format!("There is no coupon {code}.")))?;
            terms(&found, cart.currency, tx.now)?;
            if found.usage_limit.is_some_and(|limit| found.used >= limit) {
                return Err(Error::new(Code::CouponExhausted, "The coupon has no use left."));
            }
            Some(found.id)
        }
    };
    let row = cart::ActiveModel { id: Set(cart.id), coupon_id: Set(coupon), ..Default::default() };
    cart::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// A coupon's terms for a cart in `currency` at `now`.
///
/// # Errors
/// [`Code::CouponNotApplicable`].
pub fn terms(coupon: &coupon::Model, currency: CurrencyCode, now: DateTime<Utc>) -> Result<CouponTerms> {
    let refuse = |why: &str| Err(Error::new(Code::CouponNotApplicable, format!("The coupon {} {why}.", coupon.code)));
    if !coupon.active || coupon.starts_at > now || coupon.ends_at.is_some_and(|ends| ends <= now) {
        return refuse("is not valid now");
    }
    if coupon.currency.is_some_and(|only| only != currency) {
        return refuse("is for another currency");
    }
    if coupon.kind == CouponKind::Fixed && coupon.currency.is_none() {
        return refuse("has no currency");
    }
    Ok(CouponTerms {
        kind: coupon.kind,
        value: coupon.value,
        seller_id: coupon.seller_id,
        minimum_spend: MinorUnits(coupon.minimum_spend.0),
        maximum_discount: coupon.maximum_discount,
    })
}

/// Reads a cart and prices it; what would stop a checkout is told, not hidden.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn quote(db: &impl ConnectionTrait, id: CartId, owner: &Owner, now: DateTime<Utc>) -> Result<Quote> {
    let cart =
        cart::Entity::find_by_id(id).filter(owned_by(owner)).one(db).await?.ok_or_else(|| Error::not_found("cart"))?;
    let basket = basket::read(db, id, cart.currency).await?;
    let coupon = match cart.coupon_id {
        Some(id) => coupon::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let items = basket.items();
    let mut obstacle = None;
    let terms = coupon.as_ref().map(|coupon| terms(coupon, cart.currency, now)).transpose();
    let with_coupon = terms.and_then(|terms| pricing::price(&items, &basket.shipping, terms.as_ref()));
    let priced = match with_coupon {
        Ok(priced) => priced,
        Err(error) => {
            obstacle = Some(error);
            pricing::price(&items, &basket.shipping, None)?
        }
    };
    if let Err(error) = basket.check(cart.currency) {
        obstacle = Some(error);
    } else if let Some(error) = crate::order::stock::shortage(&basket.lines) {
        obstacle = Some(error);
    }
    if cart.status == CartStatus::Open && cart.expires_at <= now {
        obstacle = Some(expired());
    }
    let obstacle = obstacle.map(|error| Obstacle { code: error.code, message: error.message });
    Ok(Quote { cart, basket, coupon, priced, obstacle })
}

/// Closes a cart whose time is over. Returns when to look again if it was touched since.
///
/// # Errors
/// The database's.
pub async fn expire(tx: &Tx, id: CartId) -> Result<Option<DateTime<Utc>>> {
    let closed = cart::Entity::update_many()
        .col_expr(cart::Column::Status, Expr::value(CartStatus::Expired))
        .col_expr(cart::Column::Version, Expr::col(cart::Column::Version).add(1_i64))
        .col_expr(cart::Column::UpdatedAt, Expr::value(tx.now))
        .filter(cart::Column::Id.eq(id))
        .filter(cart::Column::Status.eq(CartStatus::Open))
        .filter(cart::Column::ExpiresAt.lte(tx.now))
        .exec(&**tx)
        .await?;
    if closed.rows_affected == 1 {
        return Ok(None);
    }
    let cart = cart::Entity::find_by_id(id).one(&**tx).await?;
    Ok(cart.filter(|cart| cart.status == CartStatus::Open).map(|cart| cart.expires_at))
}
