//! A refund that an operator has asked for and another one has to approve.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, RefundApprovalId, RefundId, SellerOrderId, UserId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::RefundApprovalStatus;

/// A refund that an operator has asked for and another one has to approve.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund_approval")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefundApprovalId,
    pub order_id: OrderId,
    pub seller_order_id: SellerOrderId,
    pub status: RefundApprovalStatus,
    pub requested_by: UserId,
    /// What it is to pay back.
    pub wanted: Json,
    /// What that came to when it was asked for; the refund is never more.
    pub amount: MinorUnits,
    pub currency: CurrencyCode,
    /// What operators may refund of an order by themselves, as it was then.
    pub limit_amount: MinorUnits,
    /// Who approved or rejected it: never who has asked.
    pub decided_by: Option<UserId>,
    pub decided_at: Option<DateTimeUtc>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Approved: the refund that was made of it.
    pub refund_id: Option<RefundId>,
    pub expires_at: DateTimeUtc,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<super::seller_order::Entity>,
    #[sea_orm(belongs_to, from = "refund_id", to = "id")]
    pub refund: BelongsTo<Option<super::refund::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
