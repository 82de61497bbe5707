//! Money paid back without a return, and beside one.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::souk::client::send;
use crate::souk::{Admin, Answer, Client, Options, Order, Seller, Shopper, Souk, cents, eventually, text};

/// Asks for a refund of a seller order as an administrator.
async fn by_admin(souk: &Souk, part: &str, body: Value) -> Answer {
    souk.admin().await.client.post(&format!("/api/v1/admin/seller-orders/{part}/refunds"), body).await
}

/// Asks for a refund of a seller order as its seller.
async fn by_seller(client: &Client, part: &str, body: Value) -> Answer {
    client.post(&format!("/api/v1/seller/orders/{part}/refunds"), body).await
}

/// So many units of a line.
fn units(line: &str, quantity: i64) -> Value {
    json!([{"line_id": line, "quantity": quantity}])
}

/// What can be refunded, which is the same for the seller and for operators.
async fn refundable(souk: &Souk, seller: &Seller, part: &str) -> Value {
    let told = seller.client.get(&format!("/api/v1/seller/orders/{part}/refundable")).await.expect(200);
    let path = format!("/api/v1/admin/seller-orders/{part}/refundable");
    assert_eq!(souk.admin().await.client.get(&path).await.expect(200), told);
    told
}

/// What the marketplace owes a seller, in cents.
async fn owed(seller: &Seller) -> i64 {
    let shown = seller.client.get("/api/v1/seller").await.expect(200);
    let balances = shown["balances"].as_array().expect("balances");
    balances.iter().find(|balance| balance["currency"] == "USD").map_or(0, |balance| cents(&balance["amount"]))
}

/// What an account has been credited with less what it has been debited, in cents.
async fn credited(admin: &Admin, account: &str) -> i64 {
    let (debits, credits) = admin.account(account).await;
    credits - debits
}

/// A market where everything that a refund can concern happens: tax on goods and shipping, a
/// discount that the marketplace bears, commission and the tax on it.
async fn market() -> (Souk, Seller, Shopper) {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let zone = admin.tax_zone("US", false).await;
    admin.tax_rate(&zone, "standard", "8.875").await;
    admin.tax_rate(&zone, "shipping", "5").await;
    let tenth = json!({"name": "A tenth off", "kind": "percentage", "percent": "10", "target": "order",
                       "borne_by": "platform"});
    admin.client.post("/api/v1/admin/promotions", tenth).await.expect(201);
    let seller = souk.seller("Generous").await;
    let terms = json!({"commission_tax_percent": "20"});
    admin.client.patch(&format!("/api/v1/admin/sellers/{}", seller.id), terms).await.expect(200);
    let shopper = souk.guest();
    (souk, seller, shopper)
}

