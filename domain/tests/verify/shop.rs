//! The steps of an order's way, as requests, providers and carriers would take them.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::account::transition::SellerEvent;
use souk_domain::account::{SellerSettings, SellerTerms};
use souk_domain::actor::Actor;
use souk_domain::cart::{self, Owner};
use souk_domain::catalogue::{self, NewProduct, NewWarehouse, inventory};
use souk_domain::money::Money;
use souk_domain::order::contact::Address;
use souk_domain::order::detail::OrderDetail;
use souk_domain::order::number::OrderNumbers;
use souk_domain::order::placement::{Placed, Placement, place};
use souk_domain::order::pricing::shipping::Tariff;
use souk_domain::order::pricing::tax::STANDARD;
use souk_domain::payment::{self, refund};
use souk_domain::port::{BoughtLabel, ProviderPayment, ProviderPaymentStatus, Scan};
use souk_domain::returns::{self, Received, Wanted};
use souk_domain::shipping::{self, NewMethod};
use souk_domain::{Store, Tx, account, shipment};
use souk_entity::id::{
    OfferId, OrderId, PaymentId, RefundId, SellerId, SellerOrderId, ShipmentId, UserId, WarehouseId,
};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status::{LabelFormat, RefundStatus, ReturnCondition, ReturnReason, TrackingStatus, UserRole};
use souk_entity::{order_line, refund as refund_row};

pub const PROVIDER: &str = "provider";
pub const CARRIER: &str = "carrier";

/// A seller with a warehouse and offers.
pub struct Shop {
    pub seller: SellerId,
    pub user: UserId,
    pub warehouse: WarehouseId,
    pub offers: Vec<OfferId>,
}

impl Shop {
    pub fn actor(&self) -> Actor {
        Actor::Seller(self.seller, self.user)
    }
}

pub fn usd(amount: i64) -> Money {
    Money { amount: MinorUnits(amount), currency: dollars() }
}

pub fn dollars() -> CurrencyCode {
    "USD".parse().unwrap()
}

/// The database and who shops.
pub struct Shopping<'a> {
    pub store: &'a Store,
    pub numbers: OrderNumbers,
    pub operator: UserId,
    pub owner: Owner,
}

