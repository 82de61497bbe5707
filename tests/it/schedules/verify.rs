//! The invariants are checked every day.

use super::{run, without_ticks};
use crate::souk::{Souk, text};

#[tokio::test]
async fn a_violation_is_found_and_told() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Checked").await;
    let offer = seller.offer("CHECKED-1", "10.00", 5).await;
    souk.guest().buy(&[(&offer, 1)]).await;
    souk.settle().await;
    let sound = run(&souk, "verify").await;
    let outcome = text(&sound["last_outcome"]);
    let (checked, rest) = outcome.split_once(' ').expect("a number");
    assert_eq!(rest, "invariants hold.", "{outcome}");
    let checked: usize = checked.parse().expect("a number");
    assert_eq!(checked, souk_domain::verify::invariants().len() + 1, "and that what is sealed opens");

    souk.database().execute("UPDATE inventory_level SET on_hand = on_hand + 1", []).await;
    let broken = run(&souk, "verify").await;
    let expected =
        format!("{} of {checked} invariants hold. Violated: stock_on_hand_is_the_sum_of_movements.", checked - 1);
    assert_eq!(broken["last_outcome"], expected);
    assert!(broken["last_error"].is_null(), "the check itself has worked: {broken}");

    souk.database().execute("UPDATE inventory_level SET on_hand = on_hand - 1", []).await;
    assert_eq!(run(&souk, "verify").await["last_outcome"], outcome);
}
