//! A marketplace of random terms, and what the simulation remembers of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use souk_domain::account::transition::SellerEvent;
use souk_domain::account::{SellerSettings, SellerTerms};
use souk_domain::actor::Actor;
use souk_domain::cart::Owner;
use souk_domain::catalogue::{self, NewProduct, NewWarehouse, inventory};
use souk_domain::error::Result;
use souk_domain::money::Money;
use souk_domain::order::number::OrderNumbers;
use souk_domain::order::pricing::shipping::Tariff;
use souk_domain::order::pricing::tax::STANDARD;
use souk_domain::returns::policy::{self, ReturnPolicy};
use souk_domain::shipping::{self, NewMethod};
use souk_domain::{Store, Tx, account};
use souk_entity::id::{CategoryId, OfferId, OrderId, PromotionId, SellerId, TaxZoneId, UserId, WarehouseId};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status::{LabelPayer, PayoutInterval, UserRole};

use crate::database::Home;
use crate::dice::Dice;
use crate::outside::Outside;

pub struct Shop {
    pub seller: SellerId,
    pub user: UserId,
    pub warehouses: Vec<WarehouseId>,
    pub offers: Vec<(OfferId, CurrencyCode)>,
}

impl Shop {
    pub fn offers_in(&self, currency: CurrencyCode) -> Vec<OfferId> {
        self.offers.iter().filter(|(_, of)| *of == currency).map(|(offer, _)| *offer).collect()
    }

    pub fn actor(&self) -> Actor {
        Actor::Seller(self.seller, self.user)
    }
}

/// An order with who placed it.
#[derive(Clone)]
pub struct Placed {
    pub id: OrderId,
    pub owner: Owner,
}

pub struct World {
    pub home: Home,
    pub store: Store,
    pub dice: Dice,
    pub outside: Outside,
    pub numbers: OrderNumbers,
    /// One or two.
    pub currencies: Vec<CurrencyCode>,
    pub operator: UserId,
    /// Approves what takes two.
    pub second_operator: UserId,
    /// With their e-mail addresses.
    pub shoppers: Vec<(Owner, String)>,
    pub shops: Vec<Shop>,
    pub categories: Vec<CategoryId>,
    pub zones: Vec<TaxZoneId>,
    pub promotions: Vec<PromotionId>,
    pub codes: Vec<String>,
    pub orders: Vec<Placed>,
    /// What each seller was owed after the last step.
    pub books: BTreeMap<(SellerId, CurrencyCode), MinorUnits>,
    pub checked_at: DateTime<Utc>,
    log: Vec<String>,
}

impl World {
    /// A marketplace with sellers, goods, taxes, commissions and promotions.
    pub async fn open(home: Home, seed: u64) -> Result<Self> {
        let mut dice = Dice::new(seed);
        let store = home.store.clone();
        let operator = register(&store, "operator@example.org", UserRole::ReadOnly).await?;
        let second_operator = register(&store, "second@example.org", UserRole::Manager).await?;
        let mut shoppers = Vec::new();
        for name in ["ann", "bob"] {
            let email = format!("{name}@example.org");
            let user = register(&store, &email, UserRole::Customer).await?;
            shoppers.push((Owner::User(user), email));
        }
        shoppers.push((Owner::Guest("f".repeat(64)), "guest@example.org".to_owned()));
        let mut currencies = vec![dice.one(["USD", "EUR"]).parse().unwrap()];
        if dice.chance(30) {
            currencies.push(dice.one(["JPY", "KWD"]).parse().unwrap());
        }
        let mut world = Self {
            checked_at: store.now(),
            home,
            store,
            dice,
            outside: Outside::default(),
            numbers: OrderNumbers::default(),
            currencies,
            operator,
            second_operator,
            shoppers,
            shops: Vec::new(),
            categories: Vec::new(),
            zones: Vec::new(),
            promotions: Vec::new(),
            codes: Vec::new(),
            orders: Vec::new(),
            books: BTreeMap::new(),
            log: Vec::new(),
        };
        world.categories = world.make_categories().await?;
        for _ in 0..world.dice.within(2, 4) {
            world.open_shop().await?;
        }
        world.make_taxes().await?;
        for _ in 0..world.dice.within(1, 3) {
            world.make_commission().await?;
        }
        for _ in 0..world.dice.within(2, 5) {
            world.make_promotion().await?;
        }
        Ok(world)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.store.now()
    }

    pub fn pass(&self, time: TimeDelta) {
        self.store.clock().advance(time);
    }

    pub fn log(&mut self, line: String) {
        self.log.push(line);
    }

    /// What was done, a line each.
    pub fn story(&self) -> String {
        self.log.join("\n")
    }

    pub fn currency(&mut self) -> CurrencyCode {
        self.dice.pick(&self.currencies).unwrap()
    }

    /// Every offer in a currency.
    pub fn offers_in(&self, currency: CurrencyCode) -> Vec<OfferId> {
        self.shops.iter().flat_map(|shop| shop.offers_in(currency)).collect()
    }

    pub fn operator(&self) -> Actor {
        Actor::Operator(self.operator)
    }

    pub fn shop(&self, seller: SellerId) -> &Shop {
        self.shops.iter().find(|shop| shop.seller == seller).unwrap()
    }

    pub fn some_shop(&mut self) -> usize {
        self.dice.index(self.shops.len())
    }

    async fn make_categories(&self) -> Result<Vec<CategoryId>> {
        let write = async |tx: Arc<Tx>| {
            let goods = catalogue::create_category(&tx, "Goods", "goods", None).await?.id;
            let books = catalogue::create_category(&tx, "Books", "books", Some(goods)).await?.id;
            Ok(vec![goods, books])
        };
        self.store.write(write).await
    }

