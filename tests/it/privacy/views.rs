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

    let rows = "SELECT shopper || ' ' || country || ' ' || region || ' ' || sellers || ' ' || total \
                FROM analytics_order ORDER BY shopper";
    assert_eq!(souk.database().words(rows).await, ["account US IL 1 1500", "guest US IL 1 1000"]);
    let lines = "SELECT country || ' ' || sku || ' ' || quantity || ' ' || length(CAST(placed_on AS text)) \
                 FROM analytics_line ORDER BY quantity";
    assert_eq!(souk.database().words(lines).await, ["US COUNT-1 1 10", "US COUNT-1 2 10"], "a day and no time");
}
