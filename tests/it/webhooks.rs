//! Webhooks from outside: what is not signed changes nothing, what is told twice counts once, and
//! the order in which it is told does not matter.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use souk_domain::{Clock, account};
use souk_integrations::simulated::signature;

use crate::souk::client::send;
use crate::souk::{Answer, Client, Options, Souk, eventually, text};

const SECRET: &str = "the master secret of these tests";
const PAYMENTS: &str = "/api/v1/webhooks/payments/simulated";
const CARRIERS: &str = "/api/v1/webhooks/carriers/simulated";

/// Who signs as the simulated companies do.
struct Company {
    client: Client,
    secret: SecretString,
}

impl Company {
    /// Their secret comes from the master secret of the installation.
    fn of(souk: &Souk) -> Self {
        let secret = account::token_hash(&format!("simulator webhooks\0{SECRET}"));
        Self { client: souk.anyone(), secret: secret.into() }
    }

    fn sign(&self, at: DateTime<Utc>, body: &[u8]) -> String {
        signature::sign(&self.secret, at, body)
    }

    /// Sends a body under any signature, or under none.
    async fn send(&self, path: &str, body: &[u8], signature: Option<&str>) -> Answer {
        let mut request = self.client.request(Method::POST, path).header("content-type", "application/json");
        if let Some(signature) = signature {
            request = request.header(signature::HEADER, signature);
        }
        send(request.body(body.to_vec())).await
    }

    /// Sends an event as it should be.
    async fn tell(&self, path: &str, event: &Value) -> Answer {
        let body = event.to_string().into_bytes();
        self.send(path, &body, Some(&self.sign(now(), &body))).await
    }
}

fn now() -> DateTime<Utc> {
    Clock::System.now()
}

async fn start() -> Souk {
    Souk::with(Options::default().env("SOUK_SECRET", SECRET)).await
}

fn payment_event(id: &str, payment: &str) -> Value {
    json!({"id": id, "type": "payment.updated", "created": now().timestamp(), "data": {"payment": {"id": payment}}})
}

fn carrier_event(id: &str, tracking_number: &str, scans: &[Value]) -> Value {
    json!({"id": id, "tracking_number": tracking_number, "scans": scans})
}

fn scan(status: &str, at: DateTime<Utc>) -> Value {
    json!({"status": status, "description": status, "location": "Newark", "occurred_at": at})
}

async fn received(souk: &Souk, event: &str) -> i64 {
    souk.database().number("SELECT count(*) FROM inbox WHERE event_id = $1", [event.into()]).await
}

#[tokio::test]
async fn what_is_not_signed_changes_nothing() {
    let souk = start().await;
    let company = Company::of(&souk);
    let stranger = Company { client: souk.anyone(), secret: "somebody else's secret".to_owned().into() };
    let master = Company { client: souk.anyone(), secret: SECRET.to_owned().into() };
    let body = payment_event("evt_forged", "pay_forged").to_string().into_bytes();
    let other = payment_event("evt_forged", "pay_other").to_string().into_bytes();
    let good = company.sign(now(), &body);
    let (time, code) = good.split_once(",v1=").expect("a signature");
    let late = TimeDelta::seconds(330);
    let forged = [
        ("no signature", None),
        ("an empty one", Some(String::new())),
        ("garbage", Some("garbage".to_owned())),
        ("no code", Some(time.to_owned())),
        ("no time", Some(format!("v1={code}"))),
        ("an empty code", Some(format!("{time},v1="))),
        ("half a code", Some(good[..good.len() - 32].to_owned())),
        ("zeroes", Some(format!("{time},v1={}", "0".repeat(64)))),
        ("two times", Some(format!("t=1,{good}"))),
        ("another time", Some(format!("t={},v1={code}", now().timestamp() - 7))),
        ("another scheme", Some(format!("{time},v0={code}"))),
        ("a stranger's", Some(stranger.sign(now(), &body))),
        ("the master secret's", Some(master.sign(now(), &body))),
        ("that of another body", Some(company.sign(now(), &other))),
        ("one too old", Some(company.sign(now() - late, &body))),
        ("one of the future", Some(company.sign(now() + late, &body))),
    ];
    for (what, signature) in &forged {
        for path in [PAYMENTS, CARRIERS] {
            let answer = company.send(path, &body, signature.as_deref()).await;
            assert_eq!(answer.status.as_u16(), 401, "{what}: {}", answer.json());
            answer.refused(401, "BAD_SIGNATURE");
        }
    }
    // One bit of the body.
    let mut tampered = body.clone();
    *tampered.last_mut().expect("a body") ^= 1;
    company.send(PAYMENTS, &tampered, Some(&good)).await.refused(401, "BAD_SIGNATURE");
    let mut longer = body.clone();
    longer.push(b' ');
    company.send(PAYMENTS, &longer, Some(&good)).await.refused(401, "BAD_SIGNATURE");
    assert_eq!(souk.database().number("SELECT count(*) FROM inbox", []).await, 0);
    assert_eq!(souk.database().number("SELECT count(*) FROM job", []).await, 0);
}

