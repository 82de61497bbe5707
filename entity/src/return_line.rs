//! A quantity of one line in a return.

use sea_orm::entity::prelude::*;

use crate::id::{OrderLineId, ReturnRequestId};
use crate::status::{ReturnCondition, ReturnReason};

/// A quantity of one line in a return.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "return_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub return_request_id: ReturnRequestId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_line_id: OrderLineId,
    pub quantity: i64,
    pub reason: ReturnReason,
    pub received_quantity: i64,
    pub condition: Option<ReturnCondition>,
    pub restocked_quantity: i64,
    #[sea_orm(belongs_to, from = "return_request_id", to = "id")]
    pub return_request: BelongsTo<super::return_request::Entity>,
    #[sea_orm(belongs_to, from = "order_line_id", to = "id")]
    pub order_line: BelongsTo<super::order_line::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
