//! What each role may do, over every operation of the document.

use reqwest::Method;
use serde_json::json;

use crate::document::{document, operations};
use crate::souk::client::send;
use crate::souk::{Client, Souk, text};

#[tokio::test]
async fn only_sellers_sell_and_only_operators_operate() {
    let souk = Souk::start().await;
    let document = document();
    let shopper = souk.shopper().await.client();
    let seller = souk.seller("A Seller").await;
    let mut asked = 0;
    for operation in operations(&document) {
        let refused = match operation.path.split('/').nth(3) {
            Some("admin") => vec![("a shopper", &shopper), ("a seller", &seller.client)],
            Some("seller") => vec![("a shopper", &shopper)],
            _ => continue,
        };
        for (who, client) in refused {
            let answer = send(operation.request(&document, client)).await;
            assert_eq!(answer.status.as_u16(), 403, "{who}: {}: {}", operation.id(), answer.json());
            answer.refused(403, "FORBIDDEN");
            asked += 1;
        }
    }
    assert!(asked > 70, "operations are found");
    // An administrator has no shop.
    souk.admin().await.client.get("/api/v1/seller").await.refused(403, "FORBIDDEN");
    // A guest is nobody's customer.
    let guest = souk.guest();
    guest.cart(&[]).await;
    for path in ["/api/v1/me", "/api/v1/seller", "/api/v1/admin/orders"] {
        guest.client().get(path).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn who_only_reads_changes_nothing() {
    let souk = Souk::start().await;
    let document = document();
    let (client, id) = souk.operator("read_only").await;
    assert_eq!(client.get("/api/v1/me").await.expect(200)["role"], "read_only");
    for operation in operations(&document) {
        if !operation.path.starts_with("/api/v1/admin/") {
            continue;
        }
        let access = ["/admin/users", "/api-keys", "/admin/audit"];
        let answer = send(operation.request(&document, &client)).await;
        let status = answer.status.as_u16();
        if operation.method == Method::GET && !access.iter().any(|path| operation.path.contains(path)) {
            assert!([200, 404].contains(&status), "{}: {}", operation.id(), answer.json());
        } else {
            assert_eq!(status, 403, "{}: {}", operation.id(), answer.json());
            answer.refused(403, "FORBIDDEN");
        }
    }
    souk.set_role(&id, "customer").await;
    client.get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn a_manager_runs_the_day_and_sets_no_terms() {
    let souk = Souk::start().await;
    let (manager, id) = souk.operator("manager").await;
    let shop = souk.seller("A Seller").await.id;
    manager.post(&format!("/api/v1/admin/sellers/{shop}/suspend"), json!({"reason": "Look"})).await.expect(200);
    manager.post_empty(&format!("/api/v1/admin/sellers/{shop}/approve")).await.expect(200);
    manager.get("/api/v1/admin/ledger/trial-balance").await.expect(200);
    let terms = json!({"payout_hold_days": 3});
    manager.patch(&format!("/api/v1/admin/sellers/{shop}"), terms).await.refused(403, "FORBIDDEN");
    manager.post_empty(&format!("/api/v1/admin/sellers/{shop}/payouts")).await.refused(403, "FORBIDDEN");
    manager.get("/api/v1/admin/users").await.refused(403, "FORBIDDEN");
    let role = json!({"role": "admin"});
    manager.put(&format!("/api/v1/admin/users/{id}/role"), role.clone()).await.refused(403, "FORBIDDEN");
    // What is taken away ends at once, what is given begins with the next token.
    souk.set_role(&id, "read_only").await;
    manager.post_empty(&format!("/api/v1/admin/sellers/{shop}/approve")).await.refused(403, "FORBIDDEN");
    // Nobody changes their own role, so one administrator always remains.
    let admin = souk.admin().await.client.clone();
    let own = text(&admin.get("/api/v1/me").await.expect(200)["id"]).to_owned();
    admin.put(&format!("/api/v1/admin/users/{own}/role"), role).await.refused(403, "FORBIDDEN");
    let closed = json!({"is_active": false});
    admin.put(&format!("/api/v1/admin/users/{own}/active"), closed.clone()).await.refused(403, "FORBIDDEN");
    // A closed account is signed out everywhere and cannot come back until it is open again.
    let path = format!("/api/v1/admin/users/{id}/active");
    admin.put(&path, closed).await.expect(200);
    manager.get("/api/v1/admin/orders").await.refused(401, "UNAUTHENTICATED");
    manager.get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    let email = admin.get(&format!("/api/v1/admin/users/{id}")).await.expect(200)["email"].take();
    let sign_in = json!({"email": email, "password": "correct horse battery"});
    souk.anyone().post("/api/v1/auth/sign-in", sign_in.clone()).await.refused(401, "BAD_CREDENTIALS");
    admin.put(&path, json!({"is_active": true})).await.expect(200);
    souk.anyone().post("/api/v1/auth/sign-in", sign_in).await.expect(200);
}

#[tokio::test]
async fn of_two_administrators_who_dismiss_each_other_one_remains() {
    let souk = Souk::start().await;
    let first = souk.admin().await.client.clone();
    let first_id = text(&first.get("/api/v1/me").await.expect(200)["id"]).to_owned();
    let (second, second_id) = souk.operator("admin").await;
    let dismiss = async |who: &Client, whom: &str| {
        who.put(&format!("/api/v1/admin/users/{whom}/role"), json!({"role": "customer"})).await.status.as_u16()
    };
    let (one, other) = tokio::join!(dismiss(&first, &second_id), dismiss(&second, &first_id));
    let mut statuses = [one, other];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    let left = souk.database().number("SELECT count(*) FROM app_user WHERE role = 'admin'", []).await;
    assert_eq!(left, 1);
}

#[tokio::test]
async fn staff_work_and_leave_the_settings_to_the_owner() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    seller.configure(json!({"return_window_days": 14})).await;
    souk.database().execute("UPDATE seller_member SET role = 'staff', orders = FALSE, money = FALSE", []).await;
    let refused = seller.client.patch("/api/v1/seller", json!({"return_window_days": 15})).await;
    refused.refused(403, "FORBIDDEN");
    seller.offer("LAMP", "10.00", 1).await;
    for path in ["orders", "payouts", "webhook-endpoints", "api-keys"] {
        seller.client.get(&format!("/api/v1/seller/{path}")).await.refused(403, "FORBIDDEN");
    }
    seller.client.get("/api/v1/seller/batches").await.expect(200);
    let shown = seller.client.get("/api/v1/seller").await.expect(200);
    assert_eq!(shown["seller"]["return_window_days"], 14);
}

#[tokio::test]
async fn what_is_taken_away_in_the_middle_of_requests_is_gone_for_all_that_follow() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let offer = seller.offer("LAMP", "10.00", 5).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    let refunds = format!("/api/v1/seller/orders/{}/refunds", order.part(&seller).id());
    let (operator, id) = souk.operator("admin").await;
    let payouts = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
    let (pay_out, give) = (
        || operator.post_empty(&payouts),
        || seller.client.post(&refunds, json!({"goodwill_amount": "0.01", "currency": "USD"})),
    );
    let take_away = async {
        souk.set_role(&id, "manager").await;
        let sql = "UPDATE seller_member SET role = 'staff', money = FALSE";
        assert_eq!(souk.database().execute(sql, []).await, 1);
        // Whoever asks from here on asks too late.
        let late = (0..5).map(|_| async { tokio::join!(pay_out(), give()) });
        for (paid, given) in futures::future::join_all(late).await {
            paid.refused(403, "FORBIDDEN");
            given.refused(403, "FORBIDDEN");
        }
    };
    let asked = futures::future::join_all((0..10).map(|_| async { tokio::join!(pay_out(), give()) }));
    let (asked, ()) = tokio::join!(asked, take_away);
    let mut given = 0;
    for (pay_out, give) in asked {
        assert!([200, 403].contains(&pay_out.status.as_u16()), "{}", pay_out.json());
        assert!([201, 403].contains(&give.status.as_u16()), "{}", give.json());
        given += i64::from(give.status.as_u16() == 201);
    }
    let sql = "SELECT count(*) FROM refund";
    assert_eq!(souk.database().number(sql, []).await, given, "refunds that were let in");
    souk.settle().await;
}
