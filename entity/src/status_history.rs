//! One change of one entity: gapless, append-only.

use sea_orm::entity::prelude::*;

use crate::id::StatusHistoryId;
use crate::status::{ActorKind, EntityKind};

/// One change of one entity: gapless, append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "status_history")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StatusHistoryId,
    pub entity_kind: EntityKind,
    pub entity_id: Uuid,
    pub version: i64,
    pub from_status: Option<String>,
    pub to_status: String,
    pub actor_kind: ActorKind,
    pub actor_id: Option<Uuid>,
    pub note: Option<String>,
    pub occurred_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