impl Shopping<'_> {
    pub async fn register(store: &Store, email: &str, role: UserRole) -> UserId {
        store.write(async |tx| account::register(&tx, email, "Somebody", "hash".into(), role).await).await.unwrap().id
    }

    pub async fn open_shop(&self, name: &str, shipping: i64, prices: &[i64]) -> Shop {
        let user = Self::register(self.store, &format!("{name}@example.org"), UserRole::Customer).await;
        let operator = Actor::Operator(self.operator);
        let write = async |tx: Arc<Tx>| {
            let seller = account::apply(&tx, user, name).await?.id;
            account::decide(&tx, seller, SellerEvent::Approve, operator, None).await?;
            let terms = SellerTerms { commission_tax: Some(RatePpm(190_000)), ..Default::default() };
            let settings = SellerSettings { terms, ..Default::default() };
            account::configure(&tx, seller, &settings, operator).await?;
            account::set_payout_account(&tx, seller, "account-1", operator).await?;
            let (line1, city, postal_code, country) = ("Street 1", "Town", "12345", "US");
            let new = NewWarehouse {
                name: "Main".into(),
                line1: line1.into(),
                line2: None,
                city: city.into(),
                region: None,
                postal_code: postal_code.into(),
                country: country.into(),
            };
            let warehouse = catalogue::create_warehouse(&tx, seller, new).await?.id;
            let method = NewMethod {
                name: "Parcel".into(),
                zone: None,
                currency: dollars(),
                tariff: Tariff::Flat(MinorUnits(shipping)),
                free_over: None,
                min_days: 1,
                max_days: 3,
            };
            shipping::create_method(&tx, seller, method).await?;
            let mut offers = Vec::new();
            for (at, price) in prices.iter().enumerate() {
                let product = NewProduct {
                    name: "Thing".into(),
                    description: "A thing.".into(),
                    category: None,
                    tax_class: STANDARD.into(),
                };
                let product = catalogue::create_product(&tx, seller, product).await?;
                let sku = format!("{name}-{at}");
                let variant = catalogue::create_variant(&tx, seller, product.id, &sku, "One", 250).await?;
                let offer = catalogue::create_offer(&tx, seller, variant.id, usd(*price)).await?;
                inventory::set_on_hand(&tx, seller, offer.id, warehouse, 100, None).await?;
                offers.push(offer.id);
            }
            Ok(Shop { seller, user, warehouse, offers })
        };
        self.store.write(write).await.unwrap()
    }

    pub async fn place(&self, lines: &[(OfferId, i64)], code: Option<&str>) -> OrderDetail {
        let number = self.numbers.next(self.store, self.store.now()).await.unwrap();
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
        let write = async |tx: Arc<Tx>| {
            let cart = cart::create(&tx, &self.owner, dollars()).await?;
            cart::put_lines(&tx, &cart, lines).await?;
            if let Some(code) = code {
                cart::add_code(&tx, &cart, code).await?;
            }
            let placement = Placement {
                cart_id: cart.id,
                owner: self.owner.clone(),
                number: number.clone(),
                expected_total: None,
                email: "ann@example.org".into(),
                shipping_address: address.clone(),
                billing_address: address.clone(),
                notes: None,
                payment_window: TimeDelta::minutes(30),
            };
            place(&tx, &placement).await
        };
        match self.store.write(write).await.unwrap() {
            Placed::New(detail) => *detail,
            Placed::Before(id) => panic!("{id} was placed before"),
        }
    }

    pub async fn start_payment(&self, order: OrderId) -> PaymentId {
        let write = async |tx: Arc<Tx>| payment::open(&tx, order, &self.owner, PROVIDER).await;
        self.store.write(write).await.unwrap().id
    }

    pub async fn provider_says(&self, payment: PaymentId, total: MinorUnits, status: ProviderPaymentStatus) {
        let captured = if status == ProviderPaymentStatus::Captured { usd(total.0) } else { usd(0) };
        let seen = ProviderPayment {
            provider_ref: format!("ref-{payment}"),
            status,
            authorized: usd(total.0),
            captured,
            failure_code: (status == ProviderPaymentStatus::Failed).then(|| "declined".into()),
            confirm_url: None,
        };
        let write = async |tx: Arc<Tx>| {
            payment::register(&tx, payment, &seen).await?;
            payment::observe(&tx, payment, &seen, Actor::Provider).await
        };
        self.store.write(write).await.unwrap();
    }

    pub async fn pay(&self, order: &OrderDetail) -> PaymentId {
        let payment = self.start_payment(order.order.id).await;
        self.provider_says(payment, order.order.total, ProviderPaymentStatus::Authorized).await;
        self.provider_says(payment, order.order.total, ProviderPaymentStatus::Captured).await;
        payment
    }

    pub async fn pack(&self, shop: &Shop, part: SellerOrderId) -> ShipmentId {
        let write = async |tx: Arc<Tx>| {
            shipment::create(&tx, shop.seller, shop.actor(), part, shop.warehouse, None, CARRIER).await
        };
        self.store.write(write).await.unwrap().id
    }

    pub async fn label(&self, parcel: ShipmentId) {
        let label = BoughtLabel {
            carrier_ref: format!("label-{parcel}"),
            tracking_number: format!("track-{parcel}"),
            cost: usd(350),
            estimated_delivery: self.store.now() + TimeDelta::days(3),
            files: vec![(LabelFormat::Pdf, b"%PDF".to_vec()), (LabelFormat::Zpl, b"^XA".to_vec())],
        };
        self.store.write(async |tx| shipment::labelled(&tx, parcel, &label).await).await.unwrap();
    }

    pub async fn carrier_scans(&self, parcel: ShipmentId, statuses: &[TrackingStatus]) {
        for (minute, status) in (1..).zip(statuses) {
            let scan = Scan {
                status: *status,
                description: "scanned".into(),
                location: None,
                occurred_at: self.store.now() + TimeDelta::minutes(minute),
            };
            self.store
                .write(async |tx| shipment::observe(&tx, parcel, std::slice::from_ref(&scan)).await)
                .await
                .unwrap();
        }
    }

    /// Packs, labels and delivers what is allocated.
    pub async fn deliver(&self, shop: &Shop, part: SellerOrderId) -> ShipmentId {
        let parcel = self.pack(shop, part).await;
        self.label(parcel).await;
        self.carrier_scans(parcel, &[TrackingStatus::InTransit, TrackingStatus::Delivered]).await;
        parcel
    }

    /// Returns units of a line from request to settlement.
    pub async fn give_back(&self, shop: &Shop, part: SellerOrderId, line: &order_line::Model, quantity: i64) {
        let wanted = [Wanted { line_id: line.id, quantity, reason: ReturnReason::NoLongerWanted }];
        let write = async |tx: Arc<Tx>| {
            let request = returns::request(&tx, &self.owner, part, &wanted, None).await?;
            returns::approve(&tx, shop.seller, request.id, shop.actor()).await?;
            Ok(request.id)
        };
        let request = self.store.write(write).await.unwrap();
        let parcel = souk_entity::shipment::Entity::find()
            .filter(souk_entity::shipment::Column::ReturnRequestId.eq(request))
            .one(self.store.read())
            .await
            .unwrap()
            .unwrap();
        self.label(parcel.id).await;
        self.carrier_scans(parcel.id, &[TrackingStatus::InTransit, TrackingStatus::Delivered]).await;
        let received = [Received { line_id: line.id, quantity, condition: ReturnCondition::AsNew, restock: true }];
        let write = async |tx: Arc<Tx>| {
            returns::receive(&tx, shop.seller, request, shop.actor(), &received).await?;
            returns::process(&tx, request).await
        };
        self.store.write(write).await.unwrap();
        self.settle_refunds().await;
    }

    /// The provider pays every pending refund back.
    pub async fn settle_refunds(&self) {
        let pending = refund_row::Entity::find()
            .filter(refund_row::Column::Status.eq(RefundStatus::Pending))
            .all(self.store.read())
            .await
            .unwrap();
        for refund in pending {
            let id: RefundId = refund.id;
            let write = async |tx: Arc<Tx>| {
                refund::submit(&tx, id).await?;
                refund::succeed(&tx, id, Some(&format!("refund-{id}"))).await
            };
            self.store.write(write).await.unwrap();
        }
    }
}
