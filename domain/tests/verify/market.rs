//! A market that the domain has made: orders at every point of their way, all of it sound.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, EntityTrait};
use souk_domain::account::{SellerSettings, SellerTerms};
use souk_domain::actor::Actor;
use souk_domain::batch::{self, NewBatch, Receiving, Supplies};
use souk_domain::cart::Owner;
use souk_domain::event::{consumer, numbering};
use souk_domain::money::Money;
use souk_domain::order::detail::OrderDetail;
use souk_domain::order::edit::{self, Edit};
use souk_domain::order::lifecycle;
use souk_domain::order::number::OrderNumbers;
use souk_domain::order::pricing::promotion::{Gift, Target};
use souk_domain::order::pricing::tax::STANDARD;
use souk_domain::payment::refund;
use souk_domain::payment::refund::approval::{self, Asked};
use souk_domain::place::Place;
use souk_domain::port::{ProviderPaymentStatus, ProviderTransfer, ProviderTransferStatus};
use souk_domain::promotion::{self, NewPromotion};
use souk_domain::returns::policy::{self, ReturnPolicy};
use souk_domain::tax::{self, NewRate, NewZone};
use souk_domain::validity::Validity;
use souk_domain::{Store, Tx, account, inbox, payout, shipment};
use souk_entity::id::{PaymentId, PayoutId, PromotionId, SellerOrderId, ShipmentId, UserId};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::{
    BatchFormat, BatchKind, Bearer, InboxSource, JobStatus, LabelPayer, OrderStatus, Stacking, TrackingStatus, UserRole,
};
use souk_entity::{idempotency_key, inbox as inbox_row, job, order};

use crate::hooked;
use crate::shop::{PROVIDER, Shop, Shopping};

/// What plantings need to know of the market.
pub struct Market {
    /// Two sellers, a code, paid; the first part delivered, the second sent.
    pub mixed: OrderDetail,
    pub mixed_payment: PaymentId,
    pub delivered_parcel: ShipmentId,
    pub sent_parcel: ShipmentId,
    /// Its label was bought, and given back.
    pub voided_parcel: ShipmentId,
    /// Waits for its payment, which has begun anew after a failed attempt.
    pub unpaid: OrderDetail,
    pub failed_payment: PaymentId,
    /// Paid, then cancelled and paid back.
    pub cancelled: OrderDetail,
    pub cancelled_payment: PaymentId,
    /// Delivered, returned and paid back, all of it.
    pub refunded: OrderDetail,
    /// Of one part, whose seller has not accepted yet.
    pub unaccepted: OrderDetail,
    /// Before it was paid, all items of its second part were taken out.
    pub edited: OrderDetail,
    /// Delivered, completed and paid out.
    pub sold: OrderDetail,
    /// Borne by the platform, and limited for all and for one shopper.
    pub promotion: PromotionId,
    /// Paid out to the first shop, with a reserve that was released since; then one that failed,
    /// and one that came back.
    pub payouts: [PayoutId; 3],
    pub shops: [Shop; 2],
}

/// From now on the shop keeps a part of what comes back, and has the shopper pay the label.
async fn keep_a_fee(store: &Store, shop: &Shop) {
    let terms = ReturnPolicy { window_days: 30, label_paid_by: LabelPayer::Shopper, restocking: RatePpm(125_000) };
    store.write(async |tx| policy::set(&tx, shop.seller, terms, &[], 0, shop.actor()).await).await.unwrap();
}

/// The first seller order of `shop` in an order.
pub fn part_of(order: &OrderDetail, shop: &Shop) -> SellerOrderId {
    order.parts.iter().map(|part| &part.seller_order).find(|part| part.seller_id == shop.seller).unwrap().id
}

