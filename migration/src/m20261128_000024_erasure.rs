//! Erasure: how copies of a person that are not theirs alone are found, and whose secret finds them; and
//! what analysts get of regions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await?;
        views(manager, NEW_VIEWS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, "DROP VIEW analytics_region").await?;
        views(manager, OLD_VIEWS).await?;
        ddl::run(manager, DOWN).await
    }
}

/// Replaces the view of orders. Days and months are of UTC, whatever the session's time zone is.
async fn views(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let [day, month, this_month] = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => ["date(o.placed_at)", "strftime('%Y-%m', o.placed_at)", "strftime('%Y-%m', 'now')"],
        _ => [
            "CAST(o.placed_at AT TIME ZONE 'UTC' AS date)",
            "to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM')",
            "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')",
        ],
    };
    let sql = sql.replace("{day}", day).replace("{month}", month).replace("{this_month}", this_month);
    ddl::run(manager, &sql).await
}

const UP: &str = r#"
-- Rows of orders: a keyed hash of the address that the row names, empty where it names none; NULL for other
-- kinds, and once the row is emptied.
ALTER TABLE batch_row ADD COLUMN email_index varchar(64);
-- The account that the row names, which need not be there.
ALTER TABLE batch_row ADD COLUMN user_id {uuid};
CREATE INDEX ix_batch_row_email_index ON batch_row (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX ix_batch_row_user_id ON batch_row (user_id) WHERE user_id IS NOT NULL;

-- The order that the answer tells of, by which it is emptied when the shopper is erased, whoever got it.
ALTER TABLE idempotency_key ADD COLUMN order_id {uuid};
CREATE INDEX ix_idempotency_key_order_id ON idempotency_key (order_id) WHERE order_id IS NOT NULL;

-- What must be the same for all processes, ever: one row.
CREATE TABLE installation (
    id smallint NOT NULL CONSTRAINT pk_installation PRIMARY KEY CONSTRAINT ck_installation_one CHECK (id = 1),
    -- a keyed hash that tells which master secret it is, and nothing of it
    secret_fingerprint varchar(64) NOT NULL,
    created_at {timestamp} NOT NULL
);
"#;

const DOWN: &str = r#"
DROP TABLE installation;
DROP INDEX ix_idempotency_key_order_id;
ALTER TABLE idempotency_key DROP COLUMN order_id;
DROP INDEX ix_batch_row_user_id;
DROP INDEX ix_batch_row_email_index;
ALTER TABLE batch_row DROP COLUMN user_id;
ALTER TABLE batch_row DROP COLUMN email_index;
"#;

/// An order and its lines have days and amounts in common, so whoever joins the two views knows what was
/// bought in which order: neither has a region. Regions have a view of sums of months that are over, of which
/// none is of few orders; days within a month would differ by a single one. A region is what shoppers have
/// written, so only words that are the name of one somewhere else are shown.
const NEW_VIEWS: &str = r#"
DROP VIEW analytics_order;
CREATE VIEW analytics_order AS
SELECT {day} AS placed_on,
    CASE WHEN o.user_id IS NULL THEN 'guest' ELSE 'account' END AS shopper,
    a.country,
    o.status,
    o.currency,
    (SELECT count(*) FROM seller_order s WHERE s.order_id = o.id) AS sellers,
    o.items_total,
    o.discount_total,
    o.shipping_total,
    o.tax_total,
    o.total
FROM orders o
JOIN order_address a ON a.order_id = o.id AND a.kind = 'shipping';

CREATE VIEW analytics_region AS
SELECT p.placed_in, p.country, p.region, p.currency, count(*) AS orders,
    CAST(sum(p.tax_total) AS bigint) AS tax_total,
    CAST(sum(p.total) AS bigint) AS total
FROM (
    SELECT {month} AS placed_in,
        a.country,
        CASE WHEN EXISTS (SELECT 1 FROM tax_zone z WHERE z.country = a.country AND z.region = upper(trim(a.region)))
            OR EXISTS (SELECT 1 FROM shipping_zone_place z
                WHERE z.country = a.country AND z.region = upper(trim(a.region)))
            THEN upper(trim(a.region)) END AS region,
        o.currency,
        o.tax_total,
        o.total
    FROM orders o
    JOIN order_address a ON a.order_id = o.id AND a.kind = 'shipping'
) p
WHERE p.placed_in < {this_month}
GROUP BY p.placed_in, p.country, p.region, p.currency
HAVING count(*) >= 10;
"#;

const OLD_VIEWS: &str = r#"
DROP VIEW analytics_order;
CREATE VIEW analytics_order AS
SELECT {day} AS placed_on,
    CASE WHEN o.user_id IS NULL THEN 'guest' ELSE 'account' END AS shopper,
    a.country,
    a.region,
    o.status,
    o.currency,
    (SELECT count(*) FROM seller_order s WHERE s.order_id = o.id) AS sellers,
    o.items_total,
    o.discount_total,
    o.shipping_total,
    o.tax_total,
    o.total
FROM orders o
JOIN order_address a ON a.order_id = o.id AND a.kind = 'shipping';
"#;
