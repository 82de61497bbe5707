//! The life of an order, as the people in it hear of it.

use serde_json::json;

use super::{UNREAD, found, owner};
use crate::souk::mail::Message;
use crate::souk::{Options, Seller, Souk, eventually, text};

async fn start() -> Souk {
    let options = Options::default().mail().env("SOUK_STOREFRONT_URL", "https://shop.example");
    Souk::with(options).await
}

/// Waits until everything that has happened is told, and until all other work is done.
async fn all_told(souk: &Souk) {
    for _ in 0..2 {
        eventually("everything is told", async || (souk.database().number(UNREAD, []).await == 0).then_some(())).await;
        souk.settle().await;
    }
}

/// What was told to whom, sorted.
fn told(souk: &Souk) -> Vec<(String, String)> {
    // That every account's address is to be proven, and who may sell, is told elsewhere.
    let elsewhere = ["verify_email", "seller_approved"];
    let mail = souk.mail().into_iter().filter(|message| !elsewhere.contains(&message.kind()));
    let mut told: Vec<_> = mail.map(|message| (message.kind().to_owned(), message.to.clone())).collect();
    told.sort();
    told
}

fn expected(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut rows: Vec<_> = rows.iter().map(|(kind, to)| ((*kind).to_owned(), (*to).to_owned())).collect();
    rows.sort();
    rows
}

/// What is not a seller's to know: the other seller, their goods, and who the shopper is.
fn keeps_to_itself(souk: &Souk, to: &str, secrets: &[&str]) {
    let own: Vec<_> = souk.mail().into_iter().filter(|message| message.to == to).collect();
    assert!(!own.is_empty());
    for message in own {
        for secret in secrets {
            let whole = format!("{} {}", message.subject, message.body);
            assert!(!whole.contains(secret), "{secret} is in what {to} is told: {whole}");
        }
    }
}

#[tokio::test]
async fn each_step_of_an_order_is_told_once_to_whom_it_concerns() {
    let souk = start().await;
    let (lamps, books) = (souk.seller("Lamps Ltd").await, souk.seller("Books Inc").await);
    let lamp = lamps.offer("LAMP-1", "10.00", 50).await;
    let book = books.offer("BOOK-1", "7.00", 50).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&lamp, 2), (&book, 3)]).await;
    let part = order.part(&lamps);

    books.reject(order.part(&books).id()).await.expect(200);
    shopper.refunded(order.id(), 1).await;
    let parcel = lamps.ship(part.id(), "Main").await;
    let tracking_number = text(&parcel["tracking_number"]);
    souk.simulator().advance(tracking_number, "in_transit").await;
    lamps.shipment_until(text(&parcel["id"]), "in_transit").await;
    souk.simulator().advance(tracking_number, "delivered").await;
    shopper.until(order.id(), "delivered").await;
    let declined = shopper.give_back(part, part.line(), 2).await.expect(201);
    let path = format!("/api/v1/seller/returns/{}/reject", text(&declined["id"]));
    lamps.client.post(&path, json!({"reason": "It was used."})).await.expect(200);
    let back = shopper.give_back(part, part.line(), 1).await.expect(201);
    let back = text(&back["id"]);
    lamps.approve_return(back).await.expect(200);
    lamps.receive(back, part.line(), 1).await.expect(200);
    shopper.refunded(order.id(), 2).await;
    all_told(&souk).await;

    let (buyer, lamps_owner, books_owner) =
        (text(&shopper.placement("")["email"]).to_owned(), owner(&lamps).await, owner(&books).await);
    let all = expected(&[
        ("order_confirmed", &buyer),
        ("order_cancelled", &buyer),
        ("refunded", &buyer),
        ("order_shipped", &buyer),
        ("order_delivered", &buyer),
        ("return_requested", &buyer),
        ("return_rejected", &buyer),
        ("return_requested", &buyer),
        ("return_approved", &buyer),
        ("return_received", &buyer),
        ("refunded", &buyer),
        ("seller_new_order", &lamps_owner),
        ("seller_new_order", &books_owner),
        ("seller_return_requested", &lamps_owner),
        ("seller_return_requested", &lamps_owner),
    ]);
    assert_eq!(told(&souk), all);

    let mail = souk.mail();
    let one = |name: String| mail.iter().find(|message| message.name == name).unwrap_or_else(|| panic!("no {name}"));
    let number = text(&order.0["number"]);
    let confirmed = one(format!("order_confirmed.{}", order.id()));
    assert_eq!(confirmed.subject, format!("Your order {number} is confirmed"));
    for what in [
        "Product LAMP-1",
        "20.00 USD",
        "Product BOOK-1",
        "21.00 USD",
        &format!("{} USD", order.0["total"].as_str().unwrap()),
    ] {
        assert!(confirmed.says(what), "{what}: {}", confirmed.body);
    }
    assert!(confirmed.body.contains(&format!("https://shop.example/orders/{}", order.id())));
    let shipped = one(format!("order_shipped.{}", text(&parcel["id"])));
    assert!(shipped.says(tracking_number) && shipped.says("Lamps Ltd") && !shipped.says("BOOK"), "{}", shipped.body);
    assert!(one(format!("return_rejected.{}", text(&declined["id"]))).says("It was used."));
    let cancelled = one(format!("order_cancelled.{}", order.part(&books).id()));
    assert!(cancelled.says("Books Inc") && cancelled.says("sold out") && !cancelled.says("LAMP"), "{}", cancelled.body);
    for refund in shopper.refunds(order.id()).await {
        let message = one(format!("refunded.{}", text(&refund["id"])));
        assert!(message.says(&format!("{} USD", text(&refund["amount"]))), "{}", message.body);
    }
    keeps_to_itself(&souk, &lamps_owner, &["Books", "BOOK", &buyer, "A Shopper", "Main Street"]);
    keeps_to_itself(&souk, &books_owner, &["Lamps", "LAMP", &buyer, "A Shopper", "Main Street"]);

    // The log read again from its beginning says nothing new.
    let rows = souk.database().number("SELECT count(*) FROM notification", []).await;
    souk.database().execute("UPDATE event_consumer SET position = 0 WHERE name = 'notifications'", []).await;
    all_told(&souk).await;
    assert_eq!(souk.database().number("SELECT count(*) FROM notification", []).await, rows);
    assert_eq!(told(&souk), all);
    assert_eq!(found(&souk, &format!("order_id={}", order.id())).await.len(), all.len());
    assert_eq!(found(&souk, "kind=order_refunded&status=sent").await.len(), 2);
    // That they may sell, and the order.
    assert_eq!(found(&souk, &format!("seller_id={}", books.id)).await.len(), 2);
}