#[tokio::test]
async fn of_several_signatures_one_has_to_be_right() {
    let souk = start().await;
    let company = Company::of(&souk);
    let event = payment_event("evt_rotated", "pay_1");
    let body = event.to_string().into_bytes();
    let good = company.sign(now(), &body);
    let (time, code) = good.split_once(",v1=").expect("a signature");
    let zeroes = "0".repeat(64);
    // A secret is being rotated: the company signs with both.
    let header = format!("{time},v1={zeroes},v1=no-hexadecimal,v1={code},v0={zeroes}");
    assert_eq!(company.send(PAYMENTS, &body, Some(&header)).await.expect(200), json!({"new": true}));
    // The same again, which somebody has recorded, is known.
    assert_eq!(company.send(PAYMENTS, &body, Some(&header)).await.expect(200), json!({"new": false}));
    assert_eq!(received(&souk, "evt_rotated").await, 1);

    let wrong = format!("{time},v1={zeroes},v1={},v1={}", "f".repeat(64), &code[..62]);
    company.send(PAYMENTS, &body, Some(&wrong)).await.refused(401, "BAD_SIGNATURE");
    // Two headers are no list: which one counts is not left to chance.
    for (first, second) in
        [(wrong.as_str(), good.as_str()), (good.as_str(), wrong.as_str()), (good.as_str(), good.as_str())]
    {
        for path in [PAYMENTS, CARRIERS] {
            let request = company.client.request(Method::POST, path).header("content-type", "application/json");
            let request = request.header(signature::HEADER, first).header(signature::HEADER, second);
            send(request.body(body.clone())).await.refused(401, "BAD_SIGNATURE");
        }
    }
}

#[tokio::test]
async fn a_part_of_a_signed_body_is_not_signed() {
    let souk = start().await;
    let company = Company::of(&souk);
    let seller = souk.seller("A Seller").await;
    let offer = seller.offer("LAMP", "10.00", 5).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    let parcel = seller.ship(order.part(&seller).id(), "Main").await;
    souk.settle().await;
    let before = souk.database().number("SELECT count(*) FROM inbox", []).await;
    let delivered = carrier_event("evt_cut", text(&parcel["tracking_number"]), &[scan("delivered", now())]);
    let body = delivered.to_string().into_bytes();
    let signature = company.sign(now(), &body);
    for cut in [0, 1, body.len() / 2, body.len() - 1] {
        company.send(CARRIERS, &body[..cut], Some(&signature)).await.refused(401, "BAD_SIGNATURE");
    }
    // Nor is it the other kind's: a signature says nothing of the path, and what is told must still be read.
    company.send(PAYMENTS, &body, Some(&signature)).await.refused(400, "MALFORMED_REQUEST");
    // A recorded one at the end of what is tolerated, and after it.
    for (late, status) in [(TimeDelta::seconds(-330), 401), (TimeDelta::seconds(330), 401)] {
        let answer = company.send(CARRIERS, &body, Some(&company.sign(now() + late, &body))).await;
        assert_eq!(answer.status.as_u16(), status, "{late}");
    }
    assert_eq!(souk.database().number("SELECT count(*) FROM inbox", []).await, before);
    for late in [TimeDelta::seconds(-240), TimeDelta::seconds(240)] {
        company.send(CARRIERS, &body, Some(&company.sign(now() + late, &body))).await.expect(200);
    }
    assert_eq!(received(&souk, "evt_cut").await, 1);
}