impl Market {
    pub async fn open(store: &Store) -> Self {
        let operator = Shopping::register(store, "operator@example.org", UserRole::ReadOnly).await;
        let ann = Shopping::register(store, "ann@example.org", UserRole::Customer).await;
        let shopping = Shopping { store, numbers: OrderNumbers::default(), operator, owner: Owner::User(ann) };
        let first = shopping.open_shop("First", 500, &[1_999, 333]).await;
        let second = shopping.open_shop("Second", 700, &[4_901]).await;
        let free = shopping.open_shop("Free", 0, &[1_000]).await;
        by_hand(store, &second, operator).await;
        let endpoint = hooked::make_endpoints(store, &first).await;
        make_terms(store).await;
        let promotion = make_promotion(store, "TEN", Gift::Percentage(RatePpm(100_000)), Some(50)).await;
        make_promotion(store, "ALL", Gift::Percentage(RatePpm(1_000_000)), None).await;
        make_promotion(store, "SHIP", Gift::Shipping(RatePpm(400_000)), None).await;

        let (sold, payouts) = pay_out(&shopping, &first).await;

        let basket = [(first.offers[0], 3), (first.offers[1], 7), (second.offers[0], 2)];
        let mixed = shopping.place(&basket, Some("TEN")).await;
        let mixed_payment = shopping.pay(&mixed).await;
        let delivered_parcel = shopping.deliver(&first, part_of(&mixed, &first)).await;
        let part = mixed.parts.iter().find(|part| part.seller_order.seller_id == first.seller).unwrap();
        shopping.give_back(&first, part.seller_order.id, &part.lines[0], 1).await;
        let (voided_parcel, sent_parcel) = send_at_the_second_try(&shopping, &mixed, &second).await;

        let unpaid = shopping.place(&[(first.offers[0], 2)], Some("TEN")).await;
        let failed_payment = shopping.start_payment(unpaid.order.id).await;
        shopping.provider_says(failed_payment, unpaid.order.total, ProviderPaymentStatus::Failed).await;
        shopping.start_payment(unpaid.order.id).await;

        let given_up = shopping.place(&basket, Some("TEN")).await;
        let cancelled = shopping.place(&basket, Some("TEN")).await;
        let cancelled_payment = shopping.pay(&cancelled).await;
        for order in [&given_up, &cancelled] {
            let shopper = Actor::Shopper(Some(ann));
            store
                .write(async |tx| lifecycle::cancel(&tx, order.order.id, shopper, "changed my mind").await)
                .await
                .unwrap();
        }
        paid_after_it_was_cancelled(&shopping, &first, ann).await;
        shopping.settle_refunds().await;

        keep_a_fee(store, &first).await;
        let refunded = shopping.place(&[(first.offers[1], 3)], None).await;
        shopping.pay(&refunded).await;
        let part = &refunded.parts[0];
        shopping.deliver(&first, part.seller_order.id).await;
        shopping.give_back(&first, part.seller_order.id, &part.lines[0], 2).await;
        shopping.give_back(&first, part.seller_order.id, &part.lines[0], 1).await;
        assert_eq!(status(store, &refunded).await, OrderStatus::Refunded);

        costs_nothing(&shopping, &free).await;
        let edited = edit_out(&shopping, &first, &second).await;
        let unaccepted = shopping.place(&[(second.offers[0], 1)], None).await;
        shopping.pay(&unaccepted).await;
        outside_and_bulk_work(store, &first).await;
        hooked::tell(store, &first, endpoint).await;
        read_the_log(store).await;
        Self {
            mixed,
            mixed_payment,
            delivered_parcel,
            sent_parcel,
            voided_parcel,
            unpaid,
            failed_payment,
            cancelled,
            cancelled_payment,
            refunded,
            unaccepted,
            edited,
            sold,
            promotion,
            payouts,
            shops: [first, second],
        }
    }
}

async fn status(store: &Store, order: &OrderDetail) -> OrderStatus {
    order::Entity::find_by_id(order.order.id).one(store.read()).await.unwrap().unwrap().status
}

/// The seller accepts each order by hand.
async fn by_hand(store: &Store, shop: &Shop, operator: UserId) {
    let settings = account::SellerSettings { auto_accept: Some(false), ..Default::default() };
    let operator = Actor::Operator(operator);
    store.write(async |tx| account::configure(&tx, shop.seller, &settings, operator).await).await.unwrap();
}

/// Tax that is added, on goods and shipping, and tax on commission.
async fn make_terms(store: &Store) {
    let validity = Validity { starts_at: store.now(), ends_at: None };
    let new = NewZone { name: "US".into(), place: Place::new("US", None).unwrap(), prices_include_tax: false };
    let rate = NewRate { class: STANDARD.into(), name: "Sales tax".into(), rate: RatePpm(88_750), validity };
    let write = async |tx: Arc<Tx>| {
        let zone = tax::create_zone(&tx, new.clone()).await?.id;
        tax::add_rate(&tx, zone, rate.clone()).await
    };
    store.write(write).await.unwrap();
}

