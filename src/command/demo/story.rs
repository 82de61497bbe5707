//! The story: who does what, with the amounts, numbers and states as the API tells them.

use std::path::Path;

use serde_json::{Value, json};
use souk_domain::money::Money;
use souk_entity::money::{CurrencyCode, MinorUnits};

use super::client::{Client, list, text};
use super::market::{Market, Shop};
use crate::command::Failure;

/// What Ann buys: SKU and units.
const BASKET: [(&str, u32); 5] =
    [("TILE-BLUE-14", 4), ("TILE-PANEL-6", 1), ("WASHI-A5", 3), ("BRUSH-M", 2), ("RUG-120", 1)];

/// Tells the story; every step is a call of the public API.
///
/// # Errors
/// [`Failure`] at the first step that does not hold.
pub async fn tell(market: &Market, labels: &Path) -> Result<(), Failure> {
    step(1, "Ann browses");
    let offers = browse(&market.visitor).await?;
    step(2, "She fills one cart with goods of three sellers");
    let cart = fill(market, &offers).await?;
    step(3, "She checks out: one order, split per seller, stock held");
    let order = check_out(market, &cart).await?;
    let order_path = format!("/api/v1/orders/{}", text(&order, "/id")?);
    step(4, "She pays once");
    pay(market, &order_path).await?;
    step(5, "The sellers accept");
    accept(market, &order_path).await?;
    step(6, "They pack; labels are bought at the carrier");
    let parcels = pack(market, &order_path, labels).await?;
    step(7, "The carrier moves the parcels and tells us by signed webhooks");
    deliver(market, &order_path, &parcels).await?;
    step(8, "Ann sends one of three notebooks back");
    let refund = give_back(market, &order_path, labels).await?;
    step(9, "Why that refund is what it is");
    explain(market, &order_path).await?;
    step(10, "The books");
    books(market, &refund).await
}

fn step(number: u32, title: &str) {
    println!("{number}. {title}");
}

async fn browse(visitor: &Client) -> Result<Vec<(String, String)>, Failure> {
    let found = visitor.get("/api/v1/catalog/products?q=tile").await?;
    let names: Vec<&str> = list(&found, "/items")?.iter().filter_map(|item| item["name"].as_str()).collect();
    println!("   a search for \"tile\" finds: {}", names.join(", "));
    let mut offers = Vec::new();
    for product in list(&visitor.get("/api/v1/catalog/products?limit=100").await?, "/items")? {
        let detail = visitor.get(&format!("/api/v1/catalog/products/{}", text(product, "/id")?)).await?;
        for variant in list(&detail, "/variants")? {
            let offer = &variant["offers"][0];
            println!(
                "   {:<18} {:<18} {:>7} {} from {} ({} in stock)",
                product["name"].as_str().unwrap_or_default(),
                variant["name"].as_str().unwrap_or_default(),
                text(offer, "/price")?,
                text(offer, "/currency")?,
                text(offer, "/seller_name")?,
                offer["available_quantity"],
            );
            offers.push((text(variant, "/sku")?, text(offer, "/id")?));
        }
    }
    Ok(offers)
}

