//! Carts: what a shopper, guest or signed in, has gathered before checkout.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QuerySelect,
};
use souk_entity::id::{CartId, OfferId, SellerId, ShippingMethodId, UserId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{CartStatus, SellerStatus};
use souk_entity::{cart, cart_line, cart_promotion, cart_shipping, offer, promotion, seller, shipping_method};

use crate::account::holiday::Holiday;
use crate::catalogue::shown::can_be_sold;
use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::order::basket::{self, Basket};
use crate::order::pricing::shipping::Shipping;
use crate::order::pricing::{MOST_LINES, Priced};
use crate::order::terms::{self, Buyer, Candidate};
use crate::place::Place;
use crate::store::Tx;

/// The most units of one offer in a cart.
pub const MOST_UNITS: i64 = 9_999;

/// A cart that is not touched for this long is closed.
pub const LIFETIME: TimeDelta = TimeDelta::days(7);

/// Who a cart or order belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// The promotions whose codes are in it, and those that apply by themselves.
    pub promotions: Vec<promotion::Model>,
    /// The amounts, without the codes that do not apply (any more).
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
        ship_to_country: None,
        ship_to_region: None,
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
/// [`Code::OfferUnavailable`]; [`Code::SellerOnHoliday`]; [`Code::InvalidMoney`] for an offer in another currency.
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
    let offers = offer::Entity::find()
        .filter(offer::Column::Id.is_in(ids.iter().copied()))
        .filter(can_be_sold())
        .find_also_related(seller::Entity)
        .all(&**tx)
        .await?;
    for id in &ids {
        let found =
            offers.iter().find_map(|(offer, seller)| Some((offer, seller.as_ref()?)).filter(|_| offer.id == *id));
        let (offer, seller) =
            found
                .filter(|(offer, seller)| offer.active && seller.status == SellerStatus::Approved)
                .ok_or_else(|| Error::new(Code::OfferUnavailable, format!("The offer {id} is not for sale.")))?;
        if let Some(holiday) = Holiday::of(seller).filter(|holiday| holiday.is_on(tx.now)) {
            return Err(holiday.refuse(&seller.name));
        }
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

/// The most codes in a cart.
pub const MOST_CODES: u64 = 10;

/// Puts the promotion of a code into a cart; one that is in it already stays.
///
/// # Errors
/// [`Code::CouponNotApplicable`] when it is unknown, not on, over, or not for this cart's currency;
/// [`Code::CouponExhausted`]; [`Code::InvalidValue`] for more than [`MOST_CODES`].
pub async fn add_code(tx: &Tx, cart: &cart::Model, code: &str) -> Result<()> {
    let code = code.trim().to_uppercase();
    let found = promotion::Entity::find()
        .filter(promotion::Column::Code.eq(&code))
        .one(&**tx)
        .await?
        .ok_or_else(|| terms::no_such_code(&code))?;
    let promotion_id = found.id;
    Candidate { row: found, offers: HashSet::new() }.check(cart.currency, tx.now)?;
    let row = cart_promotion::ActiveModel { cart_id: Set(cart.id), promotion_id: Set(promotion_id) };
    cart_promotion::Entity::insert(row)
        .on_conflict_do_nothing_on([cart_promotion::Column::CartId, cart_promotion::Column::PromotionId])
        .exec_without_returning(&**tx)
        .await?;
    let count = cart_promotion::Entity::find().filter(cart_promotion::Column::CartId.eq(cart.id)).count(&**tx).await?;
    if count <= MOST_CODES {
        Ok(())
    } else {
        Err(Error::invalid(format!("A cart has at most {MOST_CODES} codes; take one out first.")))
    }
}

/// Takes a code out of a cart.
///
/// # Errors
/// [`Code::NotFound`] when it is not in the cart.
pub async fn remove_code(tx: &Tx, cart: &cart::Model, code: &str) -> Result<()> {
    let of_code = Query::select()
        .column(promotion::Column::Id)
        .from(promotion::Entity)
        .and_where(promotion::Column::Code.eq(code.trim().to_uppercase()))
        .to_owned();
    let gone = cart_promotion::Entity::delete_many()
        .filter(cart_promotion::Column::CartId.eq(cart.id))
        .filter(cart_promotion::Column::PromotionId.in_subquery(of_code))
        .exec(&**tx)
        .await?;
    if gone.rows_affected == 1 { Ok(()) } else { Err(Error::not_found("code in this cart")) }
}

/// Says where the goods are to go, so that shipping and tax can be quoted.
///
/// # Errors
/// The database's.
pub async fn set_destination(tx: &Tx, cart: &cart::Model, to: &Place) -> Result<()> {
    let row = cart::ActiveModel {
        id: Set(cart.id),
        ship_to_country: Set(Some(to.country.clone())),
        ship_to_region: Set(Some(to.region.clone())),
        ..Default::default()
    };
    cart::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Where a cart's goods are to go, as far as it is known.
pub fn destination(cart: &cart::Model) -> Option<Place> {
    cart.ship_to_country.as_deref().map(|country| Place::of_address(country, cart.ship_to_region.as_deref()))
}

/// Reads a cart and prices it; what would stop a checkout is told, not hidden.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn quote(db: &impl ConnectionTrait, id: CartId, owner: &Owner, now: DateTime<Utc>) -> Result<Quote> {
    let cart = find(db, id, owner).await?;
    let to = destination(&cart);
    let basket = basket::read(db, id, cart.currency, to.as_ref()).await?;
    let user_id = owner.columns().0;
    let buyer = Buyer { user_id, shopper: user_id.map(|user| user.to_string()) };
    let terms = terms::read(db, id, &basket, (cart.currency, now), to.as_ref(), user_id).await?;
    let (priced, mut obstacle) = terms.price_with_what_applies(db, &basket, &buyer).await?;
    if let Err(error) = terms.tax.check() {
        obstacle = Some(error);
    }
    if let Err(error) = basket.check(cart.currency, now) {
        obstacle = Some(error);
    } else if let Some(error) = crate::order::stock::shortage(&basket.lines) {
        obstacle = Some(error);
    }
    if cart.status == CartStatus::Open && cart.expires_at <= now {
        obstacle = Some(expired());
    }
    let obstacle = obstacle.map(|error| Obstacle { code: error.code, message: error.message });
    let promotions = terms.promotions.into_iter().map(|candidate| candidate.row).collect();
    Ok(Quote { cart, basket, promotions, priced, obstacle })
}

async fn find(db: &impl ConnectionTrait, id: CartId, owner: &Owner) -> Result<cart::Model> {
    cart::Entity::find_by_id(id).filter(owned_by(owner)).one(db).await?.ok_or_else(|| Error::not_found("cart"))
}

/// A way one seller's part of a cart can be shipped.
#[derive(Clone, Debug)]
pub struct ShippingOption {
    /// The seller.
    pub seller_id: SellerId,
    /// The method.
    pub method: Shipping,
    /// Its price for what is in the cart, before discounts on shipping.
    pub price: MinorUnits,
    /// Whether it is the one that the cart is priced with.
    pub selected: bool,
}

/// How each seller's part of a cart can be shipped to where it goes, the cheapest first. Methods
/// that do not ship there or cannot carry the weight are left out.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn shipping_options(
    db: &impl ConnectionTrait,
    id: CartId,
    owner: &Owner,
) -> Result<(cart::Model, Vec<ShippingOption>)> {
    let cart = find(db, id, owner).await?;
    let basket = basket::read(db, id, cart.currency, destination(&cart).as_ref()).await?;
    let mut options = Vec::new();
    for (seller_id, methods) in &basket.methods {
        let grams = basket.grams(*seller_id);
        let selected = basket.shipping.get(seller_id).map(|method| method.method_id);
        let mut own: Vec<ShippingOption> = methods
            .iter()
            .filter_map(|method| {
                let price = method.price(grams)?;
                let selected = selected == Some(method.method_id);
                Some(ShippingOption { seller_id: *seller_id, method: method.clone(), price, selected })
            })
            .collect();
        own.sort_by_key(|option| (option.price, option.method.method_id));
        options.append(&mut own);
    }
    Ok((cart, options))
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
