//! A seller order's part of a payment.

use sea_orm::entity::prelude::*;

use crate::id::{PaymentId, SellerOrderId};
use crate::money::MinorUnits;

/// A seller order's part of a payment.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_share")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub payment_id: PaymentId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_order_id: SellerOrderId,
    pub amount: MinorUnits,
    /// Pending and succeeded refunds; moves inside the lock of this row.
    pub refunded_amount: MinorUnits,
    #[sea_orm(belongs_to, from = "payment_id", to = "id")]
    pub payment: BelongsTo<super::payment::Entity>,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<super::seller_order::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
