//! Which row each kind of the matrix stands for, by whose it is.

use sea_orm::Value;
use uuid::Uuid;

use super::file::Realm;
use crate::souk::Database;

/// Somebody to whom rows belong.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Who that is to the test.
    pub name: &'static str,
    /// What kind of owner.
    pub realm: Realm,
    /// The column of carts and orders that names them.
    pub column: &'static str,
    /// What it says: an id, or a hash of a guest's token.
    pub key: Value,
    /// The e-mail address that a shopper's orders are told to, which is stored sealed.
    pub email: Option<String>,
}

/// The query of a shopper's row; `{owner}` is the column of [`Owner`].
fn of_shopper(kind: &str) -> Option<&'static str> {
    // An order comes before those placed later.
    Some(match kind {
        "cart" => "SELECT id FROM cart WHERE {owner} = $1 AND status = 'open' ORDER BY id DESC",
        "order" => "SELECT id FROM orders WHERE {owner} = $1 ORDER BY id",
        "seller_order" => {
            "SELECT p.id FROM seller_order p JOIN orders o ON o.id = p.order_id WHERE o.{owner} = $1 ORDER BY p.id"
        }
        "line" => {
            "SELECT l.id FROM order_line l JOIN seller_order p ON p.id = l.seller_order_id \
             JOIN orders o ON o.id = p.order_id WHERE o.{owner} = $1 ORDER BY p.id"
        }
        "return" => {
            "SELECT r.id FROM return_request r JOIN orders o ON o.id = r.order_id WHERE o.{owner} = $1 ORDER BY r.id"
        }
        // Of an account; the latest, as which nobody asks.
        "session" => "SELECT family_id FROM refresh_token WHERE user_id = $1 ORDER BY id DESC",
        "address" => "SELECT id FROM user_address WHERE user_id = $1 ORDER BY id",
        // What is in their cart, and not theirs.
        "offer" => "SELECT l.offer_id FROM cart_line l JOIN cart c ON c.id = l.cart_id WHERE c.{owner} = $1 ORDER BY 1",
        "seller" => {
            "SELECT f.seller_id FROM offer f JOIN cart_line l ON l.offer_id = f.id JOIN cart c ON c.id = l.cart_id \
             WHERE c.{owner} = $1 ORDER BY f.id"
        }
        "shipping_method" => {
            "SELECT m.id FROM shipping_method m JOIN offer f ON f.seller_id = m.seller_id \
             JOIN cart_line l ON l.offer_id = f.id JOIN cart c ON c.id = l.cart_id \
             WHERE c.{owner} = $1 ORDER BY f.id, m.id"
        }
        _ => return None,
    })
}

/// The query of a seller's row.
fn of_seller(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "seller" => "SELECT id FROM seller WHERE id = $1",
        "product" => "SELECT id FROM product WHERE created_by_seller_id = $1 ORDER BY id",
        "offer" => "SELECT id FROM offer WHERE seller_id = $1 ORDER BY id",
        "warehouse" => "SELECT id FROM warehouse WHERE seller_id = $1 ORDER BY id",
        "shipping_method" => "SELECT id FROM shipping_method WHERE seller_id = $1 ORDER BY id",
        "shipping_zone" => "SELECT id FROM shipping_zone WHERE seller_id = $1 ORDER BY id",
        "promotion" => "SELECT id FROM promotion WHERE seller_id = $1 ORDER BY id",
        "batch" => "SELECT id FROM batch WHERE seller_id = $1 ORDER BY id",
        "seller_order" => "SELECT id FROM seller_order WHERE seller_id = $1 ORDER BY id",
        "line" => "SELECT id FROM order_line WHERE seller_id = $1 ORDER BY seller_order_id, id",
        // What can still be packed.
        "accepted_part" => "SELECT id FROM seller_order WHERE seller_id = $1 AND status = 'processing' ORDER BY id",
        "accepted_line" => {
            "SELECT l.id FROM order_line l JOIN seller_order p ON p.id = l.seller_order_id \
             WHERE p.seller_id = $1 AND p.status = 'processing' ORDER BY p.id, l.id"
        }
        "shipment" => "SELECT id FROM shipment WHERE seller_id = $1 AND direction = 'outbound' ORDER BY id",
        "return" => "SELECT id FROM return_request WHERE seller_id = $1 ORDER BY id",
        "returned_line" => {
            "SELECT l.order_line_id FROM return_line l JOIN return_request r ON r.id = l.return_request_id \
             WHERE r.seller_id = $1 ORDER BY r.id"
        }
        "payout" => "SELECT id FROM payout WHERE seller_id = $1 ORDER BY id",
        "api_key" => "SELECT id FROM api_key WHERE seller_id = $1 AND name = 'To be revoked' ORDER BY id",
        "invitation" => "SELECT id FROM seller_invitation WHERE seller_id = $1 ORDER BY id",
        // The one who is nobody else to the test.
        "member" => "SELECT user_id FROM seller_member WHERE seller_id = $1 AND catalogue AND orders AND NOT money",
        "webhook_endpoint" => "SELECT id FROM webhook_endpoint WHERE seller_id = $1 ORDER BY id",
        "webhook_delivery" => {
            "SELECT d.id FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id \
             WHERE e.seller_id = $1 ORDER BY e.id, d.id"
        }
        _ => return None,
    })
}

