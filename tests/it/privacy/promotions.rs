//! What an erased guest has used of promotions is counted, and nobody's.

use serde_json::json;

use crate::souk::{Order, Shopper, Souk};

/// Whose uses there are, and how many.
async fn uses(souk: &Souk) -> Vec<String> {
    souk.database().words("SELECT shopper || ' ' || used FROM promotion_shopper ORDER BY used, shopper").await
}

/// Whose the uses of an order are said to be.
async fn users(souk: &Souk, order: &Order) -> Vec<String> {
    let sql = "SELECT p.shopper FROM order_promotion p JOIN orders o ON o.id = p.order_id WHERE o.number = $1";
    souk.database().words_of(sql, [crate::souk::text(&order.0["number"]).into()]).await
}

#[tokio::test]
async fn a_guest_who_is_erased_leaves_uses_of_nobody() {
    let souk = Souk::start().await;
    let seller = souk.seller("Generous").await;
    let offer = seller.offer("GENEROUS-1", "20.00", 99).await;
    let admin = souk.admin().await;
    let limited = json!({"name": "Some", "kind": "percentage", "percent": "10", "shopper_limit": 5, "usage_limit": 50});
    let limited = admin.promotion(limited).await;
    admin.promotion(json!({"name": "Any", "kind": "percentage", "percent": "5"})).await;
    let guest = souk.guest();
    let place = async |guest: &Shopper| guest.place(&guest.cart(&[(&offer, 1)]).await).await;
    let (paid, unpaid, stays) = (place(&guest).await, place(&guest).await, place(&guest).await);
    let index = users(&souk, &stays).await;
    assert!(index.len() == 2 && index[0] == index[1], "{index:?}");
    assert_eq!(users(&souk, &paid).await, index);
    guest.pay(paid.id(), "pm_ok").await;
    guest.until(paid.id(), "processing").await;
    seller.reject(paid.part(&seller).id()).await.expect(200);
    guest.until(paid.id(), "cancelled").await;
    guest.cancel(unpaid.id()).await.expect(200);
    souk.settle().await;
    assert_eq!(uses(&souk).await, [format!("{} 2", index[0])], "what was paid counts");

    let erase = async |order: &Order| {
        admin.client.post_empty(&format!("/api/v1/admin/orders/{}/erase-shopper", order.id())).await.expect(200)
    };
    erase(&unpaid).await;
    assert_eq!(uses(&souk).await, [format!("{} 2", index[0])]);
    erase(&paid).await;
    for order in [&unpaid, &paid] {
        let nobody = users(&souk, order).await;
        assert!(nobody.len() == 2 && nobody[0] != nobody[1] && !nobody.contains(&index[0]), "{nobody:?}");
    }
    let now = uses(&souk).await;
    assert!(now.len() == 2 && now.contains(&format!("{} 1", index[0])), "another order of the address counts: {now:?}");
    guest.cancel(stays.id()).await.expect(200);
    erase(&stays).await;
    let now = uses(&souk).await;
    assert!(now.len() == 1 && !now[0].contains(&index[0]), "nothing is found by the address: {now:?}");
    assert_eq!(admin.uses(&limited).await, 1);
    souk.audit().await;
}

/// Orders of an address and the erasure of another order of it at the same moment: each use is counted once.
#[tokio::test]
async fn uses_are_counted_while_a_guest_of_the_same_address_is_erased() {
    let souk = Souk::start().await;
    let seller = souk.seller("Generous").await;
    let offer = seller.offer("GENEROUS-1", "20.00", 99).await;
    let admin = souk.admin().await;
    admin.promotion(json!({"name": "Some", "kind": "percentage", "percent": "10", "shopper_limit": 90})).await;
    let guest = souk.guest();
    let mut over = Vec::new();
    for _ in 0..6 {
        let order = guest.place(&guest.cart(&[(&offer, 1)]).await).await;
        guest.pay(order.id(), "pm_ok").await;
        guest.until(order.id(), "processing").await;
        seller.reject(order.part(&seller).id()).await.expect(200);
        guest.until(order.id(), "cancelled").await;
        over.push(order);
    }
    souk.settle().await;
    for order in over {
        let (first, second) = (guest.cart(&[(&offer, 1)]).await, guest.cart(&[(&offer, 1)]).await);
        let path = format!("/api/v1/admin/orders/{}/erase-shopper", order.id());
        let (erased, first, second) =
            tokio::join!(admin.client.post_empty(&path), guest.try_place(&first), guest.try_place(&second));
        erased.expect(200);
        for placed in [first, second] {
            placed.expect(201);
        }
    }
    let counted = souk.database().number("SELECT CAST(sum(used) AS bigint) FROM promotion_shopper", []).await;
    assert_eq!((counted, uses(&souk).await.len()), (18, 7));
    souk.audit().await;
}