/// Ships a seller order from the first warehouse and has it delivered.
async fn deliver(souk: &Souk, shopper: &Shopper, seller: &Seller, order: &Order) -> Order {
    let parcel = seller.ship(order.part(seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await
}

/// Gives units of the only line back, which the seller receives at once.
async fn return_units(shopper: &Shopper, seller: &Seller, order: &Order, quantity: i64) -> Value {
    let part = order.part(seller);
    let asked = shopper.give_back(part, part.line(), quantity).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    seller.receive(id, part.line(), quantity).await.expect(200);
    shopper.return_until(id, "processed").await
}

fn sum(refunds: &[Value], field: &str) -> i64 {
    refunds.iter().map(|refund| cents(&refund[field])).sum()
}

#[tokio::test]
async fn many_refunds_at_once_never_exceed_what_was_paid_and_end_at_it() {
    let souk = Souk::start().await;
    let seller = souk.seller("Kind").await;
    let offer = seller.offer("KIND-1", "2.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 10)]).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    assert_eq!(order.total(), 2500);

    let (souk, client) = (&souk, &seller.client);
    let asked = (0..64).map(async |at: usize| {
        let body = match at % 4 {
            0 => json!({"lines": units(line, 1), "note": "one is broken"}),
            1 => json!({"shipping_amount": "0.50"}),
            2 => json!({"goodwill_amount": "1.00", "currency": "USD"}),
            _ => json!({"lines": units(line, 2), "shipping_amount": "0.50", "goodwill_amount": "0.50"}),
        };
        if at % 8 < 4 { by_admin(souk, part, body).await } else { by_seller(client, part, body).await }
    });
    let answers = join_all(asked).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.as_u16() == 201);
    for answer in refused {
        let error = answer.refused(422, "REFUND_EXCEEDS_PAYMENT");
        assert!(text(&error["message"]).ends_with(" can."), "names what is left: {error}");
    }
    let refunds = shopper.refunded(order.id(), made.len()).await;
    assert_eq!(sum(&refunds, "amount"), 2500, "all of it was asked for");
    assert_eq!(shopper.order(order.id()).await.part(&seller).lines()[0]["refunded_quantity"], 10);
    let left = refundable(souk, &seller, part).await;
    for field in ["amount", "tax", "commission", "commission_tax", "shipping_amount"] {
        assert_eq!(cents(&left[field]), 0, "{field} in {left}");
    }
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (2500, 2500));
    assert_eq!(credited(souk.admin().await, "commission_revenue").await, 0, "commission of all units came back");
    assert_eq!(owed(&seller).await, 0);
    by_seller(client, part, json!({"goodwill_amount": "0.01"})).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
}

#[tokio::test]
async fn refunds_in_pieces_give_back_tax_commission_and_the_marketplaces_discount() {
    let (souk, seller, shopper) = market().await;
    let offer = seller.offer("PIECES-1", "3.33", 9).await;
    let order = shopper.buy(&[(&offer, 7)]).await;
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let (part, line) = (order.part(&seller), order.part(&seller).line());
    let admin = souk.admin().await;
    let tax = part.cents("tax_total");
    assert!(tax > 0 && credited(admin, "tax_payable").await == tax);
    let whole = refundable(&souk, &seller, part.id()).await;
    assert_eq!((cents(&whole["amount"]), cents(&whole["tax"])), (order.total(), tax));
    assert_eq!(whole["lines"][0]["quantity"], 7);
    assert_eq!(cents(&whole["commission"]), credited(admin, "commission_revenue").await);
    assert_eq!(cents(&whole["platform_discount"]), -credited(admin, "promotion_expense").await);
    assert_eq!(cents(&whole["commission_tax"]), credited(admin, "commission_tax_payable").await);
    assert!(["commission", "commission_tax", "platform_discount"].iter().all(|field| cents(&whole[field]) > 0));
    assert_eq!(cents(&whole["lines"][0]["amount"]) + cents(&whole["shipping_amount"]), order.total());

    let two = by_admin(&souk, part.id(), json!({"lines": units(line, 2), "note": "scratched"})).await.expect(201);
    assert_eq!((text(&two["reason"]), text(&two["note"])), ("adjustment", "scratched"));
    assert_eq!(two["lines"][0]["component"], "item");
    for field in ["amount", "tax", "commission", "commission_tax", "platform_discount"] {
        let of_line = cents(&whole["lines"][0][field]);
        let slice = (of_line * 2 * 2 + 7) / (7 * 2);
        assert_eq!((cents(&two[field]), cents(&two["lines"][0][field])), (slice, slice), "{field}");
    }
    let shipping = by_seller(&seller.client, part.id(), json!({"shipping_amount": "1.11"})).await.expect(201);
    assert_eq!((cents(&shipping["amount"]), cents(&shipping["commission"])), (111, 0));
    assert!(cents(&shipping["tax"]) > 0);
    return_units(&shopper, &seller, &order, 4).await;
    let rest = refundable(&souk, &seller, part.id()).await;
    assert_eq!(rest["lines"][0]["quantity"], 1);
    let last = json!({"lines": units(line, 1), "shipping_amount": rest["shipping_amount"]});
    by_seller(&seller.client, part.id(), last).await.expect(201);

    let refunds = shopper.refunded(order.id(), 4).await;
    assert_eq!((sum(&refunds, "amount"), sum(&refunds, "tax")), (order.total(), tax));
    assert!(refunds.iter().all(|refund| refund["commission"].is_null()), "shoppers are not told");
    let told = seller.client.list(&format!("/api/v1/seller/orders/{}/refunds", part.id())).await;
    assert_eq!(sum(&told, "commission"), cents(&whole["commission"]));
    let books = souk.audit().await;
    assert_eq!(books.refunded, order.total());
    for account in ["tax_payable", "commission_revenue", "commission_tax_payable", "promotion_expense"] {
        assert_eq!(credited(admin, account).await, 0, "{account}");
    }
    assert_eq!(owed(&seller).await, -credited(admin, "carrier_payable").await, "labels are all that is left");
}

#[tokio::test]
async fn goodwill_is_borne_by_who_is_named() {
    let (souk, seller, shopper) = market().await;
    let offer = seller.offer("WILL-1", "20.00", 9).await;
    let order = shopper.buy(&[(&offer, 1)]).await;
    let (part, admin) = (order.part(&seller).id(), souk.admin().await);
    let (before, tax) = (owed(&seller).await, credited(admin, "tax_payable").await);

    let ours = json!({"goodwill_amount": "3.00", "goodwill_borne_by": "platform", "currency": "USD"});
    let made = by_admin(&souk, part, ours).await.expect(201);
    assert_eq!((text(&made["reason"]), cents(&made["platform_amount"])), ("goodwill", 300));
    assert_eq!((cents(&made["tax"]), cents(&made["commission"])), (0, 0));
    shopper.refunded(order.id(), 1).await;
    assert_eq!(owed(&seller).await, before);
    assert_eq!(credited(admin, "goodwill_expense").await, -300);

    let theirs = by_seller(&seller.client, part, json!({"goodwill_amount": "2.00"})).await.expect(201);
    assert_eq!(cents(&theirs["platform_amount"]), 0);
    by_admin(&souk, part, json!({"goodwill_amount": "1.00"})).await.expect(201);
    let mixed = json!({"goodwill_amount": "4.00", "shipping_amount": "1.00", "goodwill_borne_by": "platform"});
    let mixed = by_admin(&souk, part, mixed).await.expect(201);
    assert_eq!((text(&mixed["reason"]), cents(&mixed["platform_amount"])), ("adjustment", 400));
    shopper.refunded(order.id(), 4).await;
    let reversed = cents(&mixed["tax"]);
    assert_eq!(owed(&seller).await, before - 300 - (100 - reversed) - cents(&mixed["platform_discount"]));
    assert_eq!(credited(admin, "goodwill_expense").await, -700);
    assert_eq!(credited(admin, "tax_payable").await, tax - reversed);
    souk.audit().await;
}

#[tokio::test]
async fn goodwill_of_the_platform_is_no_gift_to_a_seller_who_has_the_goods_back() {
    let (souk, seller, shopper) = market().await;
    let offer = seller.offer("NOGIFT-1", "20.00", 9).await;
    let order = shopper.buy(&[(&offer, 2)]).await;
    let (part, admin) = (order.part(&seller).id(), souk.admin().await);
    by_admin(&souk, part, json!({"goodwill_amount": "5.00", "goodwill_borne_by": "platform"})).await.expect(201);
    shopper.refunded(order.id(), 1).await;
    assert_eq!(credited(admin, "goodwill_expense").await, -500);

    shopper.cancel(order.id()).await.expect(200);
    let refunds = shopper.refunded(order.id(), 2).await;
    let paid_back: i64 = refunds.iter().map(|refund| cents(&refund["amount"])).sum();
    assert_eq!(paid_back, order.total());
    assert_eq!(owed(&seller).await, 0);
    for account in ["goodwill_expense", "tax_payable", "commission_revenue", "promotion_expense"] {
        assert_eq!(credited(admin, account).await, 0, "{account}");
    }
    souk.audit().await;
}

#[tokio::test]
async fn units_that_were_refunded_before_come_back_without_being_paid_twice() {
    let souk = Souk::start().await;
    let seller = souk.seller("Twice").await;
    let offer = seller.offer("TWICE-1", "3.33", 9).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 3)]).await;
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());

    by_seller(&seller.client, part, json!({"lines": units(line, 2)})).await.expect(201);
    shopper.refunded(order.id(), 1).await;
    return_units(&shopper, &seller, &order, 2).await;
    let refunds = shopper.refunded(order.id(), 2).await;
    assert_eq!((cents(&refunds[0]["amount"]), text(&refunds[0]["reason"])), (333, "return"));
    assert_eq!(shopper.order(order.id()).await.status(), "delivered");
    // All are paid back by now; the last one settles without a refund.
    return_units(&shopper, &seller, &order, 1).await;
    shopper.until(order.id(), "refunded").await;
    assert_eq!(shopper.refunds(order.id()).await.len(), 2);
    let books = souk.audit().await;
    assert_eq!(books.refunded, 999);
}