async fn fill(market: &Market, offers: &[(String, String)]) -> Result<Value, Failure> {
    let lines = BASKET
        .iter()
        .map(|(sku, quantity)| {
            let offer = offers.iter().find(|(known, _)| known == sku).map(|(_, offer)| offer);
            let offer = offer.ok_or_else(|| Failure::Failed(format!("{sku} is not for sale")))?;
            Ok(json!({"offer_id": offer, "quantity": quantity}))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let made = market.shopper.post("/api/v1/carts", json!({"currency": "USD", "lines": lines})).await?;
    let path = format!("/api/v1/carts/{}", text(&made, "/cart/id")?);
    let cart = market.shopper.put(&format!("{path}/coupons/welcome10"), json!({})).await?;
    for part in list(&cart, "/sellers")? {
        println!(
            "   {:<13} {} lines, goods {}, discount {}, shipping {}: {}",
            text(part, "/seller_name")?,
            list(part, "/lines")?.len(),
            text(part, "/items_total")?,
            text(part, "/discount_total")?,
            text(part, "/shipping_total")?,
            text(part, "/total")?,
        );
    }
    println!("   code WELCOME10 takes off {}; total {} USD", text(&cart, "/discount_total")?, text(&cart, "/total")?);
    Ok(cart)
}

async fn check_out(market: &Market, cart: &Value) -> Result<Value, Failure> {
    let address = json!({
        "name": "Ann Example", "line1": "12 Harbour Street", "city": "Portland", "region": "ME", "postal_code": "04101",
        "country": "US", "phone": "+1 207 555 0100",
    });
    let wanted = json!({
        "cart_id": text(cart, "/id")?, "expected_total": text(cart, "/total")?, "currency": "USD",
        "email": "ann@demo.example", "shipping_address": address, "notes": "The bell is broken, please knock.",
    });
    let order = market.shopper.post("/api/v1/orders", wanted).await?;
    println!(
        "   order {} is {}, total {} USD",
        text(&order, "/number")?,
        text(&order, "/status")?,
        text(&order, "/total")?
    );
    for part in list(&order, "/seller_orders")? {
        println!("   {} for {}: {}", text(part, "/number")?, text(part, "/seller_name")?, text(part, "/total")?);
    }
    Ok(order)
}

async fn pay(market: &Market, order: &str) -> Result<(), Failure> {
    let payment = market.shopper.post(&format!("{order}/payments"), json!({})).await?;
    let provider = text(&payment, "/provider_ref")?;
    println!("   payment {provider} of {} USD at the provider, to be confirmed by Ann", text(&payment, "/amount")?);
    market.shopper.post(&text(&payment, "/confirm_url")?, json!({"payment_method": "pm_ok"})).await?;
    let paid = market.shopper.until(order, "paid", |seen| seen["status"] != "pending").await?;
    let payments = market.shopper.get(&format!("{order}/payments")).await?;
    println!(
        "   the provider's webhook came, a job captured {} USD: payment {}, order {}",
        text(&payments, "/items/0/captured_amount")?,
        text(&payments, "/items/0/status")?,
        text(&paid, "/status")?,
    );
    Ok(())
}

async fn accept(market: &Market, order: &str) -> Result<(), Failure> {
    let seen = market.shopper.get(order).await?;
    for part in list(&seen, "/seller_orders")? {
        let shop = shop_of(market, part)?;
        if part["status"] == "confirmed" {
            let path = format!("/api/v1/seller/orders/{}/accept", text(part, "/id")?);
            shop.person.post(&path, json!({})).await?;
            println!("   {} accepts {}", shop.name, text(part, "/number")?);
        } else {
            println!("   {} has accepted {} by default", shop.name, text(part, "/number")?);
        }
    }
    let seen = market.shopper.get(order).await?;
    println!("   the order is {}", text(&seen, "/status")?);
    Ok(())
}

/// A parcel under way: its number, and its shop's name for the story.
struct Parcel {
    tracking_number: String,
    shop: &'static str,
}

async fn pack(market: &Market, order: &str, labels: &Path) -> Result<Vec<Parcel>, Failure> {
    let mut parcels = Vec::new();
    for part in list(&market.shopper.get(order).await?, "/seller_orders")? {
        let shop = shop_of(market, part)?;
        for (city, warehouse) in &shop.warehouses {
            let path = format!("/api/v1/seller/orders/{}/shipments", text(part, "/id")?);
            let made = shop.person.post(&path, json!({"warehouse_id": warehouse})).await?;
            let path = format!("/api/v1/seller/shipments/{}", text(&made, "/id")?);
            let shipment = shop.person.until(&path, "labelled", |seen| seen["status"] == "labelled").await?;
            let tracking_number = text(&shipment, "/tracking_number")?;
            let file = save_label(&shop.person, &path, labels, &tracking_number).await?;
            println!(
                "   {} from {city}: parcel {tracking_number}, label {} USD, expected {}, {file}",
                shop.name,
                text(&shipment, "/label_cost")?,
                text(&shipment, "/estimated_delivery")?.get(..10).unwrap_or_default(),
            );
            parcels.push(Parcel { tracking_number, shop: shop.name });
        }
    }
    Ok(parcels)
}

/// Saves a label as PDF and ZPL; tells where.
async fn save_label(person: &Client, parcel: &str, labels: &Path, name: &str) -> Result<String, Failure> {
    for format in ["pdf", "zpl"] {
        let content = person.download(&format!("{parcel}/label?format={format}")).await?;
        std::fs::write(labels.join(format!("{name}.{format}")), content)?;
    }
    Ok(labels.join(format!("{name}.pdf")).display().to_string())
}

async fn deliver(market: &Market, order: &str, parcels: &[Parcel]) -> Result<(), Failure> {
    let advance = async |parcel: &Parcel, to: &str| {
        let path = format!("/simulator/parcels/{}/advance", parcel.tracking_number);
        market.visitor.post(&path, json!({"to": to})).await
    };
    let status =
        async |wanted: &'static str| market.shopper.until(order, wanted, |seen| seen["status"] == wanted).await;
    for (at, parcel) in parcels.iter().enumerate() {
        advance(parcel, "in_transit").await?;
        let wanted = if at + 1 == parcels.len() { "shipped" } else { "partially_shipped" };
        status(wanted).await?;
        println!("   {} of {} is on its way: the order is {wanted}", parcel.tracking_number, parcel.shop);
    }
    for (at, parcel) in parcels.iter().enumerate() {
        advance(parcel, "delivered").await?;
        let wanted = if at + 1 == parcels.len() { "delivered" } else { "partially_delivered" };
        status(wanted).await?;
        println!("   {} of {} has arrived: the order is {wanted}", parcel.tracking_number, parcel.shop);
    }
    let tracking = market.shopper.get(&format!("{order}/tracking")).await?;
    let scans: usize =
        list(&tracking, "/shipments")?.iter().filter_map(|parcel| parcel["events"].as_array()).map(Vec::len).sum();
    println!("   Ann's tracking page shows {} parcels with {scans} scans", list(&tracking, "/shipments")?.len());
    Ok(())
}

/// Returns the refund's path for its operator.
async fn give_back(market: &Market, order: &str, labels: &Path) -> Result<String, Failure> {
    let seen = market.shopper.get(order).await?;
    let part = find(list(&seen, "/seller_orders")?, "Kyoto Paper's part", |part| part["seller_name"] == "Kyoto Paper")?;
    let line = find(list(part, "/lines")?, "the notebooks", |line| line["sku"] == "WASHI-A5")?;
    let shop = shop_of(market, part)?;
    let wanted = json!({
        "seller_order_id": text(part, "/id")?, "note": "One has a bent corner.",
        "lines": [{"line_id": text(line, "/id")?, "quantity": 1, "reason": "damaged"}],
    });
    let asked = market.shopper.post("/api/v1/returns", wanted).await?;
    let id = text(&asked, "/id")?;
    println!(
        "   Ann asks: 1 of {} {} is damaged: {}",
        line["quantity"],
        text(line, "/product_name")?,
        text(&asked, "/status")?
    );
    let own = format!("/api/v1/returns/{id}");
    let sellers = format!("/api/v1/seller/returns/{id}");
    shop.person.post(&format!("{sellers}/approve"), json!({})).await?;
    let approved = market.shopper.until(&own, "labelled", |seen| seen["tracking_number"].is_string()).await?;
    let number = text(&approved, "/tracking_number")?;
    let file = labels.join(format!("{number}.pdf"));
    let shipment = format!("/api/v1/seller/shipments/{}", text(&approved, "/shipment_id")?);
    shop.person.until(&shipment, "labelled", |seen| seen["status"] == "labelled").await?;
    std::fs::write(&file, market.shopper.download(&format!("{own}/label")).await?)?;
    println!("   {} approves; return label {}", shop.name, file.display());
    market.visitor.post(&format!("/simulator/parcels/{number}/advance"), json!({"to": "delivered"})).await?;
    market.shopper.until(&own, "in transit", |seen| seen["status"] == "in_transit").await?;
    println!("   parcel {number} is on its way back");
    let came =
        json!({"lines": [{"line_id": text(line, "/id")?, "quantity": 1, "condition": "damaged", "restock": false}]});
    shop.person.post(&format!("{sellers}/receive"), came).await?;
    let done = market.shopper.until(&own, "processed", |seen| seen["status"] == "processed").await?;
    let refunds = market.shopper.get(&format!("{order}/refunds")).await?;
    println!(
        "   {} has it back (damaged, not restocked); refund of {} USD {}; return {}",
        shop.name,
        text(&refunds, "/items/0/amount")?,
        text(&refunds, "/items/0/status")?,
        text(&done, "/status")?,
    );
    text(&refunds, "/items/0/amount")
}

/// Shows the steps of each amount of the order's only refund.
async fn explain(market: &Market, order: &str) -> Result<(), Failure> {
    let refunds = market.shopper.get(&format!("{order}/refunds")).await?;
    let path = format!("/api/v1/admin/explain/refund/{}", text(&refunds, "/items/0/id")?);
    let told = market.admin.get(&path).await?;
    for amount in list(&told, "/amounts")?.iter().filter(|amount| amount["amount"] != "0.00") {
        println!("   {} {} USD", text(amount, "/name")?, text(amount, "/amount")?);
        for step in list(amount, "/steps")? {
            println!("      {:>7}  {}", text(step, "/amount")?, text(step, "/what")?);
        }
    }
    match told["adds_up"].as_bool() {
        Some(true) => Ok(()),
        _ => Err(Failure::Failed(format!("{path} does not add up"))),
    }
}

async fn books(market: &Market, refund: &str) -> Result<(), Failure> {
    let balance = market.admin.get("/api/v1/admin/ledger/trial-balance").await?;
    println!("   {:<20} {:>12} {:>12} {:>12}", "account (USD)", "debits", "credits", "balance");
    for row in list(&balance, "/rows")? {
        println!(
            "   {:<20} {:>12} {:>12} {:>12}",
            text(row, "/account")?,
            text(row, "/debits")?,
            text(row, "/credits")?,
            text(row, "/balance")?
        );
    }
    for total in list(&balance, "/totals")? {
        let sum = text(total, "/total")?;
        println!("   trial balance: {sum} {}", text(total, "/currency")?);
        if !sum.trim_matches(['0', '.', '-']).is_empty() {
            return Err(Failure::Failed(format!("the trial balance is {sum}, not zero")));
        }
    }
    for shop in &market.shops {
        let told = shop.person.get("/api/v1/seller/statement?currency=USD&limit=1").await?;
        let total = |name: &str| text(&told, &format!("/totals/{name}"));
        println!(
            "   {}: sales {}, refunds {}, commission {}, given back {}, labels {}: owed {} USD",
            shop.name,
            total("sales")?,
            total("refunds")?,
            total("commission")?,
            total("commission_reversals")?,
            total("labels")?,
            text(&told, "/closing_balance")?,
        );
    }
    let provider = market.visitor.get("/simulator/books").await?;
    let cents = |pointer: &str| {
        let amount = provider.pointer(pointer).and_then(Value::as_i64);
        amount.ok_or_else(|| Failure::Failed(format!("no amount at {pointer} of {provider}")))
    };
    let usd = CurrencyCode::try_from("USD".to_owned()).map_err(|error| Failure::Failed(error.to_string()))?;
    let show = |amount| Money { amount: MinorUnits(amount), currency: usd }.to_string();
    let (captured, refunded) = (show(cents("/payments/0/captured")?), show(cents("/payments/0/refunded")?));
    println!("   the payment provider's own books: {captured} USD captured, {refunded} USD refunded");
    if refunded != refund {
        return Err(Failure::Failed(format!("we refunded {refund} USD and the provider {refunded} USD")));
    }
    Ok(())
}

fn shop_of<'a>(market: &'a Market, part: &Value) -> Result<&'a Shop, Failure> {
    let id = text(part, "/seller_id")?;
    let found = market.shops.iter().find(|shop| shop.seller_id == id);
    found.ok_or_else(|| Failure::Failed(format!("no shop has the id {id}")))
}

fn find<'a>(items: &'a [Value], what: &str, is: impl Fn(&Value) -> bool) -> Result<&'a Value, Failure> {
    items.iter().find(|item| is(item)).ok_or_else(|| Failure::Failed(format!("{what} cannot be found")))
}
