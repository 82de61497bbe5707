//! What one placement costs: the number of its SQL statements does not grow with the cart, and not
//! from one version of the code to the next unless somebody decides so here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta};
use sea_orm::{ConnectOptions, Database};
use souk_domain::account::transition::SellerEvent;
use souk_domain::actor::Actor;
use souk_domain::cart::{self, Owner};
use souk_domain::catalogue::{self, NewProduct, NewWarehouse, inventory};
use souk_domain::money::Money;
use souk_domain::order::contact::Address;
use souk_domain::order::number::OrderNumbers;
use souk_domain::order::placement::{Placed, Placement, place};
use souk_domain::order::pricing::promotion::{Gift, Target};
use souk_domain::order::pricing::shipping::Tariff;
use souk_domain::order::pricing::tax::STANDARD;
use souk_domain::promotion::{self, NewPromotion};
use souk_domain::shipping::{self, NewMethod};
use souk_domain::store::NoWake;
use souk_domain::validity::Validity;
use souk_domain::vault::Vault;
use souk_domain::{Clock, Store, Tx, account};
use souk_entity::id::{CartId, OfferId, UserId};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status::{Bearer, Stacking, UserRole};
use souk_migration::{Migrator, MigratorTrait};

/// The statements of a placement within its transaction, BEGIN and COMMIT not counted: the cart
/// is claimed; its lines, shipping methods, promotions, tax rates and commission rules are read; the
/// order, its addresses, seller orders, lines, pricing steps and reservations are written; the
/// history, the events and the job are written; the stock is reserved.
const MOST: usize = 16;

/// A promotion costs two more: its use is counted and written down.
const MOST_WITH_COUPON: usize = MOST + 2;

struct Market {
    store: Store,
    statements: Arc<AtomicUsize>,
    numbers: OrderNumbers,
    shopper: UserId,
    operator: UserId,
    _directory: tempfile::TempDir,
}

fn dollars() -> CurrencyCode {
    "USD".parse().unwrap()
}

fn usd(amount: i64) -> Money {
    Money { amount: MinorUnits(amount), currency: dollars() }
}

impl Market {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = ConnectOptions::new(format!("sqlite://{}/souk.db?mode=rwc", directory.path().display()));
        options.max_connections(1).sqlx_logging(false);
        let mut connection = Database::connect(options).await.unwrap();
        Migrator::up(&connection, None).await.unwrap();
        let statements = Arc::new(AtomicUsize::new(0));
        let counted = statements.clone();
        connection.set_metric_callback(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
        let store = Store::new(connection.clone(), connection, clock, Arc::new(NoWake), vault);
        let register = async |email: &str, role: UserRole| {
            store
                .write(async |tx| account::register(&tx, email, "Somebody", "hash".into(), role).await)
                .await
                .unwrap()
                .id
        };
        let shopper = register("ann@example.org", UserRole::Customer).await;
        let operator = register("operator@example.org", UserRole::Admin).await;
        Self { store, statements, numbers: OrderNumbers::default(), shopper, operator, _directory: directory }
    }

    /// A seller with so many offers, in one warehouse each.
    async fn seller(&self, name: &str, offers: usize) -> Vec<OfferId> {
        let write = async |tx: Arc<Tx>| {
            let email = format!("{name}@example.org");
            let user = account::register(&tx, &email, name, "hash".into(), UserRole::Customer).await?.id;
            let seller = account::apply(&tx, user, name).await?.id;
            account::decide(&tx, seller, SellerEvent::Approve, Actor::Operator(self.operator), None).await?;
            let warehouse = NewWarehouse {
                name: "Main".into(),
                line1: "Street 1".into(),
                line2: None,
                city: "Town".into(),
                region: None,
                postal_code: "12345".into(),
                country: "US".into(),
            };
            let warehouse = catalogue::create_warehouse(&tx, seller, warehouse).await?.id;
            let method = NewMethod {
                name: "Parcel".into(),
                zone: None,
                currency: dollars(),
                tariff: Tariff::Flat(MinorUnits(500)),
                free_over: None,
                min_days: 1,
                max_days: 3,
            };
            shipping::create_method(&tx, seller, method).await?;
            let mut made = Vec::new();
            for at in 0..offers {
                let product = NewProduct {
                    name: "Thing".into(),
                    description: "A thing.".into(),
                    category: None,
                    tax_class: STANDARD.into(),
                };
                let product = catalogue::create_product(&tx, seller, product).await?;
                let sku = format!("{name}-{at}");
                let variant = catalogue::create_variant(&tx, seller, product.id, &sku, "One", 250).await?;
                let offer = catalogue::create_offer(&tx, seller, variant.id, usd(1_999)).await?;
                inventory::set_on_hand(&tx, seller, offer.id, warehouse, 100, None).await?;
                made.push(offer.id);
            }
            Ok(made)
        };
        self.store.write(write).await.unwrap()
    }