/// The query of a row of the marketplace, which operators all have.
fn of_all(kind: &str) -> Option<&'static str> {
    Some(match kind {
        // Those to whom something may be done.
        "api_key" => "SELECT id FROM api_key WHERE seller_id IS NULL AND name = 'To be revoked'",
        "key_seller" => {
            "SELECT seller_id FROM api_key WHERE name = 'To be revoked' AND seller_id IS NOT NULL ORDER BY id"
        }
        "seller_api_key" => "SELECT id FROM api_key WHERE name = 'To be revoked' AND seller_id IS NOT NULL ORDER BY id",
        "seller" => "SELECT id FROM seller WHERE name = 'A Seller To Be Decided On'",
        // Names are sealed: whoever registered last before the applicant.
        "user" => {
            "SELECT u.id FROM app_user u WHERE u.id < (SELECT m.user_id FROM seller_member m JOIN seller s ON s.id = m.seller_id WHERE s.name = 'A Seller To Be Decided On') ORDER BY u.id DESC"
        }
        "audit_entry" => "SELECT id FROM audit_entry ORDER BY sequence",
        "refund_approval" => "SELECT id FROM refund_approval ORDER BY id",
        "batch" => "SELECT id FROM batch WHERE seller_id IS NULL ORDER BY id",
        "promotion" => "SELECT id FROM promotion WHERE seller_id IS NULL ORDER BY id",
        "category" => "SELECT id FROM category ORDER BY id",
        "commission_rule" => "SELECT id FROM commission_rule ORDER BY id",
        "job" => "SELECT id FROM job ORDER BY id",
        "line" => "SELECT id FROM order_line ORDER BY seller_order_id, id",
        "notification" => "SELECT id FROM notification ORDER BY id",
        "offer" => "SELECT id FROM offer WHERE active ORDER BY id",
        "order" => "SELECT id FROM orders ORDER BY id",
        "payout" => "SELECT id FROM payout ORDER BY id",
        "product" => "SELECT id FROM product ORDER BY id",
        "refund" => "SELECT id FROM refund ORDER BY id",
        "requirement" => "SELECT id FROM seller_requirement WHERE kind = 'custom' ORDER BY id",
        "terms" => "SELECT id FROM seller_requirement WHERE kind = 'terms' ORDER BY id",
        "seller_order" => "SELECT id FROM seller_order ORDER BY id",
        "shipping_method" => "SELECT id FROM shipping_method ORDER BY id",
        "tax_exemption" => "SELECT id FROM tax_exemption ORDER BY id",
        "tax_rate" => "SELECT id FROM tax_rate ORDER BY tax_zone_id, id",
        "tax_zone" => "SELECT id FROM tax_zone ORDER BY id",
        "variant" => "SELECT id FROM product_variant ORDER BY id",
        "webhook_endpoint" => "SELECT id FROM webhook_endpoint ORDER BY id",
        _ => return None,
    })
}

/// The query of the row of a kind that is an owner's; `{owner}` is the column of [`Owner`].
fn of_owner(realm: Realm, kind: &str) -> Option<&'static str> {
    match realm {
        Realm::Shopper => of_shopper(kind),
        Realm::Seller => of_seller(kind),
        Realm::Public | Realm::Operator => None,
    }
}

/// Whether owners have a kind.
pub fn is_owned(realm: Realm, kind: &str) -> bool {
    of_owner(realm, kind).is_some()
}

/// The row of a kind that is `owner`'s, if they have one.
pub async fn owned(database: &Database, kind: &str, owner: &Owner) -> Option<Uuid> {
    let sql = of_owner(owner.realm, kind);
    let sql = sql.unwrap_or_else(|| panic!("rows.rs does not say which {kind} is {}'s", owner.name));
    if !sql.contains("{owner}") && owner.realm == Realm::Shopper && owner.column != "user_id" {
        return None;
    }
    first(database, &sql.replace("{owner}", owner.column), vec![owner.key.clone()]).await
}

/// The row of a kind that is everybody's, or the operators'.
pub async fn common(database: &Database, kind: &str) -> Uuid {
    let sql = of_all(kind).unwrap_or_else(|| panic!("rows.rs does not say which {kind} is for everybody"));
    first(database, sql, Vec::new()).await.unwrap_or_else(|| panic!("the market has no {kind}"))
}

async fn first(database: &Database, sql: &str, values: Vec<Value>) -> Option<Uuid> {
    database.ids(&format!("{sql} LIMIT 1"), values).await.into_iter().next()
}
