//! What the marketplace asks of those who want to sell.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::souk::{Client, Options, Seller, Souk, eventually, text};

const REQUIREMENTS: &str = "/api/v1/admin/seller-requirements";

async fn ask(souk: &Souk, kind: &str, title: &str, required: bool) -> String {
    let body = json!({"kind": kind, "title": title, "instructions": "Do it.", "required": required});
    text(&souk.admin().await.client.post(REQUIREMENTS, body).await.expect(201)["id"]).to_owned()
}

/// The titles of what is met.
async fn met(client: &Client, path: &str) -> (bool, Vec<String>) {
    let list = client.get(path).await.expect(200);
    let items = list["items"].as_array().expect("items");
    let met = items.iter().filter(|item| item["met"] == true);
    let titles = met.map(|item| text(&item["requirement"]["title"]).to_owned()).collect();
    (list["complete"] == true, titles)
}

#[tokio::test]
async fn nobody_is_approved_before_all_that_is_required_is_there() {
    let souk = Souk::start().await;
    let operator = &souk.admin().await.client;
    ask(&souk, "payout_account", "Account", true).await;
    ask(&souk, "return_policy", "Returns", true).await;
    ask(&souk, "warehouse", "Address", true).await;
    ask(&souk, "shipping_method", "Shipping", true).await;
    ask(&souk, "verified_email", "E-mail", false).await;
    let terms = ask(&souk, "terms", "Terms", true).await;
    let register = ask(&souk, "custom", "Register", true).await;
    let optional = ask(&souk, "custom", "Nice to have", false).await;
    let twice = json!({"kind": "warehouse", "title": "Again", "required": true});
    operator.post(REQUIREMENTS, twice.clone()).await.refused(409, "ALREADY_EXISTS");
    let empty = json!({"kind": "terms", "title": "Nothing", "required": true});
    operator.post(REQUIREMENTS, empty).await.refused(422, "INVALID_VALUE");

    let seller = Seller::apply(souk.shopper().await.client(), "An Applicant").await;
    let path = format!("/api/v1/admin/sellers/{}", seller.id);
    let refused = operator.post_empty(&format!("{path}/approve")).await;
    refused.refused(409, "REQUIREMENTS_OPEN");
    let missing = refused.json()["error"]["details"].clone();
    let missing: Vec<&str> = missing.as_array().expect("details").iter().map(|item| text(&item["title"])).collect();
    assert_eq!(missing, ["Account", "Returns", "Address", "Shipping", "Terms", "Register"]);
    assert_eq!(met(&seller.client, "/api/v1/seller/checklist").await, (false, Vec::new()));

    let seller = seller.settle_in().await;
    seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_1"})).await.expect(200);
    let policy = json!({"window_days": 30, "label_paid_by": "seller", "restocking_fee_percent": "0",
                        "excluded_category_ids": []});
    seller.client.put("/api/v1/seller/return-policy", policy).await.expect(200);
    let accept = |id: &str| format!("/api/v1/seller/checklist/{id}/accept");
    seller.client.post_empty(&accept(&register)).await.refused(422, "INVALID_VALUE");
    seller.client.post_empty(&accept(&terms)).await.expect(200);
    let item = |id: &str| format!("{path}/checklist/{id}");
    let yes = json!({"met": true, "reason": "Seen on paper."});
    operator.put(&item(&terms), yes.clone()).await.refused(422, "INVALID_VALUE");
    operator.put(&item(&register), json!({"met": true})).await.refused(400, "MALFORMED_REQUEST");
    operator.put(&item(&register), yes.clone()).await.expect(200);
    let done = ["Account", "Returns", "Address", "Shipping", "Terms", "Register"].map(str::to_owned).to_vec();
    for (client, path) in [(&seller.client, "/api/v1/seller/checklist"), (operator, &format!("{path}/checklist"))] {
        assert_eq!(met(client, path).await, (true, done.clone()));
    }
    operator.put(&item(&register), json!({"met": false, "reason": "It was forged."})).await.expect(200);
    operator.post_empty(&format!("{path}/approve")).await.refused(409, "REQUIREMENTS_OPEN");
    operator.post_empty(&format!("{REQUIREMENTS}/{register}/retire")).await.expect(200);
    operator.post_empty(&format!("{REQUIREMENTS}/{register}/retire")).await.refused(409, "ILLEGAL_TRANSITION");
    operator.put(&item(&register), yes.clone()).await.refused(404, "NOT_FOUND");
    operator.put(&item(&optional), yes).await.expect(200);
    operator.post_empty(&format!("{path}/approve")).await.expect(200);

    // Asked for later: who sells goes on, who is suspended comes back only with it.
    ask(&souk, "custom", "Later", true).await;
    operator.post(&format!("{path}/suspend"), json!({"reason": "complaints"})).await.expect(200);
    operator.post_empty(&format!("{path}/approve")).await.refused(409, "REQUIREMENTS_OPEN");
    let entries = operator.list("/api/v1/admin/audit").await;
    for operation in ["createSellerRequirement", "setSellerRequirementMet", "retireSellerRequirement", "acceptTerms"] {
        assert!(entries.iter().any(|entry| entry["operation"] == operation), "{operation} is entered");
    }
    souk.settle().await;
}

