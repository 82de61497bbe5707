//! How every amount of a busy marketplace came about, step by step.

mod own;

use serde_json::{Value, json};

use crate::souk::client::send;
use crate::souk::terms::Goods;
use crate::souk::{Client, Options, Order, Seller, Souk, cents, eventually, text};

/// The explanation of a thing, which adds up.
async fn explained(client: &Client, of: &str, kind: &str, id: &str) -> Value {
    let told = client.get(&format!("{of}/explain/{kind}/{id}")).await.expect(200);
    assert_eq!((text(&told["kind"]), text(&told["id"])), (kind, id));
    assert_eq!(told["adds_up"], true, "{told:#}");
    for amount in told["amounts"].as_array().expect("amounts") {
        let steps = amount["steps"].as_array().expect("steps");
        let sum: i64 = steps.iter().map(|step| cents(&step["amount"])).sum();
        assert_eq!(sum, cents(&amount["amount"]), "{amount:#}");
        assert_eq!((&amount["adds_up"], &amount["currency"]), (&json!(true), &json!("USD")));
        assert!(text(&amount["formula"]).len() > 10, "{amount}");
        for step in steps {
            assert!(text(&step["what"]).len() > 3, "{step}");
            let Some(rounding) = step["rounding"].as_str() else {
                assert!(step["base"].is_null(), "only where it would tell too much: {step}");
                continue;
            };
            assert!(rounding.split_once('.').is_some_and(|(_, digits)| digits.len() == 6), "{step}");
            assert!(rounding.trim_start_matches('-').starts_with("0."), "less than a minor unit: {step}");
        }
    }
    told
}

/// An amount of an explanation, by name.
#[track_caller]
fn amount<'a>(told: &'a Value, name: &str) -> &'a Value {
    let amounts = told["amounts"].as_array().expect("amounts");
    amounts.iter().find(|amount| amount["name"] == name).unwrap_or_else(|| panic!("no {name} in {told}"))
}

#[track_caller]
fn told_amount(told: &Value, name: &str) -> i64 {
    cents(&amount(told, name)["amount"])
}

/// What a thing has entered on an account: debits positive.
fn entered(told: &Value, account: &str) -> i64 {
    let entries = told["ledger_entries"].as_array().expect("entries").iter();
    entries.filter(|entry| entry["account"] == account).map(|entry| cents(&entry["amount"])).sum()
}

/// A marketplace with tax, promotions that stack, commission with a flat fee and limits, tax on
/// it, and two sellers; one order of both, shipped, refunded in pieces, completed and paid out.
struct Market {
    souk: Souk,
    sellers: [Seller; 2],
    order: Order,
}

impl Market {
    async fn open() -> Self {
        let souk = Souk::start().await;
        let admin = souk.admin().await;
        let zone = admin.tax_zone("US", false).await;
        admin.tax_rate(&zone, "standard", "8.875").await;
        admin.tax_rate(&zone, "shipping", "5").await;
        let promotions = [
            json!({"name": "A seventh off", "kind": "percentage", "percent": "14.2857", "target": "order",
                   "borne_by": "platform", "priority": 1}),
            json!({"name": "Half the shipping", "kind": "free_shipping", "percent": "50", "target": "order",
                   "borne_by": "platform", "priority": 2}),
        ];
        for terms in promotions {
            admin.client.post("/api/v1/admin/promotions", terms).await.expect(201);
        }
        let rule = json!({"name": "Fees", "percent": "12.5", "flat": "0.30", "minimum": "0.50", "maximum": "4.00",
                          "currency": "USD"});
        admin.client.post("/api/v1/admin/commission-rules", rule).await.expect(201);
        let sellers = [souk.seller("First").await, souk.seller("Second").await];
        let mut offers = Vec::new();
        for (at, seller) in sellers.iter().enumerate() {
            let terms = json!({"commission_tax_percent": "19", "payout_hold_days": 0, "reserve_percent": "7.5",
                               "reserve_days": 30});
            admin.client.patch(&format!("/api/v1/admin/sellers/{}", seller.id), terms).await.expect(200);
            seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_ok"})).await.expect(200);
            for (sku, price) in [("LAMP", "19.99"), ("PEN", "0.35"), ("DESK", "333.33")] {
                offers.push(seller.offer_goods(Goods::new(&format!("{sku}-{at}"), price)).await);
            }
        }
        let shopper = souk.guest();
        let lines: Vec<(&str, i64)> = offers.iter().map(String::as_str).zip([3, 7, 1, 2, 3, 2]).collect();
        let order = shopper.buy(&lines).await;
        souk.settle().await;
        let market = Self { souk, sellers, order };
        market.go_on(&shopper).await;
        market
    }

