//! What makers of promotions send, and which parts of it go together.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use poem_openapi::types::Example;
use souk_domain::money::{Money, currency};
use souk_domain::order::pricing::promotion::{Gift, Target};
use souk_domain::promotion::{NewPromotion, PromotionChange};
use souk_domain::validity::Validity;
use souk_domain::{Error, Result};
use souk_entity::id::{OfferId, SellerId};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status::{Bearer as Bears, PromotionKind as Kind, PromotionTarget as For, Stacking as Stacks};
use uuid::Uuid;

use super::percent;
use crate::view::words::{Bearer, PromotionKind, PromotionTarget, Stacking};

/// The priority of a promotion that names none.
const USUAL_PRIORITY: i32 = 100;

/// A promotion's terms.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreatePromotion {
    /// As shoppers are told.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// What the shopper types: 3 to 40 letters, digits and hyphens, upper and lower case being the same. Without it the
    /// promotion applies by itself.
    #[oai(validator(max_length = 40))]
    code: Option<String>,
    /// What it takes off.
    kind: PromotionKind,
    /// More than 0 and up to 100, such as `12.5`: of the goods (`percentage`), of shipping (`free_shipping`) or of the
    /// units that are given (`buy_x_get_y`); 100 when left out of the last two.
    #[oai(validator(max_length = 10))]
    percent: Option<String>,
    /// Off the goods, of `fixed`.
    #[oai(validator(max_length = 24))]
    amount: Option<String>,
    /// Units at their price, of `buy_x_get_y`: 1 to 9999.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    buy_quantity: Option<i64>,
    /// Units that the percentage is taken off, of `buy_x_get_y`: of every `buy_quantity + get_quantity` units the
    /// cheapest. 1 to 9999.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    get_quantity: Option<i64>,
    /// ISO 4217: only orders in it; needed for amounts. Any currency when left out.
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// What it is for; a seller's own promotion is for nothing but that seller's goods in any case.
    target: PromotionTarget,
    /// The seller it is for, of the target `seller`; a seller may leave it out.
    seller_id: Option<Uuid>,
    /// The category it is for, with those below it, of the target `category`.
    category_id: Option<Uuid>,
    /// The offers it is for, of the target `offers`.
    #[oai(validator(min_items = 1, max_items = 500))]
    offer_ids: Option<Vec<Uuid>>,
    /// Who makes it good. The marketplace when left out; a seller's own promotion is always borne by the seller.
    borne_by: Option<Bearer>,
    /// Whether it shares lines with others; `combinable` when left out.
    stacking: Option<Stacking>,
    /// 0 to 1000; lower ones are applied first. 100 when left out.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    priority: Option<i32>,
    /// The goods that it is for must cost at least this, before discounts.
    #[oai(validator(max_length = 24))]
    minimum_spend: Option<String>,
    /// It takes off at most this.
    #[oai(validator(max_length = 24))]
    maximum_discount: Option<String>,
    /// So many orders can use it; any number when left out.
    #[oai(validator(minimum(value = "1")))]
    usage_limit: Option<i64>,
    /// So many orders of one shopper can use it; any number when left out.
    #[oai(validator(minimum(value = "1")))]
    shopper_limit: Option<i64>,
    /// Valid from then; from now when left out.
    starts_at: Option<DateTime<Utc>>,
    /// Valid until then; for ever when left out.
    ends_at: Option<DateTime<Utc>>,
}

impl Example for CreatePromotion {
    fn example() -> Self {
        Self {
            name: "Welcome".into(),
            code: Some("WELCOME10".into()),
            kind: PromotionKind::Percentage,
            percent: Some("10".into()),
            amount: None,
            buy_quantity: None,
            get_quantity: None,
            currency: Some("USD".into()),
            target: PromotionTarget::Order,
            seller_id: None,
            category_id: None,
            offer_ids: None,
            borne_by: None,
            stacking: Some(Stacking::Combinable),
            priority: Some(USUAL_PRIORITY),
            minimum_spend: Some("50.00".into()),
            maximum_discount: Some("25.00".into()),
            usage_limit: Some(1_000),
            shopper_limit: Some(1),
            starts_at: None,
            ends_at: None,
        }
    }
}

impl CreatePromotion {
    /// As the domain takes them; made by `owner`, or by the marketplace.
    ///
    /// # Errors
    /// [`souk_domain::Code::InvalidValue`], [`souk_domain::Code::InvalidMoney`].
    pub fn read(self, owner: Option<SellerId>, now: DateTime<Utc>) -> Result<NewPromotion> {
        self.goes_together()?;
        let currency = self.currency.as_deref().map(currency).transpose()?;
        let bearer = if owner.is_some() { Bears::Seller } else { Bears::Platform };
        Ok(NewPromotion {
            seller: owner,
            gift: self.gift(currency)?,
            currency,
            target: self.target(owner)?,
            borne_by: self.borne_by.map_or(bearer, Bears::from),
            stacking: self.stacking.map_or(Stacks::Combinable, Stacks::from),
            priority: self.priority.unwrap_or(USUAL_PRIORITY),
            minimum_spend: parse(self.minimum_spend.as_deref(), currency)?.unwrap_or_default(),
            maximum_discount: parse(self.maximum_discount.as_deref(), currency)?,
            usage_limit: self.usage_limit,
            shopper_limit: self.shopper_limit,
            validity: Validity::new(self.starts_at, self.ends_at, now)?,
            name: self.name,
            code: self.code,
        })
    }

