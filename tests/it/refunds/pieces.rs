//! Units, shipping and amounts, in any order, and what is given back with them.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::souk::client::send;
use crate::souk::{Souk, cents, text};

use super::{by_admin, by_seller, credited, deliver, market, owed, refundable, return_units, sum, units};

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
