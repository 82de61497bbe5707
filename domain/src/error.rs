//! What can go wrong, told once for people and once for programs; knows no HTTP.

use sea_orm::DbErr;
use serde::Serialize;
use serde_json::Value;

/// The result of every operation here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure a [`Code`] is; the API maps each to one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    Malformed,
    /// Nobody is signed in, or no longer.
    Unauthenticated,
    /// Signed in, but not for this.
    Forbidden,
    /// Not there, or not the asker's.
    NotFound,
    /// Not now: the state of things does not allow it.
    Conflict,
    /// The version named in If-Match is not the present one.
    Stale,
    /// An If-Match is needed.
    PreconditionRequired,
    /// Larger than the stated limit.
    TooLarge,
    /// A body of another media type.
    UnsupportedMediaType,
    /// Well-formed and refused.
    Unprocessable,
    /// Too often.
    TooMany,
    /// A service we need is away; the same request may work later.
    Unavailable,
    /// Our fault.
    Internal,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal => $kind:ident),+ $(,)?) => {
        /// Stable error codes: part of the API's contract, listed in the OpenAPI document.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name),+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as the API spells it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What kind of failure it is.
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind),+ }
            }
        }
    };
}

codes! {
    /// The body, path or query cannot be read.
    MalformedRequest = "MALFORMED_REQUEST" => Malformed,
    /// No valid sign-in.
    Unauthenticated = "UNAUTHENTICATED" => Unauthenticated,
    /// E-mail or password is wrong.
    BadCredentials = "BAD_CREDENTIALS" => Unauthenticated,
    /// The password that was sent as proof is wrong; who asked stays signed in.
    WrongPassword = "WRONG_PASSWORD" => Unprocessable,
    /// The password is right, and the account's second factor is asked for, too: send `totp_code`.
    TotpRequired = "TOTP_REQUIRED" => Unauthenticated,
    /// A code of the second factor that was sent as proof is wrong, over or used; who asked stays signed in.
    WrongCode = "WRONG_CODE" => Unprocessable,
    /// A token from an e-mail is unknown, used, over, or not the newest.
    TokenNotGood = "TOKEN_NOT_GOOD" => Unprocessable,
    /// A webhook's signature is missing, wrong or too old.
    BadSignature = "BAD_SIGNATURE" => Unauthenticated,
    /// The role does not allow it.
    Forbidden = "FORBIDDEN" => Forbidden,
    /// No such thing, or somebody else's.
    NotFound = "NOT_FOUND" => NotFound,
    /// No such route, or not with this method.
    RouteNotFound = "ROUTE_NOT_FOUND" => NotFound,
    /// The state machine has no such edge from here.
    IllegalTransition = "ILLEGAL_TRANSITION" => Conflict,
    /// A seller does not have all that is required; details name what is missing.
    RequirementsOpen = "REQUIREMENTS_OPEN" => Conflict,
    /// Others sell the product, too: only an operator describes it anew.
    ProductShared = "PRODUCT_SHARED" => Conflict,
    /// Not enough stock; details name each line, asked and available.
    InventoryUnavailable = "INVENTORY_UNAVAILABLE" => Conflict,
    /// The total is not the `expected_total` any more.
    PriceChanged = "PRICE_CHANGED" => Conflict,
    /// The cart became an order.
    CartCompleted = "CART_COMPLETED" => Conflict,
    /// The cart's time is over.
    CartExpired = "CART_EXPIRED" => Conflict,
    /// The code has no use left.
    CouponExhausted = "COUPON_EXHAUSTED" => Conflict,
    /// The order has a live payment or is paid.
    PaymentInProgress = "PAYMENT_IN_PROGRESS" => Conflict,
    /// Something with this name, number or key is there already.
    AlreadyExists = "ALREADY_EXISTS" => Conflict,
    /// Another request changed it at the same moment; read again and repeat.
    ConcurrentChange = "CONCURRENT_CHANGE" => Conflict,
    /// The person's data is needed for what is under way; details name it.
    ErasureBlocked = "ERASURE_BLOCKED" => Conflict,
    /// A job's lease passed to another worker; what it did is thrown away.
    LeaseLost = "LEASE_LOST" => Conflict,
    /// If-Match does not name the present version.
    StaleVersion = "STALE_VERSION" => Stale,
    /// If-Match is needed.
    IfMatchRequired = "IF_MATCH_REQUIRED" => PreconditionRequired,
    /// The body is larger than the limit.
    BodyTooLarge = "BODY_TOO_LARGE" => TooLarge,
    /// The body is not of the media type that the operation reads.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE" => UnsupportedMediaType,
    /// A value is outside what is allowed.
    InvalidValue = "INVALID_VALUE" => Unprocessable,
    /// A value holds what looks like the number of a payment card, which is never taken.
    CardNumber = "CARD_NUMBER" => Unprocessable,
    /// An amount that its currency cannot express, or of another currency.
    InvalidMoney = "INVALID_MONEY" => Unprocessable,
    /// Nothing to order.
    CartEmpty = "CART_EMPTY" => Unprocessable,
    /// The code is unknown, over, or not for this cart.
    CouponNotApplicable = "COUPON_NOT_APPLICABLE" => Unprocessable,
    /// The offer is not for sale now.
    OfferUnavailable = "OFFER_UNAVAILABLE" => Unprocessable,
    /// The seller takes no orders for a while; details tell until when.
    SellerOnHoliday = "SELLER_ON_HOLIDAY" => Unprocessable,
    /// A seller of the cart has no shipping method in its currency.
    ShippingUnavailable = "SHIPPING_UNAVAILABLE" => Unprocessable,
    /// The return window is closed, or more is asked back than can be.
    ReturnNotAllowed = "RETURN_NOT_ALLOWED" => Unprocessable,
    /// The seller does not take such goods back unless something is wrong with them.
    ReturnExcluded = "RETURN_EXCLUDED" => Unprocessable,
    /// More than what was paid and not yet refunded.
    RefundExceedsPayment = "REFUND_EXCEEDS_PAYMENT" => Unprocessable,
    /// The payment provider refuses to start a payment.
    PaymentRefused = "PAYMENT_REFUSED" => Unprocessable,
    /// The Idempotency-Key was used with another payload.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED" => Unprocessable,
    /// Too many requests.
    RateLimited = "RATE_LIMITED" => TooMany,
    /// The database is away.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE" => Unavailable,
    /// A provider or carrier is away; what was asked goes on by itself.
    ProviderUnavailable = "PROVIDER_UNAVAILABLE" => Unavailable,
    /// A bug or a broken invariant; the request id finds it in the log.
    Internal = "INTERNAL" => Internal,
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A failure: a stable code, a sentence that says what to do, details, and the cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Error {
    /// The stable code.
    pub code: Code,
    /// A sentence for the caller; never holds internals.
    pub message: String,
    /// Per-item facts, such as asked and available quantity.
    pub details: Vec<Value>,
    /// The cause, for the log only.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure with a sentence for the caller.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), source: None }
    }

    /// `what` is not there, or not the asker's: the two are not told apart on purpose.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}, or it is not yours."))
    }

    /// A value outside what is allowed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidValue, message)
    }

    /// A broken invariant; the caller is told only that it is our fault.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            code: Code::Internal,
            message: "Something went wrong on our side; nothing was changed. Quote the request id when you report it."
                .into(),
            details: Vec::new(),
            source: Some(cause.into()),
        }
    }

    /// Adds facts for a program to act on.
    #[must_use]
    pub fn with_details(mut self, details: Vec<Value>) -> Self {
        self.details = details;
        self
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        crate::constraint::explain(error)
    }
}
