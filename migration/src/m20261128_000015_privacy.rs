//! Privacy: a key per person, which all that is stored of the person is sealed with.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await?;
        // Days of UTC, whatever the session's time zone is.
        let day = match manager.get_database_backend() {
            DatabaseBackend::Sqlite => "date(o.placed_at)",
            _ => "CAST(o.placed_at AT TIME ZONE 'UTC' AS date)",
        };
        ddl::run(manager, &VIEWS.replace("{day}", day)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, "DROP VIEW analytics_line; DROP VIEW analytics_order").await?;
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &["person_key"];

const UP: &str = r#"
CREATE TABLE person_key (
    -- a person with an account by its id, a guest by the order's
    id {uuid} NOT NULL CONSTRAINT pk_person_key PRIMARY KEY,
    -- which key of the installation wraps it; NULL: erased
    wrapped_by varchar(32),
    -- NULL: erased, and with it all that it sealed
    wrapped_key {bytes},
    created_at {timestamp} NOT NULL,
    erased_at {timestamp},
    CONSTRAINT ck_person_key_erased CHECK (
        (erased_at IS NULL AND wrapped_key IS NOT NULL AND wrapped_by IS NOT NULL)
        OR (erased_at IS NOT NULL AND wrapped_key IS NULL AND wrapped_by IS NULL)
    )
);
CREATE INDEX ix_person_key_wrapped_by ON person_key (wrapped_by, id);
"#;

/// For analysts, who need no access to the tables. No id of a person, an order or a part is in them: ids
/// have the instant in them that they were made at, and lead to the rows. Goods go with the country
/// alone, so that a rare thing in a small region names nobody.
const VIEWS: &str = r#"
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

CREATE VIEW analytics_line AS
SELECT {day} AS placed_on,
    a.country,
    s.seller_id,
    l.offer_id,
    l.product_name,
    l.variant_name,
    l.sku,
    s.status,
    s.currency,
    l.quantity,
    l.unit_price,
    l.discount,
    l.tax,
    l.total,
    l.commission,
    l.cancelled_quantity,
    l.delivered_quantity,
    l.returned_quantity
FROM order_line l
JOIN seller_order s ON s.id = l.seller_order_id
JOIN orders o ON o.id = s.order_id
JOIN order_address a ON a.order_id = o.id AND a.kind = 'shipping';
"#;
