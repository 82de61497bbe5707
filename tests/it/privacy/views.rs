//! What analysts get: days, places and amounts, and nobody.

use std::collections::BTreeSet;

use crate::souk::{Setup, Souk};

/// All that the views may show. A new column belongs here only when it tells nothing of a person.
const ANONYMOUS: &[&str] = &[
    "cancelled_quantity",
    "commission",
    "country",
    "currency",
    "delivered_quantity",
    "discount",
    "discount_total",
    "items_total",
    "offer_id",
    "orders",
    "placed_in",
    "placed_on",
    "product_name",
    "quantity",
    "region",
    "returned_quantity",
    "seller_id",
    "sellers",
    "shipping_total",
    "shopper",
    "sku",
    "status",
    "tax",
    "tax_total",
    "total",
    "unit_price",
    "variant_name",
];

#[tokio::test]
async fn views_of_analysts_show_days_and_places_and_nobody() {
    let souk = Souk::start().await;
    let seller = souk.seller("Counted").await;
    let offer = seller.offer("COUNT-1", "5.00", 9).await;
    let (guest, shopper) = (souk.guest(), souk.shopper().await);
    guest.place(&guest.cart(&[(&offer, 1)]).await).await;
    shopper.place(&shopper.cart(&[(&offer, 2)]).await).await;

    let columns = match Setup::of_environment() {
        Setup::Embedded => {
            "SELECT m.name || '.' || p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'view'"
        }
        Setup::Services => {
            "SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c \
             JOIN information_schema.views v ON v.table_name = c.table_name WHERE v.table_schema = 'public'"
        }
    };
    let columns: BTreeSet<String> = souk.database().words(columns).await.into_iter().collect();
    assert!(columns.contains("analytics_order.placed_on") && columns.contains("analytics_line.sku"), "{columns:?}");
    let known: BTreeSet<&str> = ANONYMOUS.iter().copied().collect();
    let others: Vec<&String> =
        columns.iter().filter(|column| !known.contains(column.split('.').nth(1).expect("a column"))).collect();
    assert!(others.is_empty(), "nothing but what is known to be anonymous: {others:?}");

    let rows = "SELECT shopper || ' ' || country || ' ' || sellers || ' ' || total \
                FROM analytics_order ORDER BY shopper";
    assert_eq!(souk.database().words(rows).await, ["account US 1 1500", "guest US 1 1000"]);
    let lines = "SELECT country || ' ' || sku || ' ' || quantity || ' ' || length(CAST(placed_on AS text)) \
                 FROM analytics_line ORDER BY quantity";
    assert_eq!(souk.database().words(lines).await, ["US COUNT-1 1 10", "US COUNT-1 2 10"], "a day and no time");
}

#[tokio::test]
async fn regions_are_sums_of_many_orders_of_months_that_are_over() {
    let souk = Souk::start().await;
    let seller = souk.seller("Counted").await;
    let offer = seller.offer("COUNT-1", "5.00", 99).await;
    let guest = souk.guest();
    let place = async |region: &str| {
        let cart = guest.cart(&[(&offer, 1)]).await;
        let mut body = guest.placement(&cart);
        body["shipping_address"]["region"] = region.into();
        guest.client().post("/api/v1/orders", body).await.expect(201);
    };
    let admin = souk.admin().await;
    for place in ["US", "US-IL"] {
        let zone = admin.tax_zone(place, false).await;
        admin.tax_rate(&zone, "standard", "0").await;
    }
    for _ in 0..9 {
        place("IL").await;
        place("The house at the lake").await;
    }
    let shown = "SELECT placed_in || ' ' || country || ' ' || coalesce(region, '-') || ' ' || orders || ' ' || total \
                 FROM analytics_region ORDER BY region";
    let age =
        async || souk.database().execute("UPDATE orders SET placed_at = $1", [crate::souk::long_ago().into()]).await;
    age().await;
    assert_eq!(souk.database().words(shown).await, [] as [&str; 0], "nine are few");
    place(" il ").await;
    place("The house by the sea").await;
    assert_eq!(souk.database().words(shown).await, [] as [&str; 0], "this month goes on");
    assert_eq!(age().await, 20);
    let shown = souk.database().words(shown).await;
    assert!(shown.iter().any(|row| row.contains(" US IL 10 10000")), "{shown:?}");
    assert!(shown.iter().any(|row| row.contains(" US - 10 10000")), "no words of a shopper: {shown:?}");
    assert_eq!(shown.len(), 2);
}
