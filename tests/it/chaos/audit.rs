//! What must hold when everything is over.

use std::collections::BTreeMap;

use super::end::End;
use crate::souk::{Books, Souk};

/// Checks that every order came to its end once, and that nothing was done twice; returns the
/// companies' books.
pub async fn audit(souk: &Souk, orders: &[(String, End, usize)]) -> Books {
    let books = souk.audit().await;
    let admin = souk.admin().await;
    let mut labels = 0;
    for (id, end, sellers) in orders {
        let order = admin.order(id).await;
        assert_eq!(order["order"]["status"], end.status(), "{end:?}: {order}");
        let (captured, refunded, label) = end.counts(*sellers);
        let count = |list: &str, status: &str| {
            let rows = order[list].as_array().unwrap_or_else(|| panic!("{list} of {order}"));
            rows.iter().filter(|row| row["status"] == status).count()
        };
        assert_eq!((count("payments", "captured"), count("refunds", "succeeded")), (captured, refunded), "{order}");
        labels += label;
    }
    assert_eq!(usize::try_from(books.labels), Ok(labels), "labels that were bought");
    let database = souk.database();
    let number = async |sql: &str| database.number(sql, []).await;
    // The companies' own books know of no payment, refund, transfer or label that ours do not.
    assert_eq!(books.payments, number("SELECT count(*) FROM payment WHERE provider_ref IS NOT NULL").await);
    assert_eq!(
        number("SELECT count(*) FROM simulated_refund").await,
        number("SELECT count(*) FROM refund WHERE status = 'succeeded' AND provider_ref IS NOT NULL").await
    );
    assert_eq!(books.transfers, number("SELECT count(*) FROM payout WHERE provider_ref IS NOT NULL").await);
    assert_eq!(number("SELECT count(*) FROM job WHERE status = 'dead'").await, 0, "dead jobs");
    mail(souk).await;
    books
}

/// Every message that is noted as sent is there, and there once.
async fn mail(souk: &Souk) {
    let sent = souk.database().words("SELECT unique_key FROM notification WHERE status = 'sent'").await;
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    for message in souk.mail() {
        *by_id.entry(message.id).or_default() += 1;
    }
    let doubled: Vec<_> = by_id.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "messages that were sent twice: {doubled:?}");
    assert_eq!(by_id.len(), sent.len(), "messages that are there and messages that are noted as sent");
    let unfinished = "SELECT count(*) FROM notification WHERE status NOT IN ('sent', 'suppressed')";
    assert_eq!(souk.database().number(unfinished, []).await, 0, "messages that were not sent");
}
