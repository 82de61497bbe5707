//! Every closed set of words a column may hold, as the database and the API spell them.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, EnumIter, DeriveActiveEnum,
        )]
        #[serde(rename_all = "snake_case")]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&sea_orm::ActiveEnum::to_value(self))
            }
        }
    )+};
}

words! {
    /// What a person may do beyond shopping; selling is a matter of membership, see [`MemberRole`].
    UserRole { Customer, ReadOnly, Manager, Admin }
    /// What a token that is sent by e-mail is for.
    AccountTokenPurpose { VerifyEmail, ChangeEmail, ResetPassword }
    /// Where a seller stands with the marketplace.
    SellerStatus { Applied, Approved, Rejected, Suspended, Closed }
    /// What a person may do for a seller.
    MemberRole { Owner, Staff }
    /// Why stock on hand changed.
    StockMovementReason { Adjustment, Shipment, Return }
    /// How it is seen that a seller meets a requirement.
    RequirementKind { VerifiedEmail, PayoutAccount, ReturnPolicy, Warehouse, ShippingMethod, Terms, Custom }
    /// Who pays the label of a return.
    LabelPayer { Seller, Shopper }
    /// How often a seller is paid out.
    PayoutInterval { Manual, Daily, Weekly, Monthly }

    /// What a promotion gives.
    PromotionKind { Percentage, Fixed, FreeShipping, BuyXGetY }

    /// What a promotion is for.
    PromotionTarget { Order, Seller, Category, Offers }

    /// Who pays for a discount or a goodwill.
    Bearer { Platform, Seller }

    /// Whether a promotion shares lines with others.
    Stacking { Combinable, Exclusive }

    /// How a shipping method's price is worked out.
    ShippingPricing { Flat, Weight }

    /// What a step of pricing does.
    PriceStepKind { Base, Promotion, Shipping, Tax, TaxIncluded, TaxRelief, Commission, CommissionTax }
    /// A cart is open until it becomes an order or its time is over.
    CartStatus { Open, Completed, Expired }
    /// The states of an order and of a seller order; an order's are derived from its seller orders'.
    OrderStatus {
        Pending, Confirmed, Processing, PartiallyShipped, Shipped, PartiallyDelivered, Delivered,
        Completed, Cancelled, Refunded,
    }
    /// What an address of an order is for.
    AddressKind { Shipping, Billing }
    /// Held until paid, allocated until shipped; the other two are over.
    ReservationStatus { Held, Allocated, Fulfilled, Released }
    /// What a history row or event is about.
    EntityKind { Order, SellerOrder, Payment, Refund, Shipment, ReturnRequest, Seller, Batch, Payout, WebhookEndpoint, RefundApproval }
    /// Who caused a change.
    ActorKind { Shopper, Seller, Operator, Provider, Carrier, System }
    /// By what somebody has shown who they are.
    CredentialKind { SignIn, ApiKey }
    /// The states of a payment attempt.
    PaymentStatus { Pending, RequiresAction, Authorized, Captured, Failed, Voided, Unresolved }
    /// The states of a return.
    ReturnStatus { Requested, Approved, Rejected, Cancelled, InTransit, Received, Expired, Processed }
    /// Why a shopper gives a thing back.
    ReturnReason { Damaged, Defective, WrongItem, NotAsDescribed, TooLate, NoLongerWanted, Other }
    /// What state a returned thing is in.
    ReturnCondition { AsNew, Opened, Damaged }
    /// Why money is paid back.
    RefundReason { Cancellation, Return, Adjustment, Goodwill }
    /// The states of a refund at the provider.
    RefundStatus { Pending, Submitted, Succeeded, Failed, Unresolved }
    /// The states of a refund that takes a second operator.
    RefundApprovalStatus { Pending, Approved, Rejected, Withdrawn, Expired }
    /// What part of a seller order a refund line pays back.
    RefundComponent { Item, Shipping, Goodwill }
    /// To the shopper, or back to the warehouse.
    ShipmentDirection { Outbound, Return }
    /// The states of a parcel.
    ShipmentStatus {
        Pending, Labelled, InTransit, OutForDelivery, AvailableForPickup, DeliveryAttempted, Exception,
        Delivered, Failure, ReturnToSender, Returned, Cancelled,
    }
    /// What a carrier last said of a parcel, in one vocabulary for all carriers.
    TrackingStatus {
        Unknown, PreTransit, InTransit, OutForDelivery, AvailableForPickup, DeliveryAttempted, Exception,
        Failure, ReturnToSender, Delivered, Cancelled,
    }
    /// The file format of a label.
    LabelFormat { Pdf, Png, Zpl }
    /// What moved money; with the id of that thing it names one ledger transaction.
    LedgerSource {
        Capture, Commission, Refund, CommissionReversal, Label, LabelVoid, Payout, PayoutPaid, PayoutFailed,
        PayoutReturned, ReserveHold, ReserveRelease,
    }
    /// The chart of accounts.
    LedgerAccount {
        /// Asset: money the payment provider holds for us.
        ProviderClearing,
        /// Liability: money on its way to sellers, owed until the provider says that it went.
        PayoutClearing,
        /// Liability: what we owe a seller; kept per seller.
        SellerPayable,
        /// Liability: what is kept back of a seller's payouts for a while; kept per seller.
        SellerReserve,
        /// Liability: the tax that shoppers paid.
        TaxPayable,
        /// Income: commission.
        CommissionRevenue,
        /// Liability: value added tax on commission.
        CommissionTaxPayable,
        /// Expense: discounts borne by the platform.
        PromotionExpense,
        /// Expense: goodwill borne by the platform.
        GoodwillExpense,
        /// Liability: what we owe carriers for labels.
        CarrierPayable,
    }
    /// What a job does.
    JobKind {
        CapturePayment, VoidPayment, ResolvePayment, ExpireOrder, ExpireCart, BuyLabel, VoidLabel, SyncShipment,
        ProcessWebhook, ProcessReturn, ExpireReturn, RefundPayment, RejectUnaccepted, CompleteSellerOrder, ProcessBatch,
        PayOutSeller, SubmitPayout, DeliverWebhooks, SendNotification, CatchUp, CleanUp, Verify,
    }
    /// Jobs of one queue share workers; a queue never starves another.
    JobQueue { Money, Fulfilment, Events, Webhooks, Mail, Bulk, Maintenance }
    /// The states of a job.
    JobStatus { Queued, Running, Done, Dead, Discarded }
    /// Which port an outside event came through.
    InboxSource { Payment, Carrier, Stream }
    /// What a batch does with its rows.
    BatchKind { Inventory, Prices, Shipments, Labels, SellerOrders, Orders }
    /// How the file of a batch is written.
    BatchFormat { Csv, Ndjson }
    /// The states of a batch.
    BatchStatus { Receiving, Queued, Running, Completed, CompletedWithErrors, Failed, Cancelled }
    /// The states of a row of a batch.
    BatchRowStatus { Pending, Done, Failed }
    /// The states of a payout.
    PayoutStatus { Pending, Submitted, Paid, Failed, Unresolved, Returned }

    /// Whether an endpoint is told of events.
    WebhookEndpointStatus { Active, Disabled }
    /// Why an endpoint is disabled: by its owner, because it answered 410, or after days of failure.
    WebhookDisabledReason { Owner, Gone, Failing }
    /// The states of a delivery to an endpoint.
    WebhookDeliveryStatus { Pending, Delivered, Failed }
    /// What people are told of.
    NotificationKind {
        OrderConfirmed, OrderShipped, OrderDelivered, OrderCancelled, OrderRefunded, ReturnRequested, ReturnApproved,
        ReturnRejected, ReturnReceived, SellerNewOrder, SellerOrderCancelled, SellerReturnRequested, SellerLowStock,
        SellerWebhookDisabled, SellerApproved, SellerRejected, SellerSuspended, SellerApiKeyCreated,
        SellerPayoutAccountChanged,
        VerifyEmail, ChangeEmail, EmailChanged, ResetPassword, PasswordChanged, TotpEnabled, TotpDisabled,
        SellerInvitation,
    }
    /// The states of a notification.
    NotificationStatus { Pending, Sent, Suppressed, Failed }
    /// Recurring work.
    ScheduleName { ExpireCarts, ExpireOrders, ReleaseReservations, SyncShipments, CloseReturns, CompleteSellerOrders, PayOut, CleanUp, Verify }

    /// The states of a transfer in the simulated provider's own book.
    SimulatedTransferStatus { Paid, Failed, Returned }

    /// The states of a payment in the simulated provider's own book.
    SimulatedPaymentStatus { RequiresConfirmation, RequiresAction, Authorized, Captured, Failed, Voided }
}
