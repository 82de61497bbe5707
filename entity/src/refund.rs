//! Money paid back of one seller order's share.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, PaymentId, RefundId, ReturnRequestId, SellerOrderId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::{RefundReason, RefundStatus};

/// Money paid back of one seller order's share.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefundId,
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub seller_order_id: SellerOrderId,
    pub return_request_id: Option<ReturnRequestId>,
    /// The failed refund that this one makes again.
    pub retry_of: Option<RefundId>,
    pub reason: RefundReason,
    pub provider_ref: Option<String>,
    pub amount: MinorUnits,
    /// The tax in what is refunded; more than amount where goodwill had paid for it before.
    pub tax: MinorUnits,
    /// The part of amount that the platform bears instead of the seller; less than nothing where it
    /// gets goodwill back that it had paid for goods that are refunded now.
    pub platform_amount: MinorUnits,
    pub commission: MinorUnits,
    pub commission_tax: MinorUnits,
    pub platform_discount: MinorUnits,
    /// What the seller keeps of the lines' amounts, and what the shopper pays of the return label:
    /// amount is the lines' less both.
    pub restocking_fee: MinorUnits,
    pub return_label: MinorUnits,
    pub currency: CurrencyCode,
    pub status: RefundStatus,
    pub failure_message: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "payment_id", to = "id")]
    pub payment: BelongsTo<super::payment::Entity>,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<super::seller_order::Entity>,
    #[sea_orm(belongs_to, from = "return_request_id", to = "id")]
    pub return_request: BelongsTo<Option<super::return_request::Entity>>,
    #[sea_orm(has_many)]
    pub lines: HasMany<super::refund_line::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
