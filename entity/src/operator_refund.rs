//! That an operator asked for a refund, and what they might refund by themselves then.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, RefundApprovalId, RefundId, UserId};
use crate::money::MinorUnits;

/// That an operator asked for a refund, and what they might refund by themselves then.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operator_refund")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub refund_id: RefundId,
    pub order_id: OrderId,
    pub asked_by: UserId,
    /// What operators might refund of an order by themselves then; `None`: anything.
    pub limit_amount: Option<MinorUnits>,
    /// The approval by another one.
    pub approval_id: Option<RefundApprovalId>,
    #[sea_orm(belongs_to, from = "refund_id", to = "id")]
    pub refund: BelongsTo<super::refund::Entity>,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "approval_id", to = "id")]
    pub approval: BelongsTo<Option<super::refund_approval::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