    async fn coupon(&self, code: &str) {
        let new = NewPromotion {
            seller: None,
            name: "A tenth".into(),
            code: Some(code.into()),
            gift: Gift::Percentage(RatePpm(100_000)),
            currency: None,
            target: Target::Order,
            borne_by: Bearer::Platform,
            stacking: Stacking::Combinable,
            priority: 100,
            minimum_spend: MinorUnits::ZERO,
            maximum_discount: None,
            usage_limit: Some(100),
            shopper_limit: None,
            validity: Validity { starts_at: self.store.now(), ends_at: None },
        };
        self.store.write(async |tx| promotion::create(&tx, new.clone()).await).await.unwrap();
    }

    async fn cart(&self, offers: &[OfferId], coupon: Option<&str>) -> CartId {
        let lines: Vec<(OfferId, i64)> = offers.iter().map(|offer| (*offer, 2)).collect();
        let write = async |tx: Arc<Tx>| {
            let cart = cart::create(&tx, &Owner::User(self.shopper), dollars()).await?;
            cart::put_lines(&tx, &cart, &lines).await?;
            if let Some(code) = coupon {
                cart::add_code(&tx, &cart, code).await?;
            }
            Ok(cart.id)
        };
        self.store.write(write).await.unwrap()
    }

    /// Places an order of these offers; returns how many statements that took.
    async fn place(&self, offers: &[OfferId], coupon: Option<&str>) -> usize {
        let address = Address {
            name: "Ann".into(),
            line1: "Road 2".into(),
            line2: None,
            city: "Village".into(),
            region: None,
            postal_code: "54321".into(),
            country: "US".into(),
            phone: None,
        };
        let placement = Placement {
            cart_id: self.cart(offers, coupon).await,
            owner: Owner::User(self.shopper),
            number: self.numbers.next(&self.store, self.store.now()).await.unwrap(),
            expected_total: None,
            email: "ann@example.org".into(),
            shipping_address: address.clone(),
            billing_address: address,
            notes: None,
            payment_window: TimeDelta::minutes(30),
        };
        let before = self.statements.load(Ordering::Relaxed);
        let placed = self.store.write(async |tx| place(&tx, &placement).await).await.unwrap();
        let after = self.statements.load(Ordering::Relaxed);
        let Placed::New(detail) = placed else { panic!("it was placed before") };
        assert_eq!(detail.parts.iter().map(|part| part.lines.len()).sum::<usize>(), offers.len());
        after - before
    }
}

#[tokio::test]
async fn a_placement_takes_as_many_statements_whatever_the_cart_holds() {
    let market = Market::open().await;
    let mut small = market.seller("First", 2).await;
    small.extend(market.seller("Second", 1).await);
    let mut large = Vec::new();
    for at in 0..10 {
        large.extend(market.seller(&format!("Large{at}"), 6).await);
    }
    let of_small = market.place(&small, None).await;
    let of_large = market.place(&large, None).await;
    assert!(of_small > 5, "the statements are counted: {of_small}");
    assert_eq!(of_small, of_large, "3 lines of 2 sellers, and 60 lines of 10 sellers");
    assert!(of_small <= MOST, "{of_small} statements; if each is worth its time for every order, raise MOST");

    market.coupon("TEN").await;
    let with_coupon = market.place(&small, Some("TEN")).await;
    assert_eq!(with_coupon, market.place(&large, Some("TEN")).await);
    assert!(with_coupon <= MOST_WITH_COUPON, "{with_coupon} statements with a coupon");
}
