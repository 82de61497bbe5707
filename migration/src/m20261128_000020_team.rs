//! Teams: who is invited to act for a seller.

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
        ddl::drop_tables(manager, &["seller_invitation"]).await
    }
}

const UP: &str = r#"
CREATE TABLE seller_invitation (
    id {uuid} NOT NULL CONSTRAINT pk_seller_invitation PRIMARY KEY,
    seller_id {uuid} NOT NULL CONSTRAINT fk_seller_invitation_seller REFERENCES seller (id),
    invited_by {uuid} NOT NULL CONSTRAINT fk_seller_invitation_invited_by REFERENCES app_user (id),
    -- sealed with a key of the installation, as whoever is invited may have no account; gone once it is over
    email {bytes},
    email_index varchar(64),
    catalogue boolean NOT NULL,
    orders boolean NOT NULL,
    money boolean NOT NULL,
    -- SHA-256 in hexadecimal; the token itself is worked out when it is sent
    token_hash varchar(64) NOT NULL CONSTRAINT uq_seller_invitation_token_hash UNIQUE,
    created_at {timestamp} NOT NULL,
    expires_at {timestamp} NOT NULL,
    accepted_at {timestamp},
    accepted_by {uuid} CONSTRAINT fk_seller_invitation_accepted_by REFERENCES app_user (id),
    revoked_at {timestamp},
    CONSTRAINT ck_seller_invitation_email CHECK ((email IS NULL) = (email_index IS NULL)),
    CONSTRAINT ck_seller_invitation_accepted CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    CONSTRAINT ck_seller_invitation_end CHECK (
        (accepted_at IS NULL OR revoked_at IS NULL)
        AND (email IS NULL OR (accepted_at IS NULL AND revoked_at IS NULL))
    )
);
-- Only the newest of an address is good.
CREATE UNIQUE INDEX uq_seller_invitation_open ON seller_invitation (seller_id, email_index)
    WHERE email_index IS NOT NULL;
CREATE INDEX ix_seller_invitation_seller_id ON seller_invitation (seller_id, id);
CREATE INDEX ix_seller_invitation_invited_by ON seller_invitation (invited_by);
CREATE INDEX ix_seller_invitation_accepted_by ON seller_invitation (accepted_by);
CREATE INDEX ix_seller_invitation_email_index ON seller_invitation (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX ix_seller_invitation_expires_at ON seller_invitation (expires_at) WHERE email_index IS NOT NULL;
"#;