    /// Every field that is sent belongs to the kind and the target.
    fn goes_together(&self) -> Result<()> {
        let (kind, target) = (Kind::from(self.kind), For::from(self.target));
        let quantities = kind == Kind::BuyXGetY;
        let of_kind = [
            ("percent", self.percent.is_some(), kind != Kind::Fixed),
            ("amount", self.amount.is_some(), kind == Kind::Fixed),
            ("maximum_discount", self.maximum_discount.is_some(), kind != Kind::Fixed),
            ("buy_quantity", self.buy_quantity.is_some(), quantities),
            ("get_quantity", self.get_quantity.is_some(), quantities),
        ];
        let of_target = [
            ("seller_id", self.seller_id.is_some(), target == For::Seller),
            ("category_id", self.category_id.is_some(), target == For::Category),
            ("offer_ids", self.offer_ids.is_some(), target == For::Offers),
        ];
        let stray = |fields: &[(&'static str, bool, bool)]| {
            fields.iter().find(|(_, sent, belongs)| *sent && !belongs).map(|(field, ..)| *field)
        };
        match (stray(&of_kind), stray(&of_target)) {
            (Some(field), _) => Err(Error::invalid(format!("{field} does not go with the kind {kind}; leave it out."))),
            (_, Some(field)) => {
                Err(Error::invalid(format!("{field} does not go with the target {target}; leave it out.")))
            }
            (None, None) => Ok(()),
        }
    }

    fn gift(&self, currency: Option<CurrencyCode>) -> Result<Gift> {
        let percent = self.percent.as_deref().map(percent::parse).transpose()?;
        let all = percent.unwrap_or(RatePpm(1_000_000));
        let needs = |field: &str, kind: &str| Error::invalid(format!("A promotion of kind {kind} needs {field}."));
        Ok(match Kind::from(self.kind) {
            Kind::Percentage => Gift::Percentage(percent.ok_or_else(|| needs("percent", "percentage"))?),
            Kind::Fixed => {
                Gift::Fixed(parse(self.amount.as_deref(), currency)?.ok_or_else(|| needs("amount", "fixed"))?)
            }
            Kind::FreeShipping => Gift::Shipping(all),
            Kind::BuyXGetY => Gift::BuyXGetY {
                buy: self.buy_quantity.ok_or_else(|| needs("buy_quantity", "buy_x_get_y"))?,
                get: self.get_quantity.ok_or_else(|| needs("get_quantity", "buy_x_get_y"))?,
                rate: all,
            },
        })
    }

    fn target(&self, owner: Option<SellerId>) -> Result<Target> {
        let needs = |field: &str, target: &str| Error::invalid(format!("A promotion for {target} needs {field}."));
        Ok(match For::from(self.target) {
            For::Order => Target::Order,
            For::Seller => {
                let seller = self.seller_id.map(SellerId).or(owner);
                Target::Seller(seller.ok_or_else(|| needs("seller_id", "a seller"))?)
            }
            For::Category => {
                Target::Category(self.category_id.ok_or_else(|| needs("category_id", "a category"))?.into())
            }
            For::Offers => {
                let offers = self.offer_ids.as_ref().ok_or_else(|| needs("offer_ids", "offers"))?;
                Target::Offers(offers.iter().copied().map(OfferId).collect())
            }
        })
    }
}

/// An amount of the promotion's currency, where it is sent.
fn parse(text: Option<&str>, currency: Option<CurrencyCode>) -> Result<Option<MinorUnits>> {
    let Some(text) = text else { return Ok(None) };
    let currency = currency.ok_or_else(|| Error::invalid("Send the currency of the amounts."))?;
    Money::parse(text, currency).map(|money| Some(money.amount))
}

/// What is to be different of a promotion; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ChangePromotion {
    /// As shoppers are told.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: Option<String>,
    /// Whether it can be used.
    active: Option<bool>,
    /// Valid until then, not in the past.
    ends_at: Option<DateTime<Utc>>,
    /// So many orders can use it; not fewer than do.
    #[oai(validator(minimum(value = "1")))]
    usage_limit: Option<i64>,
    /// 0 to 1000; lower ones are applied first.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    priority: Option<i32>,
}

impl Example for ChangePromotion {
    fn example() -> Self {
        Self { name: None, active: Some(false), ends_at: None, usage_limit: Some(2_000), priority: None }
    }
}

impl From<ChangePromotion> for PromotionChange {
    fn from(body: ChangePromotion) -> Self {
        Self {
            name: body.name,
            active: body.active,
            ends_at: body.ends_at,
            usage_limit: body.usage_limit,
            priority: body.priority,
        }
    }
}
