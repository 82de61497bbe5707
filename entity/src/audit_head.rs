//! The end of the chain of audit entries: one row.

use sea_orm::entity::prelude::*;

/// The end of the chain of audit entries: one row.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i16,
    /// That of the last entry; 0 before the first.
    pub sequence: i64,
    /// That of the last entry; 64 zeros before the first.
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
