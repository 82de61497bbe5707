//! Terms come and go: taxes, commissions, promotions, prices, stock, sellers.

use std::sync::Arc;

use chrono::TimeDelta;
use souk_domain::account::transition::SellerEvent;
use souk_domain::cart::Owner;
use souk_domain::catalogue::{self, inventory};
use souk_domain::commission::{self, NewRule};
use souk_domain::error::Result;
use souk_domain::money::Money;
use souk_domain::order::pricing::commission::CommissionTerms;
use souk_domain::order::pricing::promotion::{Gift, Target};
use souk_domain::order::pricing::tax::{SHIPPING, STANDARD};
use souk_domain::place::Place;
use souk_domain::promotion::{self, NewPromotion, PromotionChange};
use souk_domain::tax::{self, NewExemption, NewRate, NewZone};
use souk_domain::validity::Validity;
use souk_domain::{Tx, account};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::{Bearer, Stacking};

use crate::world::World;

impl World {
    fn valid_now(&self) -> Validity {
        Validity { starts_at: self.now(), ends_at: None }
    }

    pub async fn make_taxes(&mut self) -> Result<()> {
        for (country, region, included) in [("US", None, false), ("US", Some("NY"), false), ("DE", None, true)] {
            let place = Place::new(country, region)?;
            let new = NewZone { name: country.into(), place, prices_include_tax: included };
            let zone = self.store.write(async |tx| tax::create_zone(&tx, new.clone()).await).await?;
            self.zones.push(zone.id);
            for class in [STANDARD, "reduced", SHIPPING] {
                if self.dice.chance(70) {
                    self.add_rate(self.zones.len() - 1, class).await?;
                }
            }
        }
        if let Owner::User(user) = self.shoppers[1].0 {
            let new = NewExemption { user, country: None, certificate: "EX-1".into(), validity: self.valid_now() };
            self.store.write(async |tx| tax::exempt(&tx, new.clone()).await).await?;
        }
        Ok(())
    }

    async fn add_rate(&mut self, zone: usize, class: &str) -> Result<()> {
        let most = self.dice.one([70_000, 88_750, 190_000, 250_000, 1_000_000]);
        let new = NewRate {
            class: class.into(),
            name: format!("Tax on {class}"),
            rate: self.dice.rate(most),
            validity: self.valid_now(),
        };
        let zone = self.zones[zone];
        self.store.write(async |tx| tax::add_rate(&tx, zone, new.clone()).await).await?;
        Ok(())
    }

    pub async fn make_commission(&mut self) -> Result<()> {
        self.pass(TimeDelta::seconds(1));
        let currency = self.currency();
        let dice = &mut self.dice;
        let minimum = dice.chance(30).then(|| MinorUnits(dice.within(0, 300)));
        let maximum = dice.chance(30).then(|| MinorUnits(dice.within(300, 2_000)));
        let terms = CommissionTerms {
            rate: dice.rate(300_000),
            flat: MinorUnits(if dice.chance(40) { dice.within(1, 99) } else { 0 }),
            minimum,
            maximum,
        };
        let seller = dice.chance(40).then(|| dice.index(self.shops.len()));
        let category = dice.chance(40).then(|| dice.pick(&self.categories)).flatten();
        let new = NewRule {
            name: "Commission".into(),
            seller: seller.map(|at| self.shops[at].seller),
            category,
            terms,
            currency: Some(currency),
            validity: self.valid_now(),
        };
        self.store.write(async |tx| commission::create(&tx, new.clone()).await).await?;
        Ok(())
    }

