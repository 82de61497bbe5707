//! What an audit entry is about, to be found by.

use sea_orm::entity::prelude::*;

use crate::id::AuditEntryId;

/// What an audit entry is about, to be found by.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_subject")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub entry_id: AuditEntryId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    #[sea_orm(belongs_to, from = "entry_id", to = "id")]
    pub entry: BelongsTo<super::audit_entry::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
