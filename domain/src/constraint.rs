//! Database errors told as domain errors, in one place.
//!
//! PostgreSQL names the violated constraint, SQLite the columns of a unique one; both forms are
//! listed. A constraint that is not listed here guards an invariant no request may reach: its
//! violation is our bug and answers as one.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::error::{Code, Error};

/// (PostgreSQL's name, SQLite's columns, code, sentence)
const KNOWN: &[(&str, &str, Code, &str)] = &[
    (
        "uq_app_user_email_index",
        "app_user.email_index",
        Code::AlreadyExists,
        "This e-mail address has an account; sign in instead.",
    ),
    ("uq_seller_name", "seller.name", Code::AlreadyExists, "A seller of this name is registered; choose another name."),
    ("uq_seller_member_user", "seller_member.user_id", Code::AlreadyExists, "You act for a seller already."),
    (
        "uq_product_variant_sku",
        "product_variant.sku",
        Code::AlreadyExists,
        "This SKU is in use; SKUs are unique in the marketplace.",
    ),
    (
        "uq_offer_variant_seller",
        "offer.variant_id, offer.seller_id",
        Code::AlreadyExists,
        "You offer this variant already; change that offer.",
    ),
    (
        "uq_warehouse_seller_name",
        "warehouse.seller_id, warehouse.name",
        Code::AlreadyExists,
        "You have a warehouse of this name.",
    ),
    (
        "uq_shipping_method_seller_name",
        "shipping_method.seller_id, shipping_method.name, shipping_method.currency",
        Code::AlreadyExists,
        "You have a shipping method of this name and currency.",
    ),
    ("uq_promotion_code", "promotion.code", Code::AlreadyExists, "This code is taken; choose another one."),
    (
        "uq_shipping_zone_seller_name",
        "shipping_zone.seller_id, shipping_zone.name",
        Code::AlreadyExists,
        "You have a shipping zone of this name.",
    ),
    (
        "uq_tax_zone_place",
        "tax_zone.country, tax_zone.region",
        Code::AlreadyExists,
        "The place has a tax zone already; add rates to it.",
    ),
    (
        "uq_tax_rate_start",
        "tax_rate.tax_zone_id, tax_rate.tax_class, tax_rate.starts_at",
        Code::AlreadyExists,
        "A rate of this class starts at that instant already; choose another instant.",
    ),
    ("uq_category_slug", "category.slug", Code::AlreadyExists, "A category of this slug is there already."),
    (
        "uq_payment_live",
        "payment.order_id",
        Code::PaymentInProgress,
        "The order has a payment under way; finish or abandon that one first.",
    ),
    ("uq_orders_cart_id", "orders.cart_id", Code::CartCompleted, "The cart has become an order."),
    (
        "pk_order_import",
        "order_import.external_id",
        Code::AlreadyExists,
        "An order of this external_id is imported already.",
    ),
    (
        "ck_inventory_level_reserved",
        "ck_inventory_level_reserved",
        Code::InventoryUnavailable,
        "Less stock is on hand than is reserved for orders.",
    ),
];

/// Tells what a database error means to the caller.
pub fn explain(error: DbErr) -> Error {
    if let Some(message) = violation(&error) {
        let known = KNOWN.iter().find(|(name, columns, ..)| message.contains(name) || message.ends_with(columns));
        if let Some((_, _, code, sentence)) = known {
            return Error { source: Some(Box::new(error)), ..Error::new(*code, *sentence) };
        }
        return Error::internal(error);
    }
    if is_contention(&error) {
        return Error {
            source: Some(Box::new(error)),
            ..Error::new(Code::ConcurrentChange, "Another request changed the same rows; repeat yours.")
        };
    }
    if is_away(&error) {
        return Error {
            source: Some(Box::new(error)),
            ..Error::new(Code::DatabaseUnavailable, "The database does not answer; repeat the request shortly.")
        };
    }
    Error::internal(error)
}

/// Whether `error` is the violation of the unique constraint of this name or these columns.
pub fn is_unique_violation(error: &DbErr, name: &str, columns: &str) -> bool {
    violation(error).is_some_and(|message| message.contains(name) || message.ends_with(columns))
}

/// Deadlock, serialization failure, busy: the whole transaction may be repeated as it was.
pub fn is_contention(error: &DbErr) -> bool {
    match database_code(error).as_deref() {
        // PostgreSQL: serialization_failure, deadlock_detected; SQLite: SQLITE_BUSY and
        // SQLITE_BUSY_SNAPSHOT, SQLITE_LOCKED
        Some("40001" | "40P01" | "5" | "517" | "6") => true,
        _ => false,
    }
}

fn is_away(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => match &**e {
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => true,
            // 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now
            SqlxError::Database(e) => e.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
            _ => false,
        },
        _ => false,
    }
}

fn violation(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => match &**e {
            SqlxError::Database(e) if e.is_unique_violation() || e.is_check_violation() => Some(e.message().to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn database_code(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e))
        | DbErr::Conn(RuntimeErr::SqlxError(e)) => match &**e {
            SqlxError::Database(e) => e.code().map(|code| code.into_owned()),
            _ => None,
        },
        _ => None,
    }
}