async fn make_promotion(store: &Store, code: &str, gift: Gift, usage_limit: Option<i64>) -> PromotionId {
    let new = NewPromotion {
        seller: None,
        name: code.into(),
        code: Some(code.into()),
        gift,
        currency: None,
        target: Target::Order,
        borne_by: Bearer::Platform,
        stacking: Stacking::Combinable,
        priority: 0,
        minimum_spend: MinorUnits::ZERO,
        maximum_discount: None,
        usage_limit,
        shopper_limit: usage_limit,
        validity: Validity { starts_at: store.now(), ends_at: None },
    };
    store.write(async |tx| promotion::create(&tx, new.clone()).await).await.unwrap().id
}

/// An order whose second part loses its only item; it is paid then.
async fn edit_out(shopping: &Shopping<'_>, first: &Shop, second: &Shop) -> OrderDetail {
    let order = shopping.place(&[(first.offers[0], 1), (second.offers[0], 1)], Some("SHIP")).await;
    let (change, actor) = (Edit::Remove(second.offers[0]), Actor::System);
    let write = async |tx: Arc<Tx>| edit::edit(&tx, order.order.id, change, None, actor).await;
    let edited = shopping.store.write(write).await.unwrap();
    shopping.pay(&edited).await;
    edited
}

/// What is delivered is completed and paid out, part of it kept back; then that is released and
/// paid out, which fails; and once more, which comes back.
async fn pay_out(shopping: &Shopping<'_>, shop: &Shop) -> (OrderDetail, [PayoutId; 3]) {
    let store = shopping.store;
    let sold = shopping.place(&[(shop.offers[0], 1)], None).await;
    shopping.pay(&sold).await;
    shopping.deliver(shop, part_of(&sold, shop)).await;
    let terms = SellerTerms { reserve_rate: Some(RatePpm(250_000)), reserve_days: Some(1), ..Default::default() };
    let settings = SellerSettings { terms, ..Default::default() };
    let operator = Actor::Operator(shopping.operator);
    store.write(async |tx| account::configure(&tx, shop.seller, &settings, operator).await).await.unwrap();
    let part = part_of(&sold, shop);
    store.write(async |tx| lifecycle::complete(&tx, part, Actor::System).await).await.unwrap();
    let mut made = Vec::new();
    for statuses in [
        &[ProviderTransferStatus::Paid][..],
        &[ProviderTransferStatus::Failed],
        &[ProviderTransferStatus::Paid, ProviderTransferStatus::Returned],
    ] {
        let payouts = store.write(async |tx| payout::run(&tx, shop.seller, PROVIDER, operator).await).await.unwrap();
        let [payout] = payouts.as_slice() else { panic!("{payouts:#?}") };
        store.write(async |tx| payout::submit(&tx, payout.id).await).await.unwrap();
        for status in statuses {
            let seen = ProviderTransfer {
                provider_ref: format!("transfer-{}", payout.id),
                status: *status,
                amount: Money { amount: payout.amount, currency: payout.currency },
                failure_code: None,
            };
            store.write(async |tx| payout::observe(&tx, payout.id, &seen).await).await.unwrap();
        }
        made.push(payout.id);
        store.clock().advance(TimeDelta::days(2));
    }
    let done = job::ActiveModel { status: Set(JobStatus::Done), ..Default::default() };
    job::Entity::update_many().set(done).exec(store.read()).await.unwrap();
    (sold, made.try_into().unwrap())
}