#[tokio::test]
async fn what_is_cancelled_after_partial_refunds_is_paid_back_whole() {
    let (souk, seller, shopper) = market().await;
    let offers = [("REST-1", "3.33"), ("REST-2", "0.07"), ("REST-3", "9.99")];
    let offers = join_all(offers.map(|(sku, price)| seller.offer(sku, price, 9))).await;
    let cart = shopper.cart(&[(&offers[0], 3), (&offers[1], 5), (&offers[2], 1)]).await;
    let placed = shopper.place(&cart).await;
    let path = format!("/api/v1/orders/{}/items/{}", placed.id(), offers[2]);
    send(shopper.client().request(Method::DELETE, &path).header("If-Match", "*")).await.expect(200);
    shopper.pay(placed.id(), "pm_ok").await;
    let order = shopper.until(placed.id(), "processing").await;
    let part = order.part(&seller);
    let line_of =
        |offer: &str| part.lines().iter().find(|line| line["offer_id"] == offer).map(|line| text(&line["id"]));
    let line = line_of(&offers[0]).expect("a line");
    let taken_out = json!({"lines": units(line_of(&offers[2]).expect("a line"), 1)});
    let error = by_admin(&souk, part.id(), taken_out).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "1 of REST-3 cannot be refunded: 0 can.");
    let some = json!({"lines": units(line, 1), "shipping_amount": "2.22", "goodwill_amount": "0.55"});
    by_seller(&seller.client, part.id(), some).await.expect(201);
    seller.reject(part.id()).await.expect(200);
    shopper.until(order.id(), "cancelled").await;
    let refunds = shopper.refunded(order.id(), 2).await;
    assert_eq!(sum(&refunds, "amount"), order.total());
    assert_eq!(refunds[0]["reason"], "cancellation");
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (order.total(), order.total()));
    let admin = souk.admin().await;
    for account in
        ["tax_payable", "commission_revenue", "commission_tax_payable", "promotion_expense", "seller_payable"]
    {
        assert_eq!(credited(admin, account).await, 0, "{account}");
    }
    let more = by_admin(&souk, part.id(), json!({"shipping_amount": "0.01"})).await;
    let error = more.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "0.01 USD cannot be refunded of this seller order: 0.00 can.");
}

