//! Privacy: a key per person, which all that is stored of the person is sealed with.

use sea_orm_migration::prelude::*;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
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