    async fn go_on(&self, shopper: &crate::souk::Shopper) {
        let admin = self.souk.admin().await;
        for (at, seller) in self.sellers.iter().enumerate() {
            let part = self.order.part(seller);
            let line = |at: usize| text(&part.lines()[at]["id"]);
            let path = format!("/api/v1/admin/seller-orders/{}/refunds", part.id());
            let refunds = [
                json!({"lines": [{"line_id": line(0), "quantity": 1}, {"line_id": line(1), "quantity": 2}]}),
                json!({"lines": [{"line_id": line(0), "quantity": 1}], "shipping_amount": "0.77"}),
                json!({"goodwill_amount": "1.23", "goodwill_borne_by": "platform", "shipping_amount": "0.50"}),
                json!({"goodwill_amount": "0.10"}),
            ];
            for refund in refunds {
                admin.client.post(&path, refund).await.expect(201);
            }
            shopper.refunded(self.order.id(), 4 * (at + 1)).await;
            let parcel = seller.ship(part.id(), "Main").await;
            self.souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
        }
        shopper.until(self.order.id(), "delivered").await;
        let path = format!("/api/v1/admin/orders/{}/status", self.order.id());
        let complete = admin.client.request(reqwest::Method::PUT, &path).header("If-Match", "*");
        send(complete.json(&json!({"status": "completed"}))).await.expect(200);
        for seller in &self.sellers {
            let path = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
            let run = admin.client.post_empty(&path).await.expect(200);
            assert_eq!(run["payouts"].as_array().map(Vec::len), Some(1), "{run}");
        }
        self.souk.settle().await;
    }

    async fn admin(&self) -> &Client {
        &self.souk.admin().await.client
    }

    /// The ids of all refunds of a seller order, the oldest first.
    async fn refunds(&self, part: &str) -> Vec<Value> {
        let mut all = self.admin().await.list("/api/v1/admin/refunds").await;
        all.retain(|refund| refund["seller_order_id"] == part);
        all.reverse();
        all
    }

    async fn payout(&self, seller: &Seller) -> Value {
        let all = seller.client.list("/api/v1/seller/payouts").await;
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }
}

#[tokio::test]
async fn everything_in_a_busy_marketplace_adds_up() {
    let market = Market::open().await;
    let admin = market.admin().await;
    for seller in &market.sellers {
        let part = market.order.part(seller);
        let whole = explained(admin, "/api/v1/admin", "seller_order", part.id()).await;
        for name in ["items_total", "discount_total", "shipping_total", "tax_total", "total"] {
            assert_eq!(told_amount(&whole, name), part.cents(name), "{name}");
        }
        let mut sums = [0; 4];
        for line in part.lines() {
            let told = explained(admin, "/api/v1/admin", "order_line", text(&line["id"])).await;
            assert_eq!(told_amount(&told, "total"), cents(&line["total"]));
            assert_eq!(told_amount(&told, "tax"), cents(&line["tax"]));
            for (sum, name) in sums.iter_mut().zip(["discount", "platform_discount", "commission", "commission_tax"]) {
                *sum += told_amount(&told, name);
            }
        }
        assert_eq!(sums[0], told_amount(&whole, "discount_total"));
        assert_eq!(sums[1] + told_amount(&whole, "shipping_discount"), told_amount(&whole, "platform_discount_total"));
        assert_eq!(sums[2..], ["commission_total", "commission_tax_total"].map(|name| told_amount(&whole, name)));

        let mut borne = 0;
        for refund in market.refunds(part.id()).await {
            let told = explained(admin, "/api/v1/admin", "refund", text(&refund["id"])).await;
            assert_eq!(told_amount(&told, "amount"), cents(&refund["amount"]));
            assert_eq!(entered(&told, "seller_payable"), told_amount(&told, "borne_by_seller"));
            assert_eq!(entered(&told, "provider_clearing"), -told_amount(&told, "amount"));
            borne += told_amount(&told, "borne_by_seller");
        }
        let labels: i64 = whole["ledger_entries"]
            .as_array()
            .expect("entries")
            .iter()
            .filter(|entry| entry["source"] == "label" && entry["account"] == "seller_payable")
            .map(|entry| cents(&entry["amount"]))
            .sum();
        let due = told_amount(&whole, "earned") - borne - labels;
        assert_eq!(-entered(&whole, "seller_payable"), due, "what the steps say is what the ledger says");

        let payout = market.payout(seller).await;
        let told = explained(&seller.client, "/api/v1/seller", "payout", text(&payout["id"])).await;
        let steps = amount(&told, "amount")["steps"].as_array().expect("steps");
        assert_eq!(told_amount(&told, "amount"), cents(&payout["amount"]));
        assert_eq!(cents(&steps[0]["amount"]), due);
        assert!(text(&steps[0]["what"]).starts_with(text(&part.0["number"])), "{steps:?}");
        assert_eq!(steps[1]["kind"], "reserve");
        assert_eq!(entered(&told, "seller_reserve"), cents(&steps[1]["amount"]));
    }
    assert_eq!(all_add_up(&market.souk).await, [6, 2, 8, 2]);
}