#[tokio::test]
async fn goodwill_comes_off_what_units_are_worth_later() {
    let souk = Souk::start().await;
    let seller = souk.seller("Early").await;
    let offer = seller.offer("EARLY-1", "10.00", 9).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 2)]).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    by_seller(&seller.client, part, json!({"goodwill_amount": "6.00"})).await.expect(201);
    // Amounts are paid as asked for, or not at all.
    let all = json!({"lines": units(line, 2), "shipping_amount": "5.00"});
    let error = by_seller(&seller.client, part, all).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "25.00 USD cannot be refunded of this seller order: 19.00 can.");
    let both = by_seller(&seller.client, part, json!({"lines": units(line, 2)})).await.expect(201);
    assert_eq!(cents(&both["amount"]), 1900);
    shopper.refunded(order.id(), 2).await;
    assert_eq!((owed(&seller).await, credited(souk.admin().await, "commission_revenue").await), (0, 0));
    souk.audit().await;
}

#[tokio::test]
async fn a_refused_refund_frees_what_it_held_and_can_be_made_anew() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Again").await;
    let offer = seller.offer("AGAIN-1", "9.99", 9).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 3)]).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    souk.simulator().fault("refund_payment", "refused", 1).await;
    let some = json!({"lines": units(line, 2), "shipping_amount": "5.00", "goodwill_amount": "1.00",
                      "goodwill_borne_by": "platform"});
    let made = by_admin(&souk, part, some).await.expect(201);
    let (admin, path) = (souk.admin().await, format!("/api/v1/admin/refunds/{}", text(&made["id"])));
    eventually("the refund has failed", async || {
        (admin.client.get(&path).await.expect(200)["status"] == "failed").then_some(())
    })
    .await;
    assert_eq!(cents(&refundable(&souk, &seller, part).await["amount"]), order.total());
    let again = admin.client.post_empty(&format!("{path}/retry")).await.expect(201);
    for field in ["amount", "tax", "platform_amount", "commission", "reason"] {
        assert_eq!(again[field], made[field], "{field}");
    }
    let done = eventually("it is paid back", async || {
        let refunds = shopper.refunds(order.id()).await;
        refunds.iter().any(|refund| refund["status"] == "succeeded").then_some(refunds)
    })
    .await;
    assert_eq!(done.len(), 2);
    let books = souk.audit().await;
    assert_eq!(books.refunded, cents(&made["amount"]));
}

