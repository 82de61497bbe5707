//! Products that operators have taken down.

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
        ddl::run(manager, DOWN).await
    }
}

const UP: &str = r#"
-- when an operator has hidden it, and why; NULL: none has
ALTER TABLE product ADD COLUMN hidden_at {timestamp};
ALTER TABLE product ADD COLUMN hidden_reason varchar(500)
    CONSTRAINT ck_product_hidden CHECK ((hidden_at IS NULL) = (hidden_reason IS NULL));
CREATE INDEX ix_product_hidden ON product (id) WHERE hidden_at IS NOT NULL;
"#;

const DOWN: &str = r#"
DROP INDEX ix_product_hidden;
ALTER TABLE product DROP COLUMN hidden_reason;
ALTER TABLE product DROP COLUMN hidden_at;
"#;
