//! The closed sets of words of the API, as the database spells them.

use poem_openapi::Enum;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $remote:literal { $($variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        #[oai(rename_all = "snake_case", remote = $remote)]
        pub enum $name { $($variant),+ }
    )+};
}

words! {
    /// The states of an order and of a seller order; an order's are derived from its seller orders'.
    OrderStatus = "souk_entity::status::OrderStatus" { Pending, Confirmed, Processing, PartiallyShipped, Shipped, PartiallyDelivered, Delivered, Completed, Cancelled, Refunded }
    /// Where a seller stands with the marketplace.
    SellerStatus = "souk_entity::status::SellerStatus" { Applied, Approved, Rejected, Suspended, Closed }
    /// What a person may do for a seller.
    MemberRole = "souk_entity::status::MemberRole" { Owner, Staff }
    /// What a person may do beyond shopping.
    UserRole = "souk_entity::status::UserRole" { Customer, ReadOnly, Manager, Admin }
    /// The states of a payment attempt.
    PaymentStatus = "souk_entity::status::PaymentStatus" { Pending, RequiresAction, Authorized, Captured, Failed, Voided, Unresolved }
    /// The states of a refund at the provider.
    RefundStatus = "souk_entity::status::RefundStatus" { Pending, Submitted, Succeeded, Failed, Unresolved }
    /// A refund above the limit waits for a second operator.
    RefundApprovalStatus = "souk_entity::status::RefundApprovalStatus" { Pending, Approved, Rejected, Withdrawn, Expired }
    /// Why money is paid back.
    RefundReason = "souk_entity::status::RefundReason" { Cancellation, Return, Adjustment, Goodwill }
    /// What a part of a refund pays back.
    RefundComponent = "souk_entity::status::RefundComponent" { Item, Shipping, Goodwill }
    /// The states of a parcel.
    ShipmentStatus = "souk_entity::status::ShipmentStatus" { Pending, Labelled, InTransit, OutForDelivery, AvailableForPickup, DeliveryAttempted, Exception, Delivered, Failure, ReturnToSender, Returned, Cancelled }
    /// To the shopper, or back to the warehouse.
    ShipmentDirection = "souk_entity::status::ShipmentDirection" { Outbound, Return }
    /// What a carrier last said of a parcel, in one vocabulary for all carriers.
    TrackingStatus = "souk_entity::status::TrackingStatus" { Unknown, PreTransit, InTransit, OutForDelivery, AvailableForPickup, DeliveryAttempted, Exception, Failure, ReturnToSender, Delivered, Cancelled }
    /// The states of a return.
    ReturnStatus = "souk_entity::status::ReturnStatus" { Requested, Approved, Rejected, Cancelled, InTransit, Received, Expired, Processed }
    /// Why a shopper gives a thing back.
    ReturnReason = "souk_entity::status::ReturnReason" { Damaged, Defective, WrongItem, NotAsDescribed, TooLate, NoLongerWanted, Other }
    /// What state a returned thing is in.
    ReturnCondition = "souk_entity::status::ReturnCondition" { AsNew, Opened, Damaged }
    /// A cart is open until it becomes an order or its time is over.
    CartStatus = "souk_entity::status::CartStatus" { Open, Completed, Expired }
    /// How a shipping method's price is worked out.
    ShippingPricing = "souk_entity::status::ShippingPricing" { Flat, Weight }
    /// What a promotion takes off: a percentage or an amount of the goods, a percentage of shipping, or a percentage of
    /// some units when so many are bought.
    PromotionKind = "souk_entity::status::PromotionKind" { Percentage, Fixed, FreeShipping, BuyXGetY }
    /// What a promotion is for.
    PromotionTarget = "souk_entity::status::PromotionTarget" { Order, Seller, Category, Offers }
    /// Whether a promotion shares lines with others.
    Stacking = "souk_entity::status::Stacking" { Combinable, Exclusive }
    /// Who pays for a discount or a goodwill.
    Bearer = "souk_entity::status::Bearer" { Platform, Seller }
    /// How often a seller is paid out: each day, each Monday, each first of a month, or by hand only.
    PayoutInterval = "souk_entity::status::PayoutInterval" { Manual, Daily, Weekly, Monthly }
    /// The states of a payout.
    PayoutStatus = "souk_entity::status::PayoutStatus" { Pending, Submitted, Paid, Failed, Unresolved, Returned }
    /// Who caused a change.
    ActorKind = "souk_entity::status::ActorKind" { Shopper, Seller, Operator, Provider, Carrier, System }
    /// By what somebody has shown who they are.
    CredentialKind = "souk_entity::status::CredentialKind" { SignIn, ApiKey }
    /// The states of a job.
    JobStatus = "souk_entity::status::JobStatus" { Queued, Running, Done, Dead, Discarded }
    /// What a job does.
    JobKind = "souk_entity::status::JobKind" { CapturePayment, VoidPayment, ResolvePayment, ExpireOrder, ExpireCart, BuyLabel, VoidLabel, SyncShipment, ProcessWebhook, ProcessReturn, ExpireReturn, RefundPayment, RejectUnaccepted, CompleteSellerOrder, ProcessBatch, PayOutSeller, SubmitPayout, DeliverWebhooks, SendNotification, CatchUp, CleanUp, Verify }
    /// Jobs of one queue share workers; a queue never starves another.
    JobQueue = "souk_entity::status::JobQueue" { Money, Fulfilment, Events, Webhooks, Mail, Bulk, Maintenance }
    /// Recurring work.
    ScheduleName = "souk_entity::status::ScheduleName" { ExpireCarts, ExpireOrders, ReleaseReservations, SyncShipments, CloseReturns, CompleteSellerOrders, PayOut, CleanUp, Verify }
    /// What people are told of.
    NotificationKind = "souk_entity::status::NotificationKind" { OrderConfirmed, OrderShipped, OrderDelivered, OrderCancelled, OrderRefunded, ReturnRequested, ReturnApproved, ReturnRejected, ReturnReceived, SellerNewOrder, SellerOrderCancelled, SellerReturnRequested, SellerLowStock, SellerWebhookDisabled, SellerApproved, SellerRejected, SellerSuspended, SellerApiKeyCreated, SellerPayoutAccountChanged, VerifyEmail, ChangeEmail, EmailChanged, ResetPassword, PasswordChanged, TotpEnabled, TotpDisabled, SellerInvitation }
    /// A notification is sent, or needless by the time it would be, or refused by the mail server for good.
    NotificationStatus = "souk_entity::status::NotificationStatus" { Pending, Sent, Suppressed, Failed }
    /// Whether an endpoint is told of events.
    WebhookEndpointStatus = "souk_entity::status::WebhookEndpointStatus" { Active, Disabled }
    /// Why an endpoint is disabled: by its owner, because it answered 410, or after days of failure.
    WebhookDisabledReason = "souk_entity::status::WebhookDisabledReason" { Owner, Gone, Failing }
    /// The states of a delivery to an endpoint.
    WebhookDeliveryStatus = "souk_entity::status::WebhookDeliveryStatus" { Pending, Delivered, Failed }
    /// The states of a batch.
    BatchStatus = "souk_entity::status::BatchStatus" { Receiving, Queued, Running, Completed, CompletedWithErrors, Failed, Cancelled }
    /// What a batch does with its rows.
    BatchKind = "souk_entity::status::BatchKind" { Inventory, Prices, Shipments, Labels, SellerOrders, Orders }
    /// How the file of a batch is written.
    BatchFormat = "souk_entity::status::BatchFormat" { Csv, Ndjson }
    /// The states of a row of a batch.
    BatchRowStatus = "souk_entity::status::BatchRowStatus" { Pending, Done, Failed }
}
