//! The audit log: each privileged change once, found by whoever asks with the right to, in a chain
//! that nobody changes without it being seen.

mod chain;

use serde_json::{Value, json};

use crate::souk::{Client, Souk, text};

const AUDIT: &str = "/api/v1/admin/audit";

/// The entries that a filter finds, the newest first.
async fn entries(client: &Client, filter: &str) -> Vec<Value> {
    client.list(&format!("{AUDIT}?{filter}")).await
}

async fn count(souk: &Souk) -> i64 {
    souk.database().number("SELECT count(*) FROM audit_entry", []).await
}

#[tokio::test]
async fn each_change_by_an_operator_is_entered_once_and_a_refused_or_repeated_one_is_not() {
    let souk = Souk::start().await;
    let admin = souk.admin().await.client.clone();
    let own = text(&admin.get("/api/v1/me").await.expect(200)["id"]).to_owned();
    let seller = souk.seller("Watched").await;

    let before = count(&souk).await;
    let answer = admin.patch(&format!("/api/v1/admin/sellers/{}", seller.id), json!({"payout_hold_days": 9})).await;
    answer.expect(200);
    assert_eq!(count(&souk).await, before + 1);
    let request = answer.header("x-request-id").expect("an id").to_owned();
    let [entry] = entries(&admin, &format!("request_id={request}")).await.try_into().expect("one entry");
    assert_eq!(
        (&entry["operation"], &entry["actor"], &entry["credential"], &entry["actor_id"]),
        (&json!("adminConfigureSeller"), &json!("operator"), &json!("sign_in"), &json!(own))
    );
    assert_eq!((&entry["subject_kind"], &entry["subject_id"]), (&json!("seller"), &json!(seller.id)));
    assert_eq!(entry["request"], json!(format!("PATCH /api/v1/admin/sellers/{}", seller.id)));
    let shown = admin.get(&format!("{AUDIT}/{}", text(&entry["id"]))).await.expect(200);
    assert_eq!((&shown["entry"], &shown["is_genuine"]), (&entry, &json!(true)));
    let [change] = shown["changes"].as_array().expect("changes").as_slice() else { panic!("{shown}") };
    assert_eq!(change["fields"], json!([{"name": "payout_hold_days", "before": 0, "after": 9}]));
    assert_eq!(change["note"], "settings changed");

    // Refused ones change nothing, and so does the same request again.
    let (category, before) = (json!({"name": "Lamps", "slug": "lamps"}), count(&souk).await);
    admin.post_once("/api/v1/admin/categories", "once-1", category.clone()).await.expect(201);
    admin.post_once("/api/v1/admin/categories", "once-1", category.clone()).await.expect(201);
    admin.post("/api/v1/admin/categories", category.clone()).await.refused(409, "ALREADY_EXISTS");
    seller.client.post("/api/v1/admin/categories", category).await.refused(403, "FORBIDDEN");
    let (a, b) = (json!({"name": "A", "slug": "raced"}), json!({"name": "A", "slug": "raced"}));
    let (one, other) = tokio::join!(
        admin.post_once("/api/v1/admin/categories", "once-2", a),
        admin.post_once("/api/v1/admin/categories", "once-2", b)
    );
    assert_eq!(one.expect(201), other.expect(201));
    assert_eq!(count(&souk).await, before + 2);

    // A reason is told with the entry and kept in history alone.
    let path = format!("/api/v1/admin/sellers/{}/suspend", seller.id);
    admin.post(&path, json!({"reason": "Complaints of Ann Shopper"})).await.expect(200);
    let [entry] = entries(&admin, "operation=suspendSeller").await.try_into().expect("one entry");
    let shown = admin.get(&format!("{AUDIT}/{}", text(&entry["id"]))).await.expect(200);
    let change = &shown["changes"][0];
    assert_eq!((&change["from_status"], &change["to_status"]), (&json!("approved"), &json!("suspended")));
    assert_eq!(change["note"], "Complaints of Ann Shopper");
    let kept = souk.database().number("SELECT count(*) FROM audit_entry WHERE changes LIKE '%Ann%'", []).await;
    assert_eq!(kept, 0, "what somebody has written is not kept for good");
}

