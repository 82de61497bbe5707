//! What must be the same for all processes of an installation, ever.

use sea_orm::entity::prelude::*;

/// What must be the same for all processes of an installation, ever: one row.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "installation")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i16,
    /// Tells which master secret it is, and nothing of it.
    pub secret_fingerprint: String,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
