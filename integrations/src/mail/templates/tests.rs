//! Every kind, with what people might call themselves and their goods.

use chrono::DateTime;
use souk_domain::notification::letter::{
    EndpointFacts, Facts, KeyFacts, LineFacts, OrderFacts, ParcelFacts, ReturnFacts, SellerFacts, StockFacts,
    TokenFact, TotalFacts,
};

use super::*;

const HOSTILE: &str = "<script>alert(1)</script>\r\nBcc: thief@example.com\n\n& \"{{ 7 * 7 }}\"";

/// Everything that a message can tell of, said by somebody who means harm.
fn hostile(kind: NotificationKind) -> Letter {
    let text = || HOSTILE.to_owned();
    let facts = Facts {
        token: Some(TokenFact::new("the-token".to_owned().into())),
        order: Some(OrderFacts { id: "order-id".into(), number: text() }),
        seller: Some(SellerFacts { name: text() }),
        lines: vec![LineFacts {
            name: text(),
            variant: text(),
            sku: text(),
            quantity: 3,
            price: Some("29.97 EUR".into()),
        }],
        totals: Some(TotalFacts {
            items: "29.97 EUR".into(),
            discount: Some("-1.00 EUR".into()),
            shipping: "5.00 EUR".into(),
            tax_added: Some("2.00 EUR".into()),
            total: "35.97 EUR".into(),
            tax: Some("2.00 EUR".into()),
        }),
        parcel: Some(ParcelFacts {
            carrier: text(),
            tracking_number: Some(text()),
            expected: chrono::NaiveDate::from_ymd_opt(2026, 12, 24),
        }),
        refunded: Some("12.00 EUR".into()),
        back: Some(ReturnFacts { id: "return-id".into() }),
        reason: Some(text()),
        refund_follows: true,
        due: Some("2026-12-24 12:00 UTC".into()),
        stock: Some(StockFacts {
            name: text(),
            variant: text(),
            sku: text(),
            warehouse: text(),
            available: 2,
            threshold: 5,
        }),
        endpoint: Some(EndpointFacts { url: text(), gone: false }),
        key: Some(KeyFacts { name: text(), prefix: "souk_sk_abcdef".into(), scopes: "orders:read".into() }),
    };
    let written_at = DateTime::UNIX_EPOCH;
    Letter { key: format!("{kind}:1"), kind, to: "a@example.com".into(), written_at, facts }
}

/// Whether a kind is about an account, and so holds nothing that anybody wrote.
fn of_account(kind: NotificationKind) -> bool {
    use NotificationKind::*;
    matches!(
        kind,
        VerifyEmail | ChangeEmail | EmailChanged | ResetPassword | PasswordChanged | TotpEnabled | TotpDisabled
    )
}

#[test]
fn every_kind_is_worded_and_nobody_writes_into_it() {
    let templates = Templates::new(Some("https://shop.example/")).unwrap();
    for kind in NotificationKind::iter() {
        let email = templates.compose(&hostile(kind)).unwrap();
        assert!(email.subject.len() > 10 && !email.subject.contains(char::is_control), "{kind}: {}", email.subject);
        if of_account(kind) {
            let token = "the-token";
            let told = email.text.contains(token) && email.html.contains(token);
            use NotificationKind::{EmailChanged, PasswordChanged, TotpDisabled, TotpEnabled};
            let tells = !matches!(kind, EmailChanged | PasswordChanged | TotpEnabled | TotpDisabled);
            assert_eq!(told, tells, "{kind}: {}", email.text);
            continue;
        }
        assert!(!email.html.contains("<script") && email.html.contains("&lt;script"), "{kind}: {}", email.html);
        for (form, body) in [("text", &email.text), ("html", &email.html)] {
            let told = body.lines().any(|line| line.trim_start().starts_with("Bcc:"));
            assert!(!told, "{kind} {form}: a value made a line of its own: {body}");
            assert!(body.contains("{{ 7 * 7 }}") && !body.contains("49"), "{kind} {form}: {body}");
            assert!(!body.contains("{%") && !body.contains("\n\n\n\n"), "{kind} {form}: {body}");
        }
        // What is escaped in HTML is as it was said in text.
        assert!(email.text.contains("<script>alert(1)</script>  Bcc"), "{kind}: {}", email.text);
        use NotificationKind::*;
        assert_eq!(email.text.contains("the-token"), kind == SellerInvitation, "{kind}");
        let of_seller = matches!(
            kind,
            SellerWebhookDisabled
                | SellerApproved
                | SellerRejected
                | SellerSuspended
                | SellerApiKeyCreated
                | SellerPayoutAccountChanged
        );
        if !of_seller {
            assert!(email.text.contains("https://shop.example/") && email.html.contains("shop.example"), "{kind}");
        }
    }
}

#[test]
fn what_does_not_concern_a_message_may_be_absent() {
    let templates = Templates::new(None).unwrap();
    for kind in NotificationKind::iter() {
        let mut letter = hostile(kind);
        let facts = &mut letter.facts;
        facts.lines[0].price = None;
        facts.due = None;
        facts.refund_follows = false;
        facts.totals.as_mut().unwrap().discount = None;
        facts.parcel.as_mut().unwrap().tracking_number = None;
        facts.parcel.as_mut().unwrap().expected = None;
        match kind {
            NotificationKind::OrderCancelled => (facts.seller, facts.reason) = (None, None),
            NotificationKind::ReturnRejected => facts.reason = None,
            NotificationKind::SellerLowStock
            | NotificationKind::SellerWebhookDisabled
            | NotificationKind::SellerApiKeyCreated
            | NotificationKind::SellerPayoutAccountChanged => facts.order = None,
            NotificationKind::SellerRejected | NotificationKind::SellerSuspended => {
                (facts.order, facts.reason) = (None, None);
            }
            _ => {}
        }
        let email = templates.compose(&letter).unwrap();
        assert!(!email.text.contains("none") && !email.html.contains("none"), "{kind}: {}", email.text);
        assert!(!email.text.contains("http"), "{kind}: {}", email.text);
    }
}

#[test]
fn a_confirmation_reads_like_this() {
    let mut letter = hostile(NotificationKind::OrderConfirmed);
    letter.facts.order = Some(OrderFacts { id: "1".into(), number: "S-1".into() });
    let line = |name: &str, price: &str| LineFacts {
        name: name.into(),
        variant: "Standard".into(),
        sku: "X".into(),
        quantity: 3,
        price: Some(price.into()),
    };
    letter.facts.lines = vec![line("A lamp", "29.97 EUR"), line("A \"bulb\"", "0.30 EUR")];
    let email = Templates::new(Some("https://shop.example")).unwrap().compose(&letter).unwrap();
    assert_eq!(email.subject, "Your order S-1 is confirmed");
    assert_eq!(
        email.text,
        "Thank you. Your order S-1 is paid and on its way to the sellers.\n\n  \
         3 x A lamp (Standard): 29.97 EUR\n  3 x A \"bulb\" (Standard): 0.30 EUR\n\n  \
         Items: 29.97 EUR\n  Discount: -1.00 EUR\n  Shipping: 5.00 EUR\n  Tax added: 2.00 EUR\n  \
         Total: 35.97 EUR\n  Tax in the total: 2.00 EUR\n\n\
         Your order: https://shop.example/orders/1\n\nYou get this message because of your order S-1.\n"
    );
    assert!(email.html.contains("A &quot;bulb&quot; (Standard)"));
}