    async fn open_shop(&mut self) -> Result<()> {
        self.pass(TimeDelta::seconds(1));
        let name = format!("Shop {}", self.shops.len());
        let user = register(&self.store, &format!("shop{}@example.org", self.shops.len()), UserRole::Customer).await?;
        let (operator, currencies) = (self.operator(), self.currencies.clone());
        let price = MinorUnits(self.dice.price());
        let tariff = if self.dice.chance(50) {
            Tariff::Flat(price)
        } else {
            Tariff::ByWeight(vec![(1_000, MinorUnits(price.0 / 2)), (100_000, price)])
        };
        let free_over = self.dice.chance(30).then(|| MinorUnits(self.dice.price()));
        let (method_name, warehouses) = (format!("{name} parcel"), self.dice.within(1, 2));
        let write = async |tx: Arc<Tx>| {
            let seller = account::apply(&tx, user, &name).await?.id;
            account::decide(&tx, seller, SellerEvent::Approve, operator, None).await?;
            account::set_payout_account(&tx, seller, "account-1", operator).await?;
            for currency in &currencies {
                let method = NewMethod {
                    name: method_name.clone(),
                    zone: None,
                    currency: *currency,
                    tariff: tariff.clone(),
                    free_over,
                    min_days: 1,
                    max_days: 3,
                };
                shipping::create_method(&tx, seller, method).await?;
            }
            let mut houses = Vec::new();
            for at in 0..warehouses {
                houses.push(catalogue::create_warehouse(&tx, seller, warehouse(at)).await?.id);
            }
            Ok((seller, houses))
        };
        let (seller, warehouses) = self.store.write(write).await?;
        self.shops.push(Shop { seller, user, warehouses, offers: Vec::new() });
        let at = self.shops.len() - 1;
        self.change_seller_terms(at).await?;
        for _ in 0..self.dice.within(2, 4) {
            self.make_offer(at).await?;
        }
        Ok(())
    }

    pub async fn make_offer(&mut self, at: usize) -> Result<()> {
        self.pass(TimeDelta::seconds(1));
        let (seller, houses) = (self.shops[at].seller, self.shops[at].warehouses.clone());
        let product = NewProduct {
            name: "Thing".into(),
            description: "A thing.".into(),
            category: self.dice.chance(70).then(|| self.dice.pick(&self.categories)).flatten(),
            tax_class: self.dice.one([STANDARD, STANDARD, "reduced"]).into(),
        };
        let (price, grams) = (self.dice.price(), i32::try_from(self.dice.within(1, 900)).unwrap());
        let price = Money { amount: MinorUnits(price), currency: self.currency() };
        let sku = format!("{at}-{}", self.shops[at].offers.len());
        let stock: Vec<i64> = houses.iter().map(|_| self.dice.within(20, 200)).collect();
        let write = async |tx: Arc<Tx>| {
            let product = catalogue::create_product(&tx, seller, product.clone()).await?;
            let variant = catalogue::create_variant(&tx, seller, product.id, &sku, "One", grams).await?;
            let offer = catalogue::create_offer(&tx, seller, variant.id, price).await?.id;
            for (house, units) in houses.iter().zip(&stock) {
                inventory::set_on_hand(&tx, seller, offer, *house, *units, None).await?;
            }
            Ok(offer)
        };
        let offer = self.store.write(write).await?;
        self.shops[at].offers.push((offer, price.currency));
        Ok(())
    }

    pub async fn change_seller_terms(&mut self, at: usize) -> Result<()> {
        let dice = &mut self.dice;
        let settings = SellerSettings {
            auto_accept: Some(dice.chance(60)),
            accept_within_hours: Some(48),
            return_window_days: None,
            terms: SellerTerms {
                commission_tax: Some(dice.rate(190_000)),
                payout_interval: Some(dice.one([
                    PayoutInterval::Manual,
                    PayoutInterval::Daily,
                    PayoutInterval::Weekly,
                    PayoutInterval::Monthly,
                ])),
                payout_minimum: Some(MinorUnits(dice.one([0, 0, 500, 5_000]))),
                payout_hold_days: Some(dice.one([0, 3, 14])),
                reserve_rate: Some(dice.rate(400_000)),
                reserve_days: Some(dice.one([0, 7, 30])),
            },
        };
        let returns = ReturnPolicy {
            window_days: dice.one([0, 14, 30]),
            label_paid_by: dice.one([LabelPayer::Seller, LabelPayer::Shopper]),
            restocking: if dice.chance(50) { RatePpm(0) } else { dice.rate(policy::MOST_RESTOCKING.0) },
        };
        let excluded: Vec<CategoryId> =
            if dice.chance(30) { dice.pick(&self.categories).into_iter().collect() } else { Vec::new() };
        let (seller, operator) = (self.shops[at].seller, self.operator());
        let write = async |tx: Arc<Tx>| {
            account::configure(&tx, seller, &settings, operator).await?;
            policy::set(&tx, seller, returns, &excluded, 0, operator).await
        };
        self.store.write(write).await?;
        Ok(())
    }
}

async fn register(store: &Store, email: &str, role: UserRole) -> Result<UserId> {
    Ok(store.write(async |tx| account::register(&tx, email, "Somebody", "hash".into(), role).await).await?.id)
}

fn warehouse(at: i64) -> NewWarehouse {
    NewWarehouse {
        name: format!("House {at}"),
        line1: "Street 1".into(),
        line2: None,
        city: "Town".into(),
        region: None,
        postal_code: "12345".into(),
        country: "US".into(),
    }
}