#[tokio::test]
async fn who_signs_is_no_excuse_for_garbage() {
    let souk = start().await;
    let company = Company::of(&souk);
    let event = payment_event("evt_1", "pay_1");
    for path in
        ["/api/v1/webhooks/payments/nobody", "/api/v1/webhooks/carriers/nobody", "/api/v1/webhooks/payments/a%20b"]
    {
        company.tell(path, &event).await.refused(404, "NOT_FOUND");
    }
    let bodies: [&[u8]; 11] = [
        b"",
        b"garbage",
        b"{",
        b"null",
        b"[]",
        br#"{"id": 5}"#,
        br#"{"id": "evt_1"}"#,
        br#"{"id": "", "data": {"payment": {"id": "pay_1"}}, "tracking_number": "T", "scans": []}"#,
        b"\xff\xfe",
        br#"{"id": "evt_\u0000", "data": {"payment": {"id": "pay_1"}}, "tracking_number": "T", "scans": []}"#,
        br#"{"id": "evt_1", "data": {"payment": {}}, "tracking_number": "T", "scans": [{"status": "teleported"}]}"#,
    ];
    for body in bodies {
        for path in [PAYMENTS, CARRIERS] {
            let answer = company.send(path, body, Some(&company.sign(now(), body))).await;
            assert_eq!(answer.status.as_u16(), 400, "{}: {}", String::from_utf8_lossy(body), answer.json());
            answer.refused(400, "MALFORMED_REQUEST");
        }
    }
    company.tell(PAYMENTS, &payment_event(&"e".repeat(121), "pay_1")).await.refused(400, "MALFORMED_REQUEST");
    let large = format!("{}{}", " ".repeat(1024 * 1024), event).into_bytes();
    let signature = company.sign(now(), &large);
    company.send(PAYMENTS, &large, Some(&signature)).await.refused(413, "BODY_TOO_LARGE");
    assert_eq!(souk.database().number("SELECT count(*) FROM inbox", []).await, 0);
}

