//! Money for nothing that was bought, and what it does to what is refunded later.

use serde_json::json;

use crate::souk::{Souk, cents, text};

use super::{by_admin, by_seller, credited, market, owed, sum, units};

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
    assert_eq!(sum(&refunds, "amount"), order.total());
    assert_eq!(owed(&seller).await, 0);
    for account in ["goodwill_expense", "tax_payable", "commission_revenue", "promotion_expense"] {
        assert_eq!(credited(admin, account).await, 0, "{account}");
    }
    souk.audit().await;
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
async fn what_was_cancelled_is_not_taxed_after_goodwill() {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let zone = admin.tax_zone("US", false).await;
    admin.tax_rate(&zone, "standard", "10").await;
    admin.tax_rate(&zone, "shipping", "10").await;
    let seller = souk.seller("Taxed").await;
    let offer = seller.offer("GOODTAX-1", "20.00", 9).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    by_seller(&seller.client, order.part(&seller).id(), json!({"goodwill_amount": "6.00"})).await.expect(201);
    shopper.refunded(order.id(), 1).await;
    shopper.cancel(order.id()).await.expect(200);
    let refunds = shopper.refunded(order.id(), 2).await;
    assert_eq!(
        (sum(&refunds, "amount"), sum(&refunds, "tax")),
        (order.total(), order.part(&seller).cents("tax_total"))
    );
    let left = (owed(&seller).await, credited(admin, "tax_payable").await);
    assert_eq!(left, (0, 0), "all was paid back and nothing was sold");
    // Whose goods have come to less than their tax, of which goodwill has paid.
    let offer = seller.offer("GOODTAX-2", "1.00", 9).await;
    let order = shopper.buy(&[(&offer, 1)]).await;
    let part = order.part(&seller);
    let most = json!({"goodwill_amount": "6.55"});
    by_seller(&seller.client, part.id(), most).await.expect(201);
    shopper.refunded(order.id(), 1).await;
    shopper.cancel(order.id()).await.expect(200);
    let refunds = shopper.refunded(order.id(), 2).await;
    assert_eq!((sum(&refunds, "amount"), sum(&refunds, "tax")), (order.total(), part.cents("tax_total")));
    let last = refunds.iter().find(|refund| refund["reason"] == "cancellation").expect("the rest");
    assert!(cents(&last["tax"]) > cents(&last["amount"]), "{last}");
    let told = admin.client.get(&format!("/api/v1/admin/explain/refund/{}", text(&last["id"]))).await.expect(200);
    assert_eq!(told["adds_up"], true, "{told:#}");
    assert_eq!((owed(&seller).await, credited(admin, "tax_payable").await), (0, 0));
    souk.audit().await;
}
