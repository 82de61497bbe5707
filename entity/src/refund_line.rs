//! What a refund pays back.

use sea_orm::entity::prelude::*;

use crate::id::{OrderLineId, RefundId, RefundLineId};
use crate::money::MinorUnits;
use crate::status::RefundComponent;

/// What a refund pays back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefundLineId,
    pub refund_id: RefundId,
    /// NULL for the shipping of the seller order.
    pub order_line_id: Option<OrderLineId>,
    pub component: RefundComponent,
    pub quantity: i64,
    pub amount: MinorUnits,
    /// The tax in what is refunded; more than amount where goodwill had paid for it before.
    pub tax: MinorUnits,
    pub commission: MinorUnits,
    pub commission_tax: MinorUnits,
    pub platform_discount: MinorUnits,
    /// The units that a restocking fee is taken for, and the fee.
    pub restocking_quantity: i64,
    pub restocking_fee: MinorUnits,
    #[sea_orm(belongs_to, from = "refund_id", to = "id")]
    pub refund: BelongsTo<super::refund::Entity>,
    #[sea_orm(belongs_to, from = "order_line_id", to = "id")]
    pub order_line: BelongsTo<Option<super::order_line::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
