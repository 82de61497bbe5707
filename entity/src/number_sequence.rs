//! The next human-readable number of a kind.

use sea_orm::entity::prelude::*;

/// The next human-readable number of a kind.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "number_sequence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub next_value: i64,
}

impl ActiveModelBehavior for ActiveModel {}
