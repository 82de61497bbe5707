//! What a shopper placed and pays once.

use sea_orm::entity::prelude::*;

use crate::id::{CartId, OrderId, PersonId, UserId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::sealed::Sealed;
use crate::status::OrderStatus;

/// What a shopper placed and pays once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
    pub number: String,
    /// A cart becomes at most one order.
    pub cart_id: CartId,
    pub user_id: Option<UserId>,
    pub guest_token_hash: Option<String>,
    /// Sealed.
    pub email: Sealed,
    /// What the address is found by; NULL: the shopper is erased.
    pub email_index: Option<String>,
    pub currency: CurrencyCode,
    pub status: OrderStatus,
    pub items_total: MinorUnits,
    pub discount_total: MinorUnits,
    /// After discounts.
    pub shipping_total: MinorUnits,
    /// What tax changed of the prices: all of it where they are without tax, nothing where they
    /// contain it, less than nothing where a buyer is exempt from tax that they contain.
    pub tax_added_total: MinorUnits,
    /// The tax that total contains.
    pub tax_total: MinorUnits,
    pub total: MinorUnits,
    /// Sealed.
    pub notes: Option<Sealed>,
    /// Unpaid past this instant, the order is cancelled and its stock released.
    pub payment_due_at: DateTimeUtc,
    pub cancellation_reason: Option<String>,
    pub version: i64,
    pub placed_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "cart_id", to = "id")]
    pub cart: BelongsTo<super::cart::Entity>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<Option<super::user::Entity>>,
    #[sea_orm(has_many)]
    pub seller_orders: HasMany<super::seller_order::Entity>,
    #[sea_orm(has_many)]
    pub addresses: HasMany<super::order_address::Entity>,
}

impl Model {
    /// Whose personal data it holds: the person's with the account, or those of a guest who is known by
    /// this order alone.
    pub fn person(&self) -> PersonId {
        self.user_id.map_or_else(|| self.id.into(), Into::into)
    }
}

impl ActiveModelBehavior for ActiveModel {}
