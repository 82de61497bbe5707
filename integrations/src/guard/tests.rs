//! The guard around calls that fail, hang and crowd.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::{join_all, pending};

use super::*;

fn guard(config: GuardConfig) -> Guard {
    Guard::new("payment", "a company", config)
}

fn away() -> PortError {
    PortError::Unavailable("away".into())
}

const SHORT: Duration = Duration::from_millis(10);

#[tokio::test]
async fn what_only_asks_is_asked_again_and_what_moves_something_is_not() {
    let guard = guard(GuardConfig::default());
    let calls = AtomicU32::new(0);
    let answer = guard
        .read("fetch_payment", async || match calls.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err(PortError::Unknown("lost".into())),
            _ => Ok(7),
        })
        .await;
    assert_eq!((answer, calls.load(Ordering::Relaxed)), (Ok(7), 3));

    let calls = AtomicU32::new(0);
    let call = async {
        calls.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(away())
    };
    assert_eq!(guard.effect("capture_payment", SHORT, call).await, Err(away()));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let guard = guard(GuardConfig::default());
    let refused = || PortError::Refused { code: "no".into(), message: "No.".into() };
    for _ in 0..20 {
        assert_eq!(guard.effect("buy_label", SHORT, async { Err::<(), _>(refused()) }).await, Err(refused()));
    }
    assert_eq!(guard.breaker().standing(), Standing::Closed);
}

#[tokio::test]
async fn without_an_answer_an_effect_is_unknown_and_a_question_is_not() {
    let guard = guard(GuardConfig { read: SHORT, ..GuardConfig::default() });
    let effect = guard.effect("transfer", SHORT, pending::<Result<(), PortError>>()).await;
    assert!(matches!(effect, Err(PortError::Unknown(_))), "{effect:?}");
    let question = guard.read("find_transfer", async || pending::<Result<(), PortError>>().await).await;
    assert!(matches!(question, Err(PortError::Unavailable(_))), "{question:?}");
}

#[tokio::test]
async fn an_open_breaker_calls_nobody() {
    let guard = guard(GuardConfig::default());
    for _ in 0..GuardConfig::default().breaker.failures {
        assert!(guard.effect("transfer", SHORT, async { Err::<(), _>(away()) }).await.is_err());
    }
    let called = AtomicU32::new(0);
    let call = async || {
        called.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    assert!(matches!(guard.effect("transfer", SHORT, call()).await, Err(PortError::Unavailable(_))));
    assert!(matches!(guard.read("find_transfer", call).await, Err(PortError::Unavailable(_))));
    assert_eq!(called.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_probe_whose_caller_goes_away_does_not_keep_the_breaker_shut() {
    let limits = Limits { pause: Duration::ZERO, ..Limits::default() };
    let guard = guard(GuardConfig { breaker: limits, ..GuardConfig::default() });
    for _ in 0..limits.failures {
        assert!(guard.effect("transfer", SHORT, async { Err::<(), _>(away()) }).await.is_err());
    }
    let probe = guard.effect("transfer", Duration::from_secs(60), pending::<Result<(), PortError>>());
    assert!(timeout(SHORT, probe).await.is_err());
    assert_eq!(guard.effect("transfer", SHORT, async { Ok(()) }).await, Ok(()));
    assert_eq!(guard.breaker().standing(), Standing::Closed);
}

#[tokio::test]
async fn no_more_calls_than_places_are_under_way() {
    let guard = guard(GuardConfig { places: 3, wait: SHORT, ..GuardConfig::default() });
    let (now, most) = (AtomicU32::new(0), AtomicU32::new(0));
    let call = async || {
        let there = now.fetch_add(1, Ordering::Relaxed) + 1;
        most.fetch_max(there, Ordering::Relaxed);
        sleep(SHORT * 20).await;
        now.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    };
    let answers = join_all((0..10).map(|_| guard.effect("buy_label", Duration::from_secs(5), call()))).await;
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    let kept = answers.iter().filter(|answer| matches!(answer, Err(PortError::Unavailable(_)))).count();
    assert_eq!((made, kept, most.load(Ordering::Relaxed)), (3, 7, 3));
    assert_eq!(guard.breaker().standing(), Standing::Closed, "a crowd is not the company's fault");
}
