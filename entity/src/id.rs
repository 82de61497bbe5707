//! Ids: UUIDv7, a type each, so that one cannot stand where another belongs.

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, DeriveValueType,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id whose order is that of `at` (milliseconds) and, within it, of making.
            pub fn at(at: chrono::DateTime<chrono::Utc>) -> Self {
                Self(uuid_at(at))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+};
}

/// A UUIDv7 of the instant `at`, monotonic within this process.
pub fn uuid_at(at: chrono::DateTime<chrono::Utc>) -> Uuid {
    static CONTEXT: std::sync::Mutex<uuid::ContextV7> = std::sync::Mutex::new(uuid::ContextV7::new());
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0);
    let timestamp = uuid::Timestamp::from_unix(&CONTEXT, seconds, at.timestamp_subsec_nanos());
    Uuid::new_v7(timestamp)
}

id! {
    /// A person who signs in.
    UserId,
    /// An address that a person keeps for their orders.
    UserAddressId,
    /// A second factor that an administrator has ended for somebody.
    TotpResetId,
    /// Whose personal data it is: a person with an account by its id, a guest by the order's.
    PersonId,
    /// A refresh token: used once, replaced by the next of its family.
    RefreshTokenId,
    /// What is sent by e-mail so that whoever reads it can prove it.
    AccountTokenId,
    /// A key by which a seller's or an operator's system signs in.
    ApiKeyId,
    /// A merchant who sells through the marketplace.
    SellerId,
    /// Somebody who is asked to act for a seller.
    SellerInvitationId,
    /// What the marketplace asks of those who want to sell.
    SellerRequirementId,
    /// A node of the category tree.
    CategoryId,
    /// What is described once, whoever sells it.
    ProductId,
    /// The thing that is bought: one size, colour or pack of a product.
    VariantId,
    /// A seller's price for a variant.
    OfferId,
    /// A place a seller ships from.
    WarehouseId,
    /// Stock of an offer in a warehouse.
    InventoryLevelId,
    /// A change of `on_hand`; their sum is `on_hand`.
    StockMovementId,
    /// A way a seller ships, and what it costs the shopper per seller order.
    ShippingMethodId,
    /// Places that some of a seller's shipping methods serve.
    ShippingZoneId,
    /// A discount and its terms.
    PromotionId,
    /// Where one set of tax rates applies.
    TaxZoneId,
    /// A tax rate of one class in one zone.
    TaxRateId,
    /// A buyer who pays no tax.
    TaxExemptionId,
    /// What the platform takes of a sale.
    CommissionRuleId,
    /// Money sent to a seller.
    PayoutId,
    /// A basket of offers before checkout.
    CartId,
    /// What a shopper placed and pays once.
    OrderId,
    /// One seller's part of an order.
    SellerOrderId,
    /// A quantity of one offer, priced and frozen at placement.
    OrderLineId,
    /// Stock of one level held for one line.
    ReservationId,
    /// One change of one entity: gapless, append-only.
    StatusHistoryId,
    /// The domain log: one row per history row, append-only; the outbox.
    EventId,
    /// One attempt at the payment provider for an order.
    PaymentId,
    /// Goods a shopper wants to give back.
    ReturnRequestId,
    /// Money paid back of one seller order's share.
    RefundId,
    /// A refund that waits, or has waited, for a second operator.
    RefundApprovalId,
    /// What a refund pays back.
    RefundLineId,
    /// A parcel, to the shopper or back.
    ShipmentId,
    /// A scan as the carrier told it.
    ShipmentEventId,
    /// One movement of money; its entries sum to zero.
    LedgerTransactionId,
    /// A debit (positive) or credit (negative) on one account.
    LedgerEntryId,
    /// A durable piece of work.
    JobId,
    /// An event received from outside, as it came.
    InboxId,
    /// A bulk upload.
    BatchId,
    /// Where a seller's own system is told of events.
    WebhookEndpointId,
    /// An event on its way to an endpoint.
    WebhookDeliveryId,
    /// Something that a person is told, once.
    NotificationId,
    /// A privileged change, in the chain of all of them.
    AuditEntryId,
}

impl From<UserId> for PersonId {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}

impl From<OrderId> for PersonId {
    fn from(order: OrderId) -> Self {
        Self(order.0)
    }
}