    pub async fn make_promotion(&mut self) -> Result<()> {
        self.pass(TimeDelta::seconds(1));
        let (shop, currency) = (self.some_shop(), self.currency());
        let offers = self.shops[shop].offers_in(currency);
        let dice = &mut self.dice;
        let most = dice.one([100_000, 333_333, 1_000_000]);
        let rate = RatePpm(if dice.chance(50) { most } else { dice.within(1, most) });
        let gift = match dice.within(0, 5) {
            0 | 1 => Gift::Percentage(rate),
            2 => Gift::Fixed(MinorUnits(dice.within(1, 3_000))),
            3 => Gift::Shipping(rate),
            _ => Gift::BuyXGetY { buy: dice.within(1, 3), get: dice.within(1, 2), rate },
        };
        let own = dice.chance(40);
        let target = match dice.within(0, 4) {
            0 => Target::Seller(self.shops[shop].seller),
            1 => Target::Category(dice.pick(&self.categories).unwrap()),
            2 if !offers.is_empty() => Target::Offers(dice.some_of(&offers, 3).into_iter().collect()),
            _ => Target::Order,
        };
        let code = dice.chance(60).then(|| format!("CODE-{}", self.codes.len()));
        let new = NewPromotion {
            seller: own.then(|| self.shops[shop].seller),
            name: "Promotion".into(),
            code: code.clone(),
            gift,
            currency: Some(currency),
            target,
            borne_by: if own || dice.chance(40) { Bearer::Seller } else { Bearer::Platform },
            stacking: if dice.chance(70) { Stacking::Combinable } else { Stacking::Exclusive },
            priority: dice.one([0, 10, 10, 20]),
            minimum_spend: MinorUnits(if dice.chance(30) { dice.within(0, 5_000) } else { 0 }),
            maximum_discount: dice.chance(30).then(|| MinorUnits(dice.within(1, 2_000))),
            usage_limit: dice.chance(40).then(|| dice.within(1, 6)),
            shopper_limit: dice.chance(40).then(|| dice.within(1, 3)),
            validity: Validity { starts_at: self.store.now(), ends_at: None },
        };
        let made = self.store.write(async |tx| promotion::create(&tx, new.clone()).await).await?;
        self.codes.extend(code);
        self.promotions.push(made.id);
        Ok(())
    }

    /// It ends, rests, or gets another limit; limits that are too low are refused.
    async fn change_promotion(&mut self) -> Result<()> {
        let id = self.dice.pick(&self.promotions).unwrap();
        let change = match self.dice.within(0, 3) {
            0 => PromotionChange { active: Some(self.dice.chance(50)), ..Default::default() },
            1 => PromotionChange { ends_at: Some(self.now() + TimeDelta::days(2)), ..Default::default() },
            _ => PromotionChange { usage_limit: Some(self.dice.within(1, 20)), ..Default::default() },
        };
        let write = async |tx: Arc<Tx>| promotion::change(&tx, None, id, change.clone(), None).await;
        self.store.write(write).await?;
        Ok(())
    }

    /// Something is different from now on.
    pub async fn change_terms(&mut self) -> Result<()> {
        let at = self.some_shop();
        let (seller, actor) = (self.shops[at].seller, self.operator());
        match self.dice.within(0, 9) {
            0 => self.make_commission().await,
            1 => {
                let zone = self.dice.index(self.zones.len());
                let class = self.dice.one([STANDARD, "reduced", SHIPPING]);
                self.add_rate(zone, class).await
            }
            2 => self.make_promotion().await,
            3 => self.change_promotion().await,
            4 => self.change_seller_terms(at).await,
            5 => {
                let event = self.dice.one([SellerEvent::Suspend, SellerEvent::Approve, SellerEvent::Approve]);
                self.store.write(async |tx| account::decide(&tx, seller, event, actor, None).await).await?;
                Ok(())
            }
            6 => self.make_offer(at).await,
            7 => {
                let (offer, currency) = self.dice.pick(&self.shops[at].offers).unwrap();
                let price = Money { amount: MinorUnits(self.dice.price()), currency };
                let active = self.dice.chance(90);
                let write = async |tx: Arc<Tx>| {
                    catalogue::change_offer(&tx, seller, offer, Some(price), Some(active), None).await
                };
                self.store.write(write).await?;
                Ok(())
            }
            _ => {
                let (offer, _) = self.dice.pick(&self.shops[at].offers).unwrap();
                let house = self.dice.pick(&self.shops[at].warehouses).unwrap();
                let units = self.dice.within(0, 200);
                let write = async |tx: Arc<Tx>| inventory::set_on_hand(&tx, seller, offer, house, units, None).await;
                self.store.write(write).await?;
                Ok(())
            }
        }
    }
}