#[tokio::test]
async fn an_event_counts_once_however_often_it_is_told() {
    let souk = start().await;
    let company = Company::of(&souk);
    let seller = souk.seller("A Seller").await;
    let offer = seller.offer("LAMP", "10.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let payments = shopper.client().list(&format!("/api/v1/orders/{}/payments", order.id())).await;
    let payment = text(&payments[0]["provider_ref"]);
    souk.settle().await;
    let captured = souk.admin().await.account("provider_clearing").await;

    let event = payment_event("evt_told_twice", payment);
    assert_eq!(company.tell(PAYMENTS, &event).await.expect(200), json!({"new": true}));
    for _ in 0..3 {
        assert_eq!(company.tell(PAYMENTS, &event).await.expect(200), json!({"new": false}));
    }
    // Of the same id, what it says another time makes no difference: the first one counts.
    let changed = payment_event("evt_told_twice", "pay_another");
    assert_eq!(company.tell(PAYMENTS, &changed).await.expect(200), json!({"new": false}));
    let at_once = payment_event("evt_at_once", payment);
    let answers = futures::future::join_all((0..8).map(|_| company.tell(PAYMENTS, &at_once))).await;
    let new = answers.iter().filter(|answer| answer.expect(200) == json!({"new": true})).count();
    assert_eq!(new, 1, "of eight at once");
    assert_eq!((received(&souk, "evt_told_twice").await, received(&souk, "evt_at_once").await), (1, 1));

    // The provider is asked for what is true, and what is true has not changed.
    souk.settle().await;
    assert_eq!(souk.admin().await.account("provider_clearing").await, captured);
    assert_eq!(shopper.order(order.id()).await.0["version"], order.0["version"]);
}

#[tokio::test]
async fn a_payment_event_is_believed_only_as_far_as_the_provider_confirms_it() {
    let souk = start().await;
    let company = Company::of(&souk);
    let seller = souk.seller("A Seller").await;
    let offer = seller.offer("LAMP", "10.00", 5).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    let payment = shopper.start_payment(order.id()).await.expect(201);
    let mut event = payment_event("evt_captured", text(&payment["provider_ref"]));
    event["type"] = json!("payment.captured");
    event["data"]["payment"]["status"] = json!("captured");
    event["data"]["payment"]["captured"] = json!(order.total());
    assert_eq!(company.tell(PAYMENTS, &event).await.expect(200), json!({"new": true}));
    eventually("the event is acted on", async || {
        let sql = "SELECT count(*) FROM inbox WHERE event_id = 'evt_captured' AND processed_at IS NOT NULL";
        (souk.database().number(sql, []).await == 1).then_some(())
    })
    .await;
    assert_eq!(shopper.order(order.id()).await.status(), "pending");
    assert_eq!(souk.admin().await.account("provider_clearing").await, (0, 0));
}

#[tokio::test]
async fn tracking_events_converge_in_whatever_order_they_come() {
    let souk = start().await;
    let company = Company::of(&souk);
    let seller = souk.seller("A Seller").await;
    let offer = seller.offer("LAMP", "10.00", 50).await;
    let shopper = souk.guest();
    let begin = now() + TimeDelta::seconds(1);
    let road: Vec<Value> = (0..)
        .zip(["in_transit", "exception", "in_transit", "out_for_delivery", "delivery_attempted", "delivered"])
        .map(|(minute, status)| scan(status, begin + TimeDelta::minutes(minute)))
        .collect();
    // Numbers are scans of the road; a list is one event.
    let tellings: [&[&[usize]]; 4] = [
        &[&[0], &[1], &[2], &[3], &[4], &[5]],
        &[&[5], &[4], &[3], &[2], &[1], &[0]],
        &[&[3, 0], &[0], &[5], &[1, 2], &[3, 3], &[4]],
        &[&[2, 5, 0, 4, 1, 3], &[0, 1, 2, 3, 4, 5], &[5]],
    ];
    for (number, telling) in tellings.iter().enumerate() {
        let order = shopper.buy(&[(&offer, 1)]).await;
        let parcel = seller.ship(order.part(&seller).id(), "Main").await;
        let tracking_number = text(&parcel["tracking_number"]);
        for (at, event) in telling.iter().enumerate() {
            let scans: Vec<Value> = event.iter().map(|at| road[*at].clone()).collect();
            let event = carrier_event(&format!("told-{number}-{at}"), tracking_number, &scans);
            assert_eq!(company.tell(CARRIERS, &event).await.expect(200), json!({"new": true}));
            assert_eq!(company.tell(CARRIERS, &event).await.expect(200), json!({"new": false}));
        }
        let acted_on =
            format!("SELECT count(*) FROM inbox WHERE processed_at IS NOT NULL AND event_id LIKE 'told-{number}-%'");
        eventually("all events are acted on", async || {
            let done = souk.database().number(&acted_on, []).await;
            (usize::try_from(done) == Ok(telling.len())).then_some(())
        })
        .await;
        let parcel = seller.shipment_until(text(&parcel["id"]), "delivered").await;
        assert_eq!(parcel["tracking_status"], "delivered", "telling {number}");
        let events = parcel["events"].as_array().expect("events");
        let told: Vec<&str> =
            events.iter().map(|event| text(&event["status"])).filter(|s| *s != "pre_transit").collect();
        let expected: Vec<&str> = road.iter().map(|scan| text(&scan["status"])).collect();
        assert_eq!(told, expected, "each scan once and in its order, telling {number}");
        assert_eq!(shopper.until(order.id(), "delivered").await.part(&seller).lines()[0]["delivered_quantity"], 1);
    }
    // A scan that comes after the delivery and happened before it is history; no state goes back.
    let order = shopper.buy(&[(&offer, 1)]).await;
    let parcel = seller.ship(order.part(&seller).id(), "Main").await;
    let tracking_number = text(&parcel["tracking_number"]);
    company.tell(CARRIERS, &carrier_event("evt_done", tracking_number, &road[5..])).await.expect(200);
    let delivered = shopper.until(order.id(), "delivered").await;
    company.tell(CARRIERS, &carrier_event("evt_late", tracking_number, &road[..2])).await.expect(200);
    eventually("the late event is acted on", async || {
        let sql = "SELECT count(*) FROM inbox WHERE event_id = 'evt_late' AND processed_at IS NOT NULL";
        (souk.database().number(sql, []).await == 1).then_some(())
    })
    .await;
    assert_eq!(seller.shipment_until(text(&parcel["id"]), "delivered").await["tracking_status"], "delivered");
    assert_eq!(shopper.order(order.id()).await.0["version"], delivered.0["version"]);
}

#[tokio::test]
async fn the_number_of_a_card_in_an_event_is_not_kept() {
    let souk = start().await;
    let company = Company::of(&souk);
    let mut event = payment_event("evt_card", "pay_unknown");
    event["card"] =
        json!({"number": "4111111111111111", "digits": 4_242_424_242_424_242_i64, "note": "4111 1111 1111 1111"});
    company.tell(PAYMENTS, &event).await.expect(200);
    assert_eq!(received(&souk, "evt_card").await, 1, "who sends it is answered");
    let kept: Value = serde_json::from_str(&souk.database().inbox_bodies().await[0]).expect("JSON");
    assert_eq!(
        kept["card"],
        json!({"number": "****************", "digits": "****************", "note": "**** **** **** ****"})
    );
    assert_eq!((&kept["id"], &kept["data"]), (&event["id"], &event["data"]));
}
