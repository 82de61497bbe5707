//! A mail server that has no time, refuses, or says nothing, and workers that die meanwhile.

use serde_json::{Value, json};

use super::server::{Answer, MailServer};
use super::{found, owner};
use crate::souk::{Options, Souk, eventually, text};

async fn start(server: &MailServer) -> Souk {
    let options = Options::default().env("SOUK_MAIL", &server.url).env("SOUK_MAIL_FROM", "post@shop.example");
    Souk::with(options).await
}

/// A notification of a kind, once it has the status.
async fn until(souk: &Souk, kind: &str, status: &str) -> Value {
    eventually(&format!("{kind} is {status}"), async || {
        found(souk, &format!("kind={kind}&status={status}")).await.into_iter().next()
    })
    .await
}

/// Waits for so many messages to an address.
async fn seen(server: &MailServer, to: &str, count: usize) -> Vec<crate::souk::mail::Message> {
    eventually(&format!("{count} messages to {to}"), async || {
        Some(server.seen(to)).filter(|messages| messages.len() >= count)
    })
    .await
}

#[tokio::test]
async fn what_is_not_taken_now_is_sent_again_and_what_is_refused_is_not() {
    let server = MailServer::start().await;
    let souk = start(&server).await;
    let seller = souk.seller("Unreachable").await;
    let offer = seller.offer("MAIL-1", "10.00", 50).await;
    let shopper = souk.guest();
    let (buyer, owner) = (text(&shopper.placement("")["email"]).to_owned(), owner(&seller).await);
    server.answers(&buyer, Answer::Later);
    server.answers(&owner, Answer::Never);
    shopper.buy(&[(&offer, 1)]).await;

    let failed = until(&souk, "seller_new_order", "failed").await;
    let reason = text(&failed["reason"]);
    assert!(reason.contains("550") && !reason.contains(&owner), "{reason}");
    seen(&server, &buyer, 1).await;
    let pending = until(&souk, "order_confirmed", "pending").await;
    let resend = |id: &str| format!("/api/v1/admin/notifications/{id}/resend");
    let client = &souk.admin().await.client;
    client.post_empty(&resend(text(&pending["id"]))).await.refused(409, "ILLEGAL_TRANSITION");
    server.answers(&buyer, Answer::Take);
    let sent = until(&souk, "order_confirmed", "sent").await;
    let messages = server.seen(&buyer);
    assert!(messages.len() >= 2 && messages.iter().all(|message| message.id == messages[0].id), "{messages:?}");
    assert_eq!(sent["id"], pending["id"]);

    // The owner's mailbox is there again: an operator sends it anew, once however often it is asked for.
    server.answers(&owner, Answer::Take);
    let first = client.post_once(&resend(text(&failed["id"])), "again", json!({})).await.expect(201);
    let again = client.post_once(&resend(text(&failed["id"])), "again", json!({})).await.expect(201);
    assert_eq!(first["id"], again["id"]);
    assert!(text(&first["unique_key"]).starts_with(&format!("{}#", text(&failed["unique_key"]))));
    let sent = until(&souk, "seller_new_order", "sent").await;
    assert_eq!(sent["id"], first["id"]);
    souk.settle().await;
    assert_eq!(server.seen(&owner).len(), 1);
    let again = client.post_empty(&resend(text(&sent["id"]))).await.expect(201);
    assert_eq!(text(&again["unique_key"]).matches('#').count(), 1);
    let messages = seen(&server, &owner, 2).await;
    assert_ne!(messages[0].id, messages[1].id, "to its reader it is a new message");
    eventually("it is sent", async || {
        (found(&souk, "kind=seller_new_order&status=sent").await.len() == 2).then_some(())
    })
    .await;
    souk.settle().await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_sends_loses_no_message() {
    let server = MailServer::start().await;
    let mut souk = start(&server).await;
    let seller = souk.seller("Interrupted").await;
    let offer = seller.offer("MAIL-2", "10.00", 50).await;
    let shopper = souk.guest();
    let buyer = text(&shopper.placement("")["email"]).to_owned();
    server.answers(&buyer, Answer::Silence);
    shopper.buy(&[(&offer, 1)]).await;
    seen(&server, &buyer, 1).await;

    souk.kill_workers();
    server.answers(&buyer, Answer::Take);
    souk.database().end_leases().await;
    souk.resume().await;
    until(&souk, "order_confirmed", "sent").await;
    souk.settle().await;
    let messages = server.seen(&buyer);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].id, messages[1].id, "its reader sees one");
    assert_eq!(messages[0].body, messages[1].body);
}

#[tokio::test]
async fn what_is_needless_by_then_is_not_sent() {
    let server = MailServer::start().await;
    let souk = start(&server).await;
    let (left, filled) = (souk.seller("Left").await, souk.seller("Filled").await);
    let (one, two) = (left.offer("MAIL-3", "10.00", 50).await, filled.offer("MAIL-4", "10.00", 1).await);
    let (left_owner, filled_owner) = (owner(&left).await, owner(&filled).await);
    server.answers(&left_owner, Answer::Later);
    server.answers(&filled_owner, Answer::Later);
    souk.guest().buy(&[(&one, 1), (&two, 1)]).await;
    seen(&server, &left_owner, 1).await;
    until(&souk, "seller_low_stock", "pending").await;

    let seller: uuid::Uuid = left.id.parse().expect("an id");
    souk.database().execute("DELETE FROM seller_member WHERE seller_id = $1", [seller.into()]).await;
    filled.stock(&two, "Main", 100).await;
    server.answers(&filled_owner, Answer::Take);
    let nobody = until(&souk, "seller_new_order", "suppressed").await;
    assert_eq!(
        (text(&nobody["seller_id"]), text(&nobody["reason"])),
        (left.id.as_str(), "There is nobody to be told any more.")
    );
    let filled_up = until(&souk, "seller_low_stock", "suppressed").await;
    assert_eq!(text(&filled_up["reason"]), "The stock is not low any more.");
    until(&souk, "seller_new_order", "sent").await;
    souk.settle().await;
}
