//! The payment provider.

use std::sync::Arc;

use souk_domain::Code;
use souk_domain::port::{PaymentGateway, PortError, ProviderPaymentStatus};
use souk_integrations::simulated::{ConfirmOutcome, Control, Fault, Operation};
use tokio::task::JoinSet;

use crate::fixture::{World, usd};

fn refused<T: std::fmt::Debug>(answer: Result<T, PortError>) -> String {
    match answer {
        Err(PortError::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

async fn captured(gateway: &Arc<dyn PaymentGateway>, control: &Control, amount: i64) -> String {
    let id = gateway.create("ORD-1", usd(amount), "pay:1").await.unwrap().provider_ref;
    control.confirm_payment(&id, ConfirmOutcome::Authorized).await.unwrap();
    gateway.capture(&id, usd(amount), "capture:1").await.unwrap();
    id
}

#[tokio::test]
async fn a_payment_is_held_taken_and_paid_back() {
    let world = World::new().await;
    let (gateway, control) = (world.simulator().payments(), world.simulator().control());
    let payment = gateway.create("ORD-1", usd(1_000), "pay:1").await.unwrap();
    assert_eq!(payment.status, ProviderPaymentStatus::RequiresConfirmation);
    let id = payment.provider_ref.clone();
    assert_eq!(payment.confirm_url, Some(format!("http://souk.test/simulator/payments/{id}/confirm")));
    assert_eq!((payment.authorized, payment.captured), (usd(0), usd(0)));
    assert_eq!(gateway.create("ORD-1", usd(1_000), "pay:1").await.unwrap(), payment);

    control.confirm_payment(&id, ConfirmOutcome::Authorized).await.unwrap();
    let payment = gateway.fetch(&id).await.unwrap();
    assert_eq!(payment.status, ProviderPaymentStatus::Authorized);
    assert_eq!((payment.authorized, payment.captured, payment.confirm_url), (usd(1_000), usd(0), None));

    let payment = gateway.capture(&id, usd(900), "capture:1").await.unwrap();
    assert_eq!(payment.status, ProviderPaymentStatus::Captured);
    assert_eq!(payment.captured, usd(900));
    assert_eq!(gateway.capture(&id, usd(900), "capture:1").await.unwrap(), payment);

    let refund = gateway.refund(&id, usd(400), "refund:1").await.unwrap();
    assert_eq!(gateway.refund(&id, usd(400), "refund:1").await.unwrap(), refund);
    assert_ne!(gateway.refund(&id, usd(500), "refund:2").await.unwrap().provider_ref, refund.provider_ref);

    let book = control.books().await.unwrap().payments[0];
    assert_eq!((book.payments, book.captured.0, book.refunded.0), (1, 900, 900));
    // The confirmation, the capture and two refunds: repetitions have nothing to tell.
    assert_eq!(control.undelivered_webhooks().await.unwrap(), 4);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_clear_words() {
    let world = World::new().await;
    let (gateway, control) = (world.simulator().payments(), world.simulator().control());
    let id = gateway.create("ORD-1", usd(1_000), "pay:1").await.unwrap().provider_ref;
    assert_eq!(refused(gateway.create("ORD-1", usd(999), "pay:1").await), "idempotency_key_reused");
    assert_eq!(refused(gateway.create("ORD-1", usd(0), "pay:2").await), "amount_invalid");
    assert_eq!(refused(gateway.create(&"x".repeat(61), usd(1), "pay:2").await), "parameter_invalid");
    assert_eq!(refused(gateway.fetch("simpay_0").await), "no_such_payment");
    assert_eq!(refused(gateway.capture(&id, usd(1), "capture:1").await), "not_authorized");
    assert_eq!(refused(gateway.refund(&id, usd(1), "refund:1").await), "not_captured");

    control.confirm_payment(&id, ConfirmOutcome::Authorized).await.unwrap();
    assert_eq!(refused(gateway.capture(&id, usd(1_001), "capture:1").await), "amount_too_large");
    let mut euros = usd(1_000);
    euros.currency = "EUR".parse().unwrap();
    assert_eq!(refused(gateway.capture(&id, euros, "capture:1").await), "currency_mismatch");
    gateway.capture(&id, usd(1_000), "capture:1").await.unwrap();
    assert_eq!(refused(gateway.capture(&id, usd(999), "capture:1").await), "idempotency_key_reused");
    assert_eq!(refused(gateway.capture(&id, usd(1_000), "capture:2").await), "already_captured");
    assert_eq!(refused(gateway.void(&id, "void:1").await), "already_captured");
    assert_eq!(refused(gateway.refund(&id, usd(1_001), "refund:1").await), "refund_exceeds_captured");
    gateway.refund(&id, usd(1_000), "refund:1").await.unwrap();
    assert_eq!(refused(gateway.refund(&id, usd(1), "refund:2").await), "refund_exceeds_captured");
    assert_eq!(refused(gateway.refund(&id, usd(999), "refund:1").await), "idempotency_key_reused");
}

#[tokio::test]
async fn the_payment_method_decides_how_the_confirmation_ends() {
    let world = World::new().await;
    let (gateway, control) = (world.simulator().payments(), world.simulator().control());
    let open = async |key: &str| gateway.create("ORD-1", usd(100), key).await.unwrap().provider_ref;
    let confirm =
        async |id: &str, token: &str| control.confirm_payment(id, serde_json::from_value(token.into()).unwrap()).await;

    let declined = open("1").await;
    confirm(&declined, "pm_declined").await.unwrap();
    let payment = gateway.fetch(&declined).await.unwrap();
    assert_eq!(payment.status, ProviderPaymentStatus::Failed);
    assert_eq!(payment.failure_code.as_deref(), Some("card_declined"));
    assert_eq!(refused(gateway.void(&declined, "void:1").await), "payment_failed");
    assert_eq!(confirm(&declined, "pm_ok").await.unwrap_err().code, Code::IllegalTransition);

    for (key, approve, status) in
        [("2", true, ProviderPaymentStatus::Authorized), ("3", false, ProviderPaymentStatus::Failed)]
    {
        let id = open(key).await;
        assert_eq!(control.complete_action(&id, true).await.unwrap_err().code, Code::IllegalTransition);
        confirm(&id, "pm_action").await.unwrap();
        assert_eq!(gateway.fetch(&id).await.unwrap().status, ProviderPaymentStatus::RequiresAction);
        control.complete_action(&id, approve).await.unwrap();
        assert_eq!(gateway.fetch(&id).await.unwrap().status, status);
    }

    let voided = open("4").await;
    assert_eq!(gateway.void(&voided, "void:4").await.unwrap().status, ProviderPaymentStatus::Voided);
    assert_eq!(gateway.void(&voided, "void:4").await.unwrap().status, ProviderPaymentStatus::Voided);
    assert_eq!(refused(gateway.capture(&voided, usd(100), "capture:4").await), "payment_voided");
    assert_eq!(confirm("simpay_0", "pm_ok").await.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_refunds_never_exceed_what_was_captured() {
    let world = World::new().await;
    let (gateway, control) = (world.simulator().payments(), world.simulator().control());
    let id = captured(&gateway, &control, 100).await;
    let mut refunds = JoinSet::new();
    for n in 0..20 {
        // Every other call comes from another process.
        let (gateway, id) = (world.simulator().payments(), id.clone());
        refunds.spawn(async move { gateway.refund(&id, usd(10), &format!("refund:{n}")).await });
    }
    let (paid, refused): (Vec<_>, Vec<_>) = refunds.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((paid.len(), refused.len()), (10, 10));
    for answer in refused {
        assert!(matches!(answer, Err(PortError::Refused { code, .. }) if code == "refund_exceeds_captured"));
    }
    let payment = control.payment(&id).await.unwrap();
    assert_eq!((payment.captured_amount.0, payment.refunded_amount.0), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_has_one_effect_however_often_it_is_used_at_once() {
    let world = World::new().await;
    let (gateway, control) = (world.simulator().payments(), world.simulator().control());

    let mut creates = JoinSet::new();
    for _ in 0..20 {
        let gateway = world.simulator().payments();
        creates.spawn(async move { gateway.create("ORD-1", usd(100), "pay:1").await.unwrap() });
    }
    let payments = creates.join_all().await;
    assert!(payments.iter().all(|payment| *payment == payments[0]));
    let id = payments[0].provider_ref.clone();
    control.confirm_payment(&id, ConfirmOutcome::Authorized).await.unwrap();

    let mut captures = JoinSet::new();
    for _ in 0..20 {
        let (gateway, id) = (world.simulator().payments(), id.clone());
        captures.spawn(async move { gateway.capture(&id, usd(100), "capture:1").await.unwrap() });
    }
    assert!(captures.join_all().await.iter().all(|payment| payment.captured == usd(100)));

    let mut refunds = JoinSet::new();
    for _ in 0..20 {
        let (gateway, id) = (world.simulator().payments(), id.clone());
        refunds.spawn(async move { gateway.refund(&id, usd(40), "refund:1").await.unwrap() });
    }
    let refunds = refunds.join_all().await;
    assert!(refunds.iter().all(|refund| *refund == refunds[0]));

    let book = control.books().await.unwrap().payments[0];
    assert_eq!((book.payments, book.captured.0, book.refunded.0), (1, 100, 40));
    assert_eq!(control.undelivered_webhooks().await.unwrap(), 3);
    assert_eq!(gateway.fetch(&id).await.unwrap().status, ProviderPaymentStatus::Captured);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_and_a_void_at_once_have_one_winner() {
    let world = World::new().await;
    let (gateway, control) = (world.simulator().payments(), world.simulator().control());
    for n in 0..10 {
        let id = gateway.create("ORD-1", usd(100), &format!("pay:{n}")).await.unwrap().provider_ref;
        control.confirm_payment(&id, ConfirmOutcome::Authorized).await.unwrap();
        let (capture, void) = tokio::join!(gateway.capture(&id, usd(100), "capture"), gateway.void(&id, "void"));
        assert!(capture.is_ok() != void.is_ok(), "{capture:?} {void:?}");
    }
}

#[tokio::test]
async fn faults_tell_the_caller_what_it_can_know() {
    let world = World::new().await;
    let simulator = world.simulator();
    let (gateway, control) = (simulator.payments(), simulator.control());
    let id = captured(&gateway, &control, 100).await;
    let refunded = async || control.payment(&id).await.unwrap().refunded_amount.0;

    control.fail_next(Operation::RefundPayment, Fault::Unavailable, 1);
    assert!(matches!(gateway.refund(&id, usd(10), "refund:1").await, Err(PortError::Unavailable(_))));
    control.fail_next(Operation::RefundPayment, Fault::RequestLost, 1);
    assert!(matches!(gateway.refund(&id, usd(10), "refund:1").await, Err(PortError::Unknown(_))));
    control.fail_next(Operation::RefundPayment, Fault::Refused, 1);
    assert_eq!(refused(gateway.refund(&id, usd(10), "refund:1").await), "fault");
    assert_eq!(refunded().await, 0);

    control.fail_next(Operation::RefundPayment, Fault::AnswerLost, 2);
    assert!(matches!(gateway.refund(&id, usd(10), "refund:1").await, Err(PortError::Unknown(_))));
    assert_eq!(refunded().await, 10);
    assert!(matches!(gateway.refund(&id, usd(10), "refund:1").await, Err(PortError::Unknown(_))));
    gateway.refund(&id, usd(10), "refund:1").await.unwrap();
    assert_eq!(refunded().await, 10);
}