#[tokio::test]
async fn an_unticked_item_and_an_approval_at_once_leave_no_seller_approved_without_it() {
    let souk = Souk::start().await;
    let operator = &souk.admin().await.client;
    let register = ask(&souk, "custom", "Register", true).await;
    for round in 0..5 {
        let seller = Seller::apply(souk.shopper().await.client(), &format!("Racing {round}")).await;
        let path = format!("/api/v1/admin/sellers/{}", seller.id);
        let item = format!("{path}/checklist/{register}");
        operator.put(&item, json!({"met": true, "reason": "Seen."})).await.expect(200);
        let (approve, no) = (format!("{path}/approve"), json!({"met": false, "reason": "Forged."}));
        let (approved, unticked) = tokio::join!(operator.post_empty(&approve), operator.put(&item, no));
        unticked.expect(200);
        if approved.status.as_u16() != 200 {
            approved.refused(409, "REQUIREMENTS_OPEN");
        }
    }
    // Applied, ticked, and then: who was approved was approved before they were unticked.
    let history = "SELECT to_status FROM status_history WHERE entity_kind = 'seller' AND from_status = 'applied' \
                   AND to_status = 'approved' AND version <> 3";
    assert_eq!(souk.database().words(history).await, Vec::<String>::new());
}

/// Messages of a kind, once there are so many.
async fn letters(souk: &Souk, kind: &str, count: usize) -> Vec<String> {
    eventually(&format!("{count} {kind}"), async || {
        let found: Vec<_> = souk.mail().into_iter().filter(|message| message.kind() == kind).collect();
        (found.len() == count).then(|| found.into_iter().map(|message| message.body).collect())
    })
    .await
}

#[tokio::test]
async fn a_rejected_applicant_is_told_why_and_applies_again_with_the_same_account() {
    let souk = Souk::with(Options::default().mail()).await;
    let operator = &souk.admin().await.client;
    let seller = Seller::apply(souk.shopper().await.client(), "Hasty").await;
    let path = format!("/api/v1/admin/sellers/{}", seller.id);
    let apply = async |name: &str| seller.client.post("/api/v1/me/seller", json!({"name": name})).await;
    apply("Hasty").await.refused(409, "ALREADY_EXISTS");
    operator.post(&format!("{path}/reject"), json!({"reason": "No address was given."})).await.expect(200);
    let told = letters(&souk, "seller_rejected", 1).await;
    assert!(told[0].contains("No address was given."), "{}", told[0]);

    let answers = join_all((0..5).map(|_| apply("Patient"))).await;
    let again: Vec<Value> =
        answers.iter().filter(|answer| answer.status == 201).map(crate::souk::Answer::json).collect();
    assert_eq!(again.len(), 1, "of five at once one applies");
    assert_eq!(
        (&again[0]["id"], &again[0]["name"], &again[0]["status"]),
        (&json!(seller.id), &json!("Patient"), &json!("applied"))
    );
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.refused(409, "ALREADY_EXISTS");
    }
    operator.post_empty(&format!("{path}/approve")).await.expect(200);
    letters(&souk, "seller_approved", 1).await;
    operator.post(&format!("{path}/suspend"), json!({"reason": "Late parcels."})).await.expect(200);
    let told = letters(&souk, "seller_suspended", 1).await;
    assert!(told[0].contains("Late parcels."), "{}", told[0]);
    let history = "SELECT to_status || ' ' || coalesce(note, '') FROM status_history WHERE entity_kind = 'seller' \
                   ORDER BY version";
    let kept = souk.database().words(history).await;
    assert_eq!(
        kept,
        ["applied ", "rejected No address was given.", "applied ", "approved ", "suspended Late parcels."]
    );
    souk.settle().await;
}
