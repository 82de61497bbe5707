//! What the provider and the seller's bank do with a payout.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use serde_json::json;
use uuid::Uuid;

use crate::souk::{Options, Setup, Souk, cents, eventually, text};

use super::{one_payout, owed, paid_seller, pay_out, payout_until, sell, set_account};

#[tokio::test]
async fn what_the_bank_sends_back_is_paid_again() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Bounced", "acct_bounced").await;
    let offer = seller.offer("BANK-1", "30.00", 5).await;
    sell(&souk, &seller, &offer).await;
    let amount = owed(&seller).await;
    let payout = one_payout(&souk, &seller).await;
    let paid = payout_until(&seller, &payout["id"], "paid").await;
    let provider_ref = text(&paid["payout"]["provider_ref"]);
    souk.simulator().return_transfer(provider_ref).await.expect(200);
    let returned = payout_until(&seller, &payout["id"], "returned").await;
    assert_eq!(returned["payout"]["failure_message"], "returned_by_bank");
    souk.simulator().return_transfer(provider_ref).await.refused(409, "ILLEGAL_TRANSITION");
    assert_eq!(owed(&seller).await, amount);

    let planned = souk.admin().await.jobs("pay_out_seller").await;
    souk.database().make_due(text(&planned[0]["unique_key"])).await;
    let again = eventually("it is paid again", async || {
        let all = seller.client.list("/api/v1/seller/payouts?status=paid").await;
        all.into_iter().next()
    })
    .await;
    assert_ne!(again["id"], payout["id"]);
    assert_eq!(cents(&again["amount"]), amount);
    let books = souk.audit().await;
    assert_eq!((books.transfers, books.sent, books.returned), (2, 2 * amount, amount));
}

#[tokio::test]
async fn what_cannot_be_sent_is_owed_on() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Closed", "acct_closed_for_good").await;
    let offer = seller.offer("BANK-2", "30.00", 5).await;
    sell(&souk, &seller, &offer).await;
    let amount = owed(&seller).await;
    let first = one_payout(&souk, &seller).await;
    let failed = payout_until(&seller, &first["id"], "failed").await;
    assert_eq!(failed["payout"]["failure_message"], "account_closed");
    assert_eq!(owed(&seller).await, amount);

    set_account(&seller, "acct_open").await;
    souk.simulator().fault("transfer", "refused", 1).await;
    let second = one_payout(&souk, &seller).await;
    let refused = payout_until(&seller, &second["id"], "failed").await;
    assert!(refused["payout"]["provider_ref"].is_null(), "{refused}");
    let third = one_payout(&souk, &seller).await;
    let paid = payout_until(&seller, &third["id"], "paid").await;
    assert_eq!((cents(&paid["payout"]["amount"]), &paid["payout"]["account"]), (amount, &json!("acct_open")));
    let books = souk.audit().await;
    assert_eq!((books.transfers, books.sent), (2, amount));
}

#[tokio::test]
async fn a_lost_answer_pays_once() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Uncertain", "acct_uncertain").await;
    let offer = seller.offer("BANK-3", "30.00", 5).await;
    let mut sent = 0;
    for (fault, calls, unresolved) in [("answer_lost", 2, true), ("request_lost", 1, true), ("unavailable", 1, false)] {
        sell(&souk, &seller, &offer).await;
        sent += owed(&seller).await;
        souk.simulator().fault("transfer", fault, calls).await;
        let payout = one_payout(&souk, &seller).await;
        let paid = payout_until(&seller, &payout["id"], "paid").await;
        let history = paid["history"].as_array().expect("history");
        assert_eq!(history.iter().any(|change| change["to_status"] == "unresolved"), unresolved, "{fault}: {paid}");
    }
    let books = souk.audit().await;
    assert_eq!((books.transfers, books.sent), (3, sent));
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_pay_a_seller_twice() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Doubled", "acct_doubled").await;
    let offer = seller.offer("BANK-4", "40.00", 5).await;
    sell(&souk, &seller, &offer).await;
    let amount = owed(&seller).await;
    souk.simulator().fault("transfer", "answer_lost", 1).await;
    let payout = one_payout(&souk, &seller).await;
    payout_until(&seller, &payout["id"], "unresolved").await;
    souk.simulator().fault("transfer", "refused", 1).await;
    let path = format!("/api/v1/seller/payouts/{}", text(&payout["id"]));
    eventually("the payout is over", async || {
        let found = seller.client.get(&path).await.expect(200);
        ["failed", "paid"].contains(&text(&found["payout"]["status"])).then_some(())
    })
    .await;
    pay_out(&souk, &seller).await;
    let books = souk.audit().await;
    assert_eq!((books.transfers, books.sent), (1, amount));
}

#[tokio::test]
async fn a_payout_that_has_not_gone_does_not_go_to_a_suspended_seller() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Stopped", "acct_stopped").await;
    let offer = seller.offer("BANK-5", "40.00", 5).await;
    sell(&souk, &seller, &offer).await;
    souk.simulator().fault("transfer", "unavailable", 2).await;
    let payout = one_payout(&souk, &seller).await;
    let path = format!("/api/v1/admin/sellers/{}/suspend", seller.id);
    souk.admin().await.client.post(&path, json!({"reason": "fraud"})).await.expect(200);
    let path = format!("/api/v1/admin/payouts/{}", text(&payout["id"]));
    let books = souk.audit().await;
    let now = souk.admin().await.client.get(&path).await.expect(200);
    assert_eq!((books.sent, &now["payout"]["status"]), (0, &json!("failed")), "{now}");
}

#[tokio::test]
async fn a_payout_does_not_slip_past_a_suspension() {
    // On SQLite whoever writes takes turns.
    if Setup::of_environment() == Setup::Embedded {
        return;
    }
    let mut souk = Souk::start().await;
    let seller = paid_seller(&souk, "Slipping", "acct_slipping").await;
    let offer = seller.offer("BANK-6", "40.00", 5).await;
    sell(&souk, &seller, &offer).await;
    souk.settle().await;
    souk.freeze_workers();
    let payout = one_payout(&souk, &seller).await;
    // An operator is about to suspend the seller when the worker comes to the payout.
    let suspension = souk.database().begin().await;
    let id: Uuid = seller.id.parse().expect("an id");
    for sql in
        ["SELECT id FROM seller WHERE id = $1 FOR UPDATE", "UPDATE seller SET status = 'suspended' WHERE id = $1"]
    {
        let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [id.into()]);
        suspension.execute_raw(statement).await.expect(sql);
    }
    souk.thaw_workers();
    tokio::time::sleep(Duration::from_secs(2)).await;
    suspension.commit().await.expect("it is suspended");
    let path = format!("/api/v1/admin/payouts/{}", text(&payout["id"]));
    eventually("the payout has ended", async || {
        let now = souk.admin().await.client.get(&path).await.expect(200);
        assert_ne!(now["payout"]["status"], "paid");
        (now["payout"]["status"] == "failed").then_some(())
    })
    .await;
    assert_eq!(souk.simulator().books().await.sent, 0);
    // No history tells of that suspension.
    souk.database().execute("UPDATE seller SET status = 'approved' WHERE id = $1", [id.into()]).await;
}
