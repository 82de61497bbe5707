//! One row of a bulk upload, and what became of it.

use sea_orm::entity::prelude::*;

use crate::id::{BatchId, UserId};
use crate::status::BatchRowStatus;

/// One row of a bulk upload, and what became of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "batch_row")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub batch_id: BatchId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line: i64,
    /// Sealed: rows of orders hold addresses.
    pub input: Vec<u8>,
    pub status: BatchRowStatus,
    /// Done: what was made, such as an order's number.
    pub result: Option<String>,
    pub error: Option<String>,
    /// Orders: a keyed hash of the e-mail address in it, empty where there is none; None once it is emptied.
    pub email_index: Option<String>,
    /// Orders: the account that it names, which need not be there.
    pub user_id: Option<UserId>,
    #[sea_orm(belongs_to, from = "batch_id", to = "id")]
    pub batch: BelongsTo<super::batch::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
