//! How many promotions can apply by themselves.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::souk::{Answer, Souk, text};

/// Makes promotions that apply by themselves, all at once; returns those that were made.
async fn make_at_once<F: Future<Output = Answer>>(count: usize, make: impl Fn() -> F) -> Vec<Value> {
    let answers = join_all((0..count).map(|_| make())).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.as_u16() == 201);
    for refusal in refused {
        let error = refusal.refused(422, "INVALID_VALUE");
        assert!(text(&error["message"]).contains("Switch one off or end it first"), "{error}");
    }
    made.into_iter().map(Answer::json).collect()
}

#[tokio::test]
async fn a_seller_can_have_so_many_that_apply_by_themselves() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("A Seller").await, souk.seller("Another").await);
    let percent = || json!({"kind": "percentage", "percent": "1"});
    // Those that are off, over or have a code do not count; those to come do.
    let mut past = percent();
    (past["starts_at"], past["ends_at"]) = (json!("2020-01-01T00:00:00Z"), json!("2021-01-01T00:00:00Z"));
    let past = seller.promotion(past).await;
    let rests = seller.promotion(percent()).await;
    seller.change_promotion(&rests, json!({"active": false})).await.expect(200);
    seller.promotion(json!({"code": "CODED", "kind": "percentage", "percent": "1"})).await;
    let mut later = percent();
    later["starts_at"] = json!("2999-01-01T00:00:00Z");
    seller.promotion(later).await;
    let made = make_at_once(60, async || seller.try_promotion(percent()).await).await;
    assert_eq!(made.len(), 49, "also when they are made at the same moment");

    let on = json!({"active": true});
    let again = json!({"ends_at": "2999-01-01T00:00:00Z"});
    seller.change_promotion(&made[0], on.clone()).await.expect(200);
    seller.change_promotion(&made[0], again.clone()).await.expect(200);
    seller.change_promotion(&past, json!({"active": false})).await.expect(200);
    seller
        .change_promotion(&past, json!({"active": true, "ends_at": "2999-01-01T00:00:00Z"}))
        .await
        .refused(422, "INVALID_VALUE");
    seller.change_promotion(&past, on.clone()).await.expect(200);
    seller.change_promotion(&past, again.clone()).await.refused(422, "INVALID_VALUE");
    seller.change_promotion(&rests, on.clone()).await.refused(422, "INVALID_VALUE");
    souk.admin().await.change_promotion(&rests, on.clone()).await.refused(422, "INVALID_VALUE");
    seller.promotion(json!({"code": "MORE", "kind": "percentage", "percent": "1"})).await;
    other.promotion(percent()).await;
    souk.admin().await.promotion(percent()).await;

    seller.change_promotion(&made[1], json!({"active": false})).await.expect(200);
    seller.change_promotion(&past, again).await.expect(200);
    seller.try_promotion(percent()).await.refused(422, "INVALID_VALUE");
    seller.change_promotion(&past, json!({"active": false})).await.expect(200);
    seller.change_promotion(&rests, on).await.expect(200);
}

#[tokio::test]
async fn the_marketplace_can_have_so_many_that_apply_by_themselves() {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let make = async || admin.try_promotion(json!({"kind": "percentage", "percent": "1"})).await;
    let made = make_at_once(50, make).await;
    assert_eq!(made.len(), 50);
    assert!(make_at_once(5, make).await.is_empty());
    admin.change_promotion(&made[0], json!({"active": false})).await.expect(200);
    make().await.expect(201);
    admin.change_promotion(&made[0], json!({"active": true})).await.refused(422, "INVALID_VALUE");
    souk.seller("A Seller").await.promotion(json!({"kind": "percentage", "percent": "1"})).await;
}