#[tokio::test]
async fn the_log_is_searched_by_administrators_alone() {
    let souk = Souk::start().await;
    let admin = souk.admin().await.client.clone();
    let (manager, id) = souk.operator("manager").await;
    let seller = souk.seller("Watched").await;
    for reason in ["Look", "Look again"] {
        let suspend = format!("/api/v1/admin/sellers/{}/suspend", seller.id);
        manager.post(&suspend, json!({"reason": reason})).await.expect(200);
        manager.post_empty(&format!("/api/v1/admin/sellers/{}/approve", seller.id)).await.expect(200);
    }
    let operations =
        |found: &[Value]| found.iter().map(|entry| text(&entry["operation"]).to_owned()).collect::<Vec<_>>();
    let theirs = entries(&admin, &format!("actor_id={id}")).await;
    assert_eq!(operations(&theirs), ["approveSeller", "suspendSeller", "approveSeller", "suspendSeller"]);
    let of_seller = entries(&admin, &format!("subject_kind=seller&subject_id={}&actor_id={id}", seller.id)).await;
    assert_eq!(of_seller, theirs);
    assert_eq!(entries(&admin, &format!("subject_kind=order&subject_id={}", seller.id)).await, [] as [Value; 0]);
    let some = entries(&admin, &format!("actor_id={id}&operation=suspendSeller")).await;
    assert_eq!(operations(&some), ["suspendSeller"; 2]);
    let session = text(&theirs[0]["credential_id"]);
    assert_eq!(entries(&admin, &format!("credential_id={session}")).await, theirs);
    let instant = |entry: &Value| text(&entry["occurred_at"]).replace('+', "%2B");
    let since = entries(&admin, &format!("actor_id={id}&from={}", instant(&theirs[1]))).await;
    let until = entries(&admin, &format!("actor_id={id}&to={}", instant(&theirs[1]))).await;
    assert_eq!((since.as_slice(), until.as_slice()), theirs.split_at(2));
    // Page by page it is the same.
    let path = format!("{AUDIT}?actor_id={id}&limit=3");
    let first = admin.get(&path).await.expect(200);
    let rest = admin.get(&format!("{path}&cursor={}", text(&first["next_cursor"]))).await.expect(200);
    assert_eq!((first["items"].as_array().map(Vec::len), &rest["items"]), (Some(3), &json!([theirs[3]])));
    // The role's change is about the person.
    let about = entries(&admin, &format!("subject_kind=user&subject_id={id}")).await;
    assert_eq!(operations(&about), ["setUserRole"]);

    for path in [AUDIT.to_owned(), format!("{AUDIT}/{}", text(&theirs[0]["id"]))] {
        manager.get(&path).await.refused(403, "FORBIDDEN");
        seller.client.get(&path).await.refused(403, "FORBIDDEN");
        souk.anyone().get(&path).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn sellers_are_entered_where_it_is_about_money_and_access() {
    let souk = Souk::start().await;
    let admin = souk.admin().await.client.clone();
    let seller = souk.seller("Watched").await;
    let before = count(&souk).await;
    seller.offer("LAMP", "10.00", 1).await;
    seller.client.get("/api/v1/seller/api-keys").await.expect(200);
    assert_eq!(count(&souk).await, before, "the day's work and reading are not entered");

    let account = json!({"account": "acct_of_the_seller"});
    seller.client.put("/api/v1/seller/payout-account", account).await.expect(200);
    let key = json!({"name": "A system", "scopes": ["money:write", "catalogue:write"], "expires_in_days": 30});
    let key = seller.client.post("/api/v1/seller/api-keys", key).await.expect(201);
    let key_id = text(&key["key"]["id"]);
    seller.client.delete(&format!("/api/v1/seller/api-keys/{key_id}")).await;
    let of_seller = entries(&admin, "").await;
    let of_seller: Vec<&Value> = of_seller.iter().filter(|entry| entry["actor"] == "seller").collect();
    let operations: Vec<&str> = of_seller.iter().map(|entry| text(&entry["operation"])).collect();
    assert!(operations.starts_with(&["revokeApiKey", "createApiKey", "setPayoutAccount"]), "{operations:?}");
    assert!(of_seller.iter().all(|entry| entry["seller_id"] == json!(seller.id)), "{of_seller:?}");
    let kept = "SELECT count(*) FROM audit_entry WHERE changes LIKE '%acct_of%' OR changes LIKE '%souk_%'";
    assert_eq!(souk.database().number(kept, []).await, 0, "no account and no secret is kept");
}