#[tokio::test]
async fn a_cancelled_order_is_told_once_and_to_sellers_who_knew_of_it() {
    let souk = start().await;
    let (first, second) = (souk.seller("First").await, souk.seller("Second").await);
    let (one, two) = (first.offer("ONE-1", "10.00", 50).await, second.offer("TWO-1", "7.00", 50).await);
    let (unpaid, paid) = (souk.guest(), souk.guest());
    let cart = unpaid.cart(&[(&one, 1), (&two, 1)]).await;
    let order = unpaid.place(&cart).await;
    unpaid.cancel(order.id()).await.expect(200);
    let order = paid.buy(&[(&one, 1), (&two, 1)]).await;
    paid.cancel(order.id()).await.expect(200);
    paid.refunded(order.id(), 2).await;
    all_told(&souk).await;

    let address = |shopper: &crate::souk::Shopper| text(&shopper.placement("")["email"]).to_owned();
    let (unpaid, paid) = (address(&unpaid), address(&paid));
    let (first, second) = (owner(&first).await, owner(&second).await);
    let all = expected(&[
        ("order_cancelled", &unpaid),
        ("order_confirmed", &paid),
        ("order_cancelled", &paid),
        ("refunded", &paid),
        ("refunded", &paid),
        ("seller_new_order", &first),
        ("seller_new_order", &second),
        ("seller_order_cancelled", &first),
        ("seller_order_cancelled", &second),
    ]);
    assert_eq!(told(&souk), all);
    let mail = souk.mail();
    let cancelled = |to: &str| {
        mail.iter().find(|message| message.kind() == "order_cancelled" && message.to == to).expect("a message")
    };
    assert!(cancelled(&paid).says("is paid back") && !cancelled(&unpaid).says("is paid back"));
    assert!(cancelled(&paid).says("changed my mind"));
}

#[tokio::test]
async fn low_stock_is_told_once_a_day_to_every_owner_of_then() {
    let souk = start().await;
    let seller = souk.seller("Nearly Out").await;
    let (low, plenty) = (seller.offer("LOW-1", "1.00", 6).await, seller.offer("PLENTY-1", "1.00", 60).await);
    let path = format!("/api/v1/seller/inventory/{low}/{}", seller.warehouse("Main").await);
    seller.client.put(&path, json!({"on_hand": 6, "low_stock_threshold": 5})).await.expect(200);
    let other = join(&souk, &seller, "$3").await;
    let shopper = souk.guest();
    shopper.buy(&[(&low, 1), (&plenty, 1)]).await;
    all_told(&souk).await;
    shopper.buy(&[(&low, 1)]).await;
    all_told(&souk).await;

    let told: Vec<_> = souk.mail().into_iter().filter(|message| message.kind() == "seller_low_stock").collect();
    let mut to: Vec<_> = told.iter().map(|message| message.to.clone()).collect();
    to.sort();
    let mut owners = vec![owner(&seller).await, other];
    owners.sort();
    assert_eq!(to, owners);
    assert!(told.iter().all(|message| message.subject == "Low stock: LOW-1" && message.says("Product LOW-1")));

    // Whoever joins later is not told of the past when the log is read again.
    let late = join(&souk, &seller, "$3").await;
    souk.database().execute("UPDATE event_consumer SET position = 0 WHERE name = 'notifications'", []).await;
    all_told(&souk).await;
    let told_late = |message: &Message| message.kind() != "verify_email" && message.to == late;
    assert!(!souk.mail().iter().any(told_late));
}

/// Makes a person an owner of the seller, too; returns their address.
async fn join(souk: &Souk, seller: &Seller, now: &str) -> String {
    let client = souk.shopper().await.client();
    let me = client.get("/api/v1/me").await.expect(200);
    let id = |id: &str| -> sea_orm::Value { id.parse::<uuid::Uuid>().expect("an id").into() };
    let values = [id(&seller.id), id(text(&me["id"])), souk_domain::Clock::System.now().into()];
    let sql = format!(
        "INSERT INTO seller_member (seller_id, user_id, role, catalogue, orders, money, created_at) \
             VALUES ($1, $2, 'owner', TRUE, TRUE, TRUE, {now})"
    );
    assert_eq!(souk.database().execute(&sql, values).await, 1);
    text(&me["email"]).to_owned()
}