/// Every line, seller order, refund and payout of a marketplace adds up; returns how many.
async fn all_add_up(souk: &Souk) -> [usize; 4] {
    let (admin, of) = (&souk.admin().await.client, "/api/v1/admin");
    let mut counts = [0; 4];
    for order in admin.list("/api/v1/admin/orders").await {
        let order = admin.get(&format!("{of}/orders/{}", text(&order["id"]))).await.expect(200);
        for part in order["order"]["seller_orders"].as_array().expect("seller orders") {
            explained(admin, of, "seller_order", text(&part["id"])).await;
            counts[1] += 1;
            for line in part["lines"].as_array().expect("lines") {
                explained(admin, of, "order_line", text(&line["id"])).await;
                counts[0] += 1;
            }
        }
    }
    for (kind, list, count) in [("refund", "refunds", 2), ("payout", "payouts", 3)] {
        for row in admin.list(&format!("{of}/{list}")).await {
            explained(admin, of, kind, text(&row["id"])).await;
            counts[count] += 1;
        }
    }
    counts
}

#[tokio::test]
async fn whatever_happens_adds_up() {
    let souk = Souk::with(Options::default().inside()).await;
    let admin = souk.admin().await;
    let zone = admin.tax_zone("US", true).await;
    admin.tax_rate(&zone, "standard", "19").await;
    let gift = json!({"name": "Three for two", "kind": "buy_x_get_y", "percent": "100", "buy_quantity": 2,
                      "get_quantity": 1, "target": "order", "borne_by": "platform"});
    admin.client.post("/api/v1/admin/promotions", gift).await.expect(201);
    let seller = souk.seller("Eventful").await;
    let off = json!({"name": "Five off", "kind": "fixed", "amount": "5.00", "currency": "USD", "target": "order"});
    seller.client.post("/api/v1/seller/promotions", off).await.expect(201);
    seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_closed"})).await.expect(200);
    let mut offers = Vec::new();
    for (sku, price) in [("A", "3.33"), ("B", "0.07"), ("C", "19.99")] {
        offers.push(seller.offer_goods(Goods::new(sku, price)).await);
    }
    let lines = [(offers[0].as_str(), 4), (offers[1].as_str(), 5), (offers[2].as_str(), 1)];

    // Changed before it is paid, refunded in vain, and again, and cancelled.
    let guest = souk.guest();
    let placed = guest.place(&guest.cart(&lines).await).await;
    let path = format!("/api/v1/orders/{}/items/{}", placed.id(), offers[2]);
    send(guest.client().request(reqwest::Method::DELETE, &path).header("If-Match", "*")).await.expect(200);
    guest.pay(placed.id(), "pm_ok").await;
    let order = guest.until(placed.id(), "processing").await;
    let part = order.part(&seller);
    let line = part.lines().iter().find(|line| line["sku"] == "A").expect("the line");
    let path = format!("/api/v1/admin/seller-orders/{}/refunds", part.id());
    souk.simulator().fault("refund_payment", "refused", 1).await;
    let units = json!({"lines": [{"line_id": line["id"], "quantity": 1}], "shipping_amount": "1.11"});
    let failed = admin.client.post(&path, units.clone()).await.expect(201);
    let failed = format!("/api/v1/admin/refunds/{}", text(&failed["id"]));
    eventually("the refund has failed", async || {
        (admin.client.get(&failed).await.expect(200)["status"] == "failed").then_some(())
    })
    .await;
    admin.client.post(&path, units).await.expect(201);
    admin.client.post(&path, json!({"goodwill_amount": "2.22"})).await.expect(201);
    admin.client.post_empty(&format!("{failed}/retry")).await.expect(201);
    seller.reject(part.id()).await.expect(200);
    guest.until(order.id(), "cancelled").await;

    // Exempt from tax that the prices contain; completed, and paid out to a closed account first.
    let shopper = souk.shopper().await;
    let user = shopper.client().get("/api/v1/me").await.expect(200)["id"].take();
    let exempt = json!({"user_id": user, "country": "US", "certificate": "ST-119.1"});
    admin.client.post("/api/v1/admin/tax-exemptions", exempt).await.expect(201);
    let order = shopper.buy(&lines).await;
    let parcel = seller.ship(order.part(&seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await;
    let complete = format!("/api/v1/admin/orders/{}/status", order.id());
    let complete = admin.client.request(reqwest::Method::PUT, &complete).header("If-Match", "*");
    send(complete.json(&json!({"status": "completed"}))).await.expect(200);
    souk.settle().await;
    let pay_out = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
    for account in ["acct_closed", "acct_open"] {
        seller.client.put("/api/v1/seller/payout-account", json!({"account": account})).await.expect(200);
        let run = admin.client.post_empty(&pay_out).await.expect(200);
        assert_eq!(run["payouts"].as_array().map(Vec::len), Some(1), "{run}");
        souk.settle().await;
    }
    // Of the order that was cancelled one refund failed, three were made, and one gave back the rest.
    assert_eq!(all_add_up(&souk).await, [6, 2, 5, 2]);
}

#[tokio::test]
async fn every_step_tells_its_rule_its_base_and_its_rounding() {
    let market = Market::open().await;
    let admin = market.admin().await;
    let part = market.order.part(&market.sellers[0]);
    let line = |sku: &str| part.lines().iter().find(|line| line["sku"] == sku).expect("the line");
    let lamp = explained(admin, "/api/v1/admin", "order_line", text(&line("LAMP-0")["id"])).await;
    let steps = |told: &Value, name: &str| amount(told, name)["steps"].as_array().expect("steps").clone();

    let off = &steps(&lamp, "discount")[0];
    assert_eq!((text(&off["kind"]), text(&off["rule_name"])), ("promotion", "A seventh off"));
    assert_eq!(text(&off["rate_percent"]), "14.2857");
    assert_eq!(cents(&off["weight"]), 5997);
    let goods = 2 * 5997 - 1999 + 245 + 105 + 3 * 33333;
    assert_eq!(cents(&off["sum_of_weights"]), goods);
    assert!(off["rule_id"].is_string() && off["divided_amount"].is_string(), "{off}");

    let tax = &steps(&lamp, "tax")[0];
    let left = 5997 - told_amount(&lamp, "discount");
    assert_eq!((text(&tax["kind"]), text(&tax["rate_percent"]), cents(&tax["base"])), ("tax", "8.875", left));
    // What rounding added is the tax less its exact amount.
    let exact = left * 8875 * 10;
    let rounding = text(&tax["rounding"]).replace('.', "").parse::<i64>().expect("millionths");
    assert!((cents(&tax["amount"]) * 1_000_000 - exact - rounding).abs() <= 1, "{tax}");

    // 12.5% of 59.97, which the marketplace's own discount does not lower, would be 7.50: no more than 4.00.
    let commission = steps(&lamp, "commission");
    let kinds: Vec<&str> = commission.iter().map(|step| text(&step["kind"])).collect();
    assert_eq!(kinds, ["commission", "commission_flat", "commission_limit"]);
    let amounts: Vec<i64> = commission.iter().map(|step| cents(&step["amount"])).collect();
    assert_eq!(amounts, [750, 90, -440]);
    assert!(text(&commission[2]["what"]).contains("at most 4.00"), "{commission:?}");
    assert_eq!(told_amount(&lamp, "commission_tax"), 76);
    // A payment is entered for the whole order: only the seller's own part of it is told.
    assert_eq!(entered(&lamp, "provider_clearing"), 0);
    assert!(entered(&lamp, "commission_revenue") < 0);

    // The second lamp of three.
    let refunds = market.refunds(part.id()).await;
    let second = explained(admin, "/api/v1/admin", "refund", text(&refunds[1]["id"])).await;
    let slice = &steps(&second, "amount")[0];
    let total = text(&line("LAMP-0")["total"]);
    assert_eq!([&slice["units_before"], &slice["units_after"], &slice["units_of"]], [1, 2, 3]);
    let sentence = format!("unit 2 of 3 of {total}: round({total} * 2 / 3) - round({total} * 1 / 3)");
    assert!(text(&slice["what"]).ends_with(&sentence), "{slice}");
    let goodwill = explained(admin, "/api/v1/admin", "refund", text(&refunds[2]["id"])).await;
    assert_eq!(entered(&goodwill, "goodwill_expense"), 123);
}
