//! What the payment provider sends on to accounts of others.

use sea_orm::{EntityTrait, QueryOrder};
use souk_domain::Code;
use souk_domain::port::{PaymentSubject, PortError, ProviderTransfer, ProviderTransferStatus};
use souk_entity::simulated_webhook;
use souk_integrations::simulated::{Fault, Operation};
use tokio::task::JoinSet;

use crate::fixture::{World, usd};

fn refused(answer: Result<ProviderTransfer, PortError>) -> String {
    match answer {
        Err(PortError::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_transfer_is_sent_and_can_come_back() {
    let world = World::new().await;
    let (gateway, control) = (world.simulator().payments(), world.simulator().control());
    let sent = gateway.transfer("acct_1", usd(700), "payout:1").await.unwrap();
    assert_eq!((sent.status, sent.amount), (ProviderTransferStatus::Paid, usd(700)));
    assert_eq!(gateway.transfer("acct_1", usd(700), "payout:1").await.unwrap(), sent);
    assert_eq!(gateway.fetch_transfer(&sent.provider_ref).await.unwrap(), sent);

    control.return_transfer(&sent.provider_ref).await.unwrap();
    let back = gateway.fetch_transfer(&sent.provider_ref).await.unwrap();
    assert_eq!(
        (back.status, back.failure_code.as_deref()),
        (ProviderTransferStatus::Returned, Some("returned_by_bank"))
    );
    // A key answers with how it stands now.
    assert_eq!(gateway.transfer("acct_1", usd(700), "payout:1").await.unwrap(), back);
    let again = control.return_transfer(&sent.provider_ref).await.unwrap_err();
    assert_eq!(again.code, Code::IllegalTransition);

    let failed = gateway.transfer("acct_closed_1", usd(300), "payout:2").await.unwrap();
    assert_eq!(
        (failed.status, failed.failure_code.as_deref()),
        (ProviderTransferStatus::Failed, Some("account_closed"))
    );
    assert_eq!(control.return_transfer(&failed.provider_ref).await.unwrap_err().code, Code::IllegalTransition);
    assert_eq!(control.return_transfer("simtr_0").await.unwrap_err().code, Code::NotFound);

    let book = control.books().await.unwrap().transfers[0];
    assert_eq!((book.transfers, book.sent.0, book.returned.0), (2, 700, 700));
    let told = simulated_webhook::Entity::find()
        .order_by_asc(simulated_webhook::Column::Id)
        .all(world.store.read())
        .await
        .unwrap();
    let types: Vec<String> = told
        .iter()
        .map(|webhook| serde_json::from_slice::<serde_json::Value>(&webhook.body).unwrap())
        .map(|body| body["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types, ["transfer.paid", "transfer.returned", "transfer.failed"]);
    let notice = gateway.read(&told[0].body).unwrap();
    assert_eq!(notice.subject, PaymentSubject::Transfer(sent.provider_ref));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let gateway = world.simulator().payments();
    gateway.transfer("acct_1", usd(1), "payout:1").await.unwrap();
    for (account, amount, key, code) in [
        ("acct_1", usd(2), "payout:1", "idempotency_key_reused"),
        ("acct_2", usd(1), "payout:1", "idempotency_key_reused"),
        ("acct_1", usd(0), "payout:2", "amount_invalid"),
        ("", usd(1), "payout:2", "parameter_invalid"),
        (&"a".repeat(101), usd(1), "payout:2", "parameter_invalid"),
    ] {
        assert_eq!(refused(gateway.transfer(account, amount, key).await), code);
    }
    assert_eq!(refused(gateway.fetch_transfer("simtr_0").await), "no_such_transfer");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sends_once_whatever_gets_lost() {
    let world = World::new().await;
    let simulator = world.simulator();
    let (gateway, control) = (simulator.payments(), simulator.control());
    control.fail_next(Operation::Transfer, Fault::AnswerLost, 1);
    assert!(matches!(gateway.transfer("acct_1", usd(50), "payout:1").await, Err(PortError::Unknown(_))));
    let mut transfers = JoinSet::new();
    for _ in 0..20 {
        let gateway = world.simulator().payments();
        transfers.spawn(async move { gateway.transfer("acct_1", usd(50), "payout:1").await.unwrap() });
    }
    let transfers = transfers.join_all().await;
    assert!(transfers.iter().all(|transfer| *transfer == transfers[0]));
    let book = control.books().await.unwrap().transfers[0];
    assert_eq!((book.transfers, book.sent.0), (1, 50));
    assert_eq!(control.undelivered_webhooks().await.unwrap(), 1);
}