#[tokio::test]
async fn a_refund_names_something_that_is_there() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("Mine").await, souk.seller("Theirs").await);
    let offers = [seller.offer("MINE-1", "10.00", 9).await, other.offer("THEIRS-1", "10.00", 9).await];
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offers[0], 2), (&offers[1], 1)]).await;
    let order = shopper.place(&cart).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let ask = async |body: Value| by_seller(&seller.client, part, body).await;
    let nothing = refundable(&souk, &seller, part).await;
    assert_eq!((cents(&nothing["amount"]), &nothing["lines"][0]["quantity"]), (0, &json!(0)));
    ask(json!({"goodwill_amount": "1.00"})).await.refused(409, "ILLEGAL_TRANSITION");
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;

    for body in [
        json!({}),
        json!({"lines": []}),
        json!({"shipping_amount": "0.00"}),
        json!({"goodwill_amount": "-1.00"}),
        json!({"lines": units(line, 0)}),
        json!({"lines": units(line, -1)}),
        json!({"lines": [{"line_id": line, "quantity": 1}, {"line_id": line, "quantity": 1}]}),
    ] {
        ask(body).await.refused(422, "INVALID_VALUE");
    }
    ask(json!({"goodwill_amount": "1.00", "currency": "EUR"})).await.refused(422, "INVALID_MONEY");
    ask(json!({"goodwill_amount": "1.001"})).await.refused(422, "INVALID_MONEY");
    ask(json!({"goodwill_amount": "1.00", "goodwill_borne_by": "platform"})).await.refused(400, "MALFORMED_REQUEST");
    ask(json!({"lines": units(order.part(&other).line(), 1)})).await.refused(404, "NOT_FOUND");
    let error = ask(json!({"lines": units(line, 3)})).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "3 of MINE-1 cannot be refunded: 2 can.");
    let error = ask(json!({"shipping_amount": "5.01"})).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "5.01 of the shipping cannot be refunded: 5.00 can.");
    let error = ask(json!({"goodwill_amount": "25.01"})).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "25.01 USD cannot be refunded of this seller order: 25.00 can.");
    for path in ["refunds", "refundable"] {
        other.client.get(&format!("/api/v1/seller/orders/{part}/{path}")).await.refused(404, "NOT_FOUND");
    }
    by_seller(&other.client, part, json!({"goodwill_amount": "1.00"})).await.refused(404, "NOT_FOUND");

    let path = format!("/api/v1/seller/orders/{part}/refunds");
    let body = json!({"lines": units(line, 1)});
    let first = seller.client.post_once(&path, "once", body.clone()).await.expect(201);
    assert_eq!(seller.client.post_once(&path, "once", body).await.expect(201), first);
    assert_eq!(shopper.refunded(order.id(), 1).await.len(), 1);
    souk.audit().await;
}