/// Accepted, packed, labelled, given up, packed again and sent; and some goodwill for the wait.
async fn send_at_the_second_try(shopping: &Shopping<'_>, order: &OrderDetail, shop: &Shop) -> (ShipmentId, ShipmentId) {
    let part = part_of(order, shop);
    let store = shopping.store;
    store.write(async |tx| lifecycle::accept(&tx, part, shop.actor()).await).await.unwrap();
    let voided = shopping.pack(shop, part).await;
    shopping.label(voided).await;
    store.write(async |tx| shipment::cancel(&tx, shop.seller, voided, shop.actor()).await).await.unwrap();
    store.write(async |tx| shipment::label_voided(&tx, voided).await).await.unwrap();
    let sent = shopping.pack(shop, part).await;
    shopping.label(sent).await;
    shopping.carrier_scans(sent, &[TrackingStatus::InTransit]).await;
    let wanted = refund::Wanted {
        lines: Vec::new(),
        shipping: MinorUnits(321),
        goodwill: MinorUnits(123),
        borne_by: Bearer::Platform,
        note: None,
    };
    store.write(async |tx| refund::request(&tx, part, &wanted, shop.actor()).await).await.unwrap();
    shopping.settle_refunds().await;
    // And more of it by an operator, alone and with a second one.
    let second = Shopping::register(store, "second-operator@example.org", UserRole::Manager).await;
    let more = refund::Wanted { shipping: MinorUnits::ZERO, goodwill: MinorUnits(7), ..wanted };
    let ask = async |limits: &str| {
        let limits = limits.parse().unwrap();
        store.write(async |tx| approval::ask(&tx, part, &more, shopping.operator, &limits).await).await.unwrap()
    };
    assert!(matches!(ask("*:500").await, Asked::Made(_)));
    shopping.settle_refunds().await;
    let Asked::Waits(waits) = ask("*:0").await else { panic!("no limit") };
    store.write(async |tx| approval::approve(&tx, waits.id, second).await).await.unwrap();
    shopping.settle_refunds().await;
    (voided, sent)
}

/// The provider takes the money of an order that was cancelled meanwhile.
async fn paid_after_it_was_cancelled(shopping: &Shopping<'_>, shop: &Shop, ann: UserId) {
    let order = shopping.place(&[(shop.offers[0], 1)], Some("TEN")).await;
    let payment = shopping.start_payment(order.order.id).await;
    shopping.provider_says(payment, order.order.total, ProviderPaymentStatus::Authorized).await;
    let shopper = Actor::Shopper(Some(ann));
    shopping.store.write(async |tx| lifecycle::cancel(&tx, order.order.id, shopper, "too slow").await).await.unwrap();
    shopping.provider_says(payment, order.order.total, ProviderPaymentStatus::Captured).await;
}

/// A code covers all of it; one unit comes back, for nothing.
async fn costs_nothing(shopping: &Shopping<'_>, shop: &Shop) {
    let order = shopping.place(&[(shop.offers[0], 2)], Some("ALL")).await;
    assert_eq!(order.order.total, MinorUnits::ZERO);
    let part = &order.parts[0];
    shopping.deliver(shop, part.seller_order.id).await;
    shopping.give_back(shop, part.seller_order.id, &part.lines[0], 1).await;
}

/// Everything is numbered, and taken by a consumer.
async fn read_the_log(store: &Store) {
    consumer::register(store, &["reader"]).await.unwrap();
    while numbering::number(store).await.unwrap() > 0 {}
    let lease = consumer::take_lease(store, "reader").await.unwrap().unwrap();
    let end = numbering::head(store.read()).await.unwrap().position;
    store.write(async |tx| consumer::advance(&tx, "reader", lease, end).await).await.unwrap();
}

async fn outside_and_bulk_work(store: &Store, shop: &Shop) {
    let write = async |tx: Arc<Tx>| inbox::receive(&tx, InboxSource::Carrier, "carrier", "evt_1", b"{}").await;
    assert!(store.write(write).await.unwrap());
    let received = inbox_row::Entity::find().one(store.read()).await.unwrap().unwrap();
    store.write(async |tx| inbox::processed(&tx, received.id).await).await.unwrap();
    let answer = idempotency_key::ActiveModel {
        order_id: Set(None),
        actor: Set("user:1".into()),
        route: Set("POST /orders".into()),
        key: Set("key-1".into()),
        fingerprint: Set("f".repeat(64)),
        status_code: Set(201),
        body: Set(b"{}".to_vec()),
        created_at: Set(store.now()),
    };
    idempotency_key::Entity::insert(answer).exec_without_returning(store.read()).await.unwrap();
    let file = "sku,warehouse,on_hand\nFirst-0,Main,150\nFirst-9,Main,1\n";
    let (kind, format) = (BatchKind::Inventory, BatchFormat::Csv);
    let new = NewBatch { kind, format, seller: Some(shop.seller), user: Some(shop.user), dry_run: false };
    let mut receiving = Receiving::new(store.clone(), new);
    receiving.push(file.as_bytes()).await.unwrap();
    let staged = receiving.finish().await.unwrap();
    let made = store.write(async |tx| batch::queue(&tx, staged).await).await.unwrap();
    let round = store.write(async |tx| batch::apply_next(&tx, made.id, &Supplies::default()).await).await.unwrap();
    assert!(!round.more);
}
