//! Sets the marketplace up as the source had it: sellers, offers at real prices, freights, customers.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use uuid::Uuid;

use crate::books;
use crate::cents::Cents;
use crate::client::{Account, Call, Client, Error, Result};
use crate::progress::Progress;
use crate::source::{OfferKey, Source};
use crate::state::{SellerIds, State};
use crate::view::{Made, Me};

/// The currency of the source.
pub const CURRENCY: &str = "BRL";

/// What has to be there before the first order.
pub struct Market<'a> {
    client: &'a Client,
    state: &'a State,
    admin: &'a Account,
    sellers: BTreeMap<String, Account>,
    customers: BTreeMap<String, Account>,
    /// Who describes a product: its first seller. The others offer the same variants.
    products: BTreeMap<String, (String, BTreeSet<u32>)>,
    offers: BTreeMap<OfferKey, Stock>,
    freights: BTreeSet<(String, Cents)>,
}

/// What an offer begins with.
struct Stock {
    price: Cents,
    /// Exactly what the source sells: a unit that gets lost or is sold twice is noticed.
    units: i64,
}

impl<'a> Market<'a> {
    /// Works out what `source` needs.
    pub fn new(source: &Source, client: &'a Client, state: &'a State, admin: &'a Account) -> Self {
        let run = state.run();
        let person = |kind: &str, id: &str| {
            let email = format!("{kind}-{id}.{}@olist.example", run.tag);
            Account::new(email, format!("{}-{id}", run.secret), format!("Olist {kind} {id}"))
        };
        let mut market = Self {
            client,
            state,
            admin,
            sellers: BTreeMap::new(),
            customers: BTreeMap::new(),
            products: BTreeMap::new(),
            offers: BTreeMap::new(),
            freights: BTreeSet::new(),
        };
        for order in &source.orders {
            let customer = &order.customer.id;
            market.customers.entry(customer.clone()).or_insert_with(|| person("customer", customer));
            for (seller, freight) in &order.freight {
                market.sellers.entry(seller.clone()).or_insert_with(|| person("seller", seller));
                market.freights.insert((seller.clone(), *freight));
            }
            for line in &order.lines {
                let OfferKey { product, seller, slot } = &line.offer;
                let maker = || (seller.clone(), BTreeSet::new());
                market.products.entry(product.clone()).or_insert_with(maker).1.insert(*slot);
                let first = Stock { price: line.price, units: 0 };
                market.offers.entry(line.offer.clone()).or_insert(first).units += line.quantity;
            }
        }
        market
    }

    /// Makes everything that the progress file does not know of yet, `concurrency` things at a time.
    ///
    /// # Errors
    /// The first thing that cannot be made.
    pub async fn prepare(&self, concurrency: usize, progress: &Progress) -> Result<()> {
        let bar = progress.phase("sellers", self.sellers.len());
        stream::iter(self.sellers.iter().map(Ok))
            .try_for_each_concurrent(concurrency, async |(id, account)| {
                self.seller(id, account).await?;
                bar.step();
                Ok(())
            })
            .await?;
        let bar = progress.phase("products", self.products.len());
        stream::iter(self.products.iter().map(Ok))
            .try_for_each_concurrent(concurrency, async |(id, (maker, slots))| {
                self.product(id, maker, slots).await?;
                bar.step();
                Ok(())
            })
            .await?;
        let bar = progress.phase("offers", self.offers.len());
        stream::iter(self.offers.iter().map(Ok))
            .try_for_each_concurrent(concurrency, async |(offer, stock)| {
                self.offer(offer, stock).await?;
                bar.step();
                Ok(())
            })
            .await?;
        let bar = progress.phase("freights", self.freights.len());
        stream::iter(self.freights.iter().map(Ok))
            .try_for_each_concurrent(concurrency, async |(seller, freight)| {
                self.freight(seller, *freight).await?;
                bar.step();
                Ok(())
            })
            .await?;
        let bar = progress.phase("customers", self.customers.len());
        stream::iter(self.customers.iter())
            .map(Ok)
            .try_for_each_concurrent(concurrency, async |(id, account)| {
                if !self.state.knows_customer(id) {
                    account.register(self.client).await?;
                    self.state.customer_made(id)?;
                }
                bar.step();
                Ok(())
            })
            .await
    }

    /// A person sells: registered, approved, not accepting by default (so that the source's orders
    /// can stay where they are), with one warehouse.
    async fn seller(&self, id: &str, account: &Account) -> Result<()> {
        if self.state.seller(id).is_some() {
            return Ok(());
        }
        account.register(self.client).await?;
        let name = format!("Olist seller {id} ({})", self.state.run().tag);
        let apply = Call::post("/api/v1/me/seller", json!({"name": name})).by(account);
        let seller = match self.client.call::<Made>(apply).await {
            Ok(made) => made.id,
            Err(error) if error.is("ALREADY_EXISTS") => {
                let me: Me = self.client.call(Call::get("/api/v1/me").by(account)).await?;
                me.seller_id.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        let approve = Call::post_nothing(format!("/api/v1/admin/sellers/{seller}/approve")).by(self.admin);
        match self.client.done(approve.key(format!("approve:{seller}"))).await {
            // Approved before, by a run that was stopped.
            Err(error) if error.is("ILLEGAL_TRANSITION") => {}
            other => other?,
        }
        // Nobody returns anything in the source, so what is delivered is completed at once.
        let settings = json!({"auto_accept": false, "return_window_days": 0});
        self.client.done(Call::patch("/api/v1/seller", settings).by(account)).await?;
        books::agree(self.client, self.admin, account, seller).await?;
        // The source does not tell where its sellers are.
        let warehouse = json!({
            "name": "main", "line1": "Praça da Sé 1", "city": "São Paulo", "region": "SP",
            "postal_code": "01001-000", "country": "BR",
        });
        let create = Call::post("/api/v1/seller/warehouses", warehouse).by(account).key("warehouse:main");
        let warehouse: Made = self.client.call(create).await?;
        self.state.seller_made(id, SellerIds { id: seller, warehouse: warehouse.id })
    }

    async fn product(&self, id: &str, maker: &str, slots: &BTreeSet<u32>) -> Result<()> {
        if slots.iter().all(|slot| self.state.variant(id, *slot).is_some()) {
            return Ok(());
        }
        let account = self.account_of(maker)?;
        let body = json!({"name": format!("Olist product {id}"), "description": ""});
        let create = Call::post("/api/v1/seller/products", body).by(account).key(format!("product:{id}"));
        let product: Made = self.client.call(create).await?;
        for slot in slots {
            let name = if *slot == 0 { "standard".to_owned() } else { format!("price {}", slot + 1) };
            // The source's sample has no weights.
            let sku = format!("{id}-{slot}-{}", self.state.run().tag);
            let body = json!({"sku": sku, "name": name, "weight_grams": 500});
            let path = format!("/api/v1/seller/products/{}/variants", product.id);
            let create = Call::post(path, body).by(account).key(format!("variant:{id}:{slot}"));
            let variant: Made = self.client.call(create).await?;
            self.state.variant_made(id, *slot, variant.id)?;
        }
        Ok(())
    }

    async fn offer(&self, offer: &OfferKey, stock: &Stock) -> Result<()> {
        if self.state.offer(offer).is_some() {
            return Ok(());
        }
        let OfferKey { product, seller, slot } = offer;
        let account = self.account_of(seller)?;
        let variant = known(self.state.variant(product, *slot), "variant")?;
        let body = json!({"variant_id": variant, "price": stock.price.to_string(), "currency": CURRENCY});
        let create = Call::post("/api/v1/seller/offers", body).by(account).key(format!("offer:{product}:{slot}"));
        let made: Made = self.client.call(create).await?;
        let warehouse = self.ids_of(seller)?.warehouse;
        let path = format!("/api/v1/seller/inventory/{}/{warehouse}", made.id);
        self.client.done(Call::put(path, json!({"on_hand": stock.units})).by(account)).await?;
        self.state.offer_made(offer, made.id)
    }

    /// The freight of a seller's part of an order is a shipping method of exactly that price.
    async fn freight(&self, seller: &str, freight: Cents) -> Result<()> {
        if self.state.method(seller, freight).is_some() {
            return Ok(());
        }
        let body = json!({
            "name": format!("freight {freight}"), "price": freight.to_string(), "currency": CURRENCY,
            "min_days": 1, "max_days": 60,
        });
        let create = Call::post("/api/v1/seller/shipping-methods", body).by(self.account_of(seller)?);
        let made: Made = self.client.call(create.key(format!("freight:{freight}"))).await?;
        self.state.method_made(seller, freight, made.id)
    }

    /// The person who sells as this seller.
    pub fn account_of(&self, seller: &str) -> Result<&Account> {
        self.sellers.get(seller).ok_or_else(|| Error::Stuck(format!("seller {seller} is not set up")))
    }

    /// The person who buys as this customer.
    pub fn customer(&self, customer: &str) -> Result<&Account> {
        self.customers.get(customer).ok_or_else(|| Error::Stuck(format!("customer {customer} is not set up")))
    }

    /// The seller and their warehouse in souk.
    pub fn ids_of(&self, seller: &str) -> Result<SellerIds> {
        known(self.state.seller(seller), "seller")
    }

    /// The seller of the source who has this id in souk.
    pub fn seller_by_id(&self, id: Uuid) -> Result<String> {
        known(self.state.seller_by_id(id), "seller")
    }
}

/// Something that the set-up has made.
pub fn known<T>(found: Option<T>, what: &str) -> Result<T> {
    found.ok_or_else(|| Error::Stuck(format!("a {what} is not in the state file")))
}
