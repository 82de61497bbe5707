//! All that is known of a person, as they get it when they ask.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_domain::order::detail;
use souk_domain::payment::refund as refunds;
use souk_domain::{Error, Result, Store, account, returns};
use souk_entity::id::{OrderId, UserId};
use souk_entity::{notification, order, payment, refund, return_request, user};
use uuid::Uuid;

use super::order::{Order, Payment, Return};
use super::refund::Refund;
use super::words::{NotificationKind, UserRole};
use crate::http::page::PageRequest;
use crate::shopper::addresses::{self, KeptAddress};

/// A person, and a page of their orders.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct PersonData {
    /// Their id.
    id: Uuid,
    /// Their sign-in name; none once they are erased.
    email: Option<String>,
    /// How they are addressed; none once they are erased.
    name: Option<String>,
    /// Where they can be called up, if they have told.
    phone: Option<String>,
    /// The addresses that they keep.
    addresses: Vec<KeptAddress>,
    /// What they may do in the marketplace.
    role: UserRole,
    /// The seller they act for.
    seller_id: Option<Uuid>,
    /// When they registered.
    registered_at: DateTime<Utc>,
    /// Their orders, newest first.
    orders: Vec<OrderData>,
    /// For the next page of orders; none on the last.
    next_cursor: Option<String>,
}

/// An order and all that followed.
#[derive(Debug, Object)]
pub struct OrderData {
    /// With its addresses.
    order: Order,
    /// Every attempt to pay.
    payments: Vec<Payment>,
    /// What was paid back.
    refunds: Vec<Refund>,
    /// What was given back.
    returns: Vec<Return>,
    /// What the person was told by e-mail.
    messages: Vec<Message>,
}

/// An e-mail.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Message {
    /// About what.
    kind: NotificationKind,
    /// When it was sent; not yet, or not at all, when there is none.
    sent_at: Option<DateTime<Utc>>,
}

/// Reads a person's data with a page of their orders.
///
/// # Errors
/// [`souk_domain::Code::NotFound`]; the database's.
pub async fn read(store: &Store, id: UserId, page: PageRequest) -> Result<PersonData> {
    let (db, vault) = (store.read(), store.vault());
    let person = user::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("user"))?;
    let profile = account::profile(db, vault, &person).await?;
    let seller = account::membership(db, id).await?;
    let rows =
        page.newest(order::Entity::find().filter(order::Column::UserId.eq(id)), order::Column::Id).all(db).await?;
    let page = page.page(rows, |row| row.id.into(), |row| Uuid::from(row.id));
    let mut orders = Vec::with_capacity(page.items.len());
    for id in page.items.into_iter().map(OrderId) {
        let payments = payment::Entity::find().filter(payment::Column::OrderId.eq(id));
        let repaid = refund::Entity::find().filter(refund::Column::OrderId.eq(id)).order_by_asc(refund::Column::Id);
        let back = return_request::Entity::find().filter(return_request::Column::OrderId.eq(id));
        let told = notification::Entity::find()
            .filter(notification::Column::OrderId.eq(id))
            .filter(notification::Column::SellerId.is_null());
        let back = returns::detail::with_lines(db, vault, back.all(db).await?).await?;
        orders.push(OrderData {
            order: detail::read(db, vault, id, None).await?.into(),
            payments: payments.all(db).await?.into_iter().map(Into::into).collect(),
            refunds: refunds::with_lines(db, repaid.all(db).await?)
                .await?
                .into_iter()
                .map(Refund::of_shopper)
                .collect(),
            returns: back.into_iter().map(Return::new).collect(),
            messages: told
                .order_by_asc(notification::Column::Id)
                .all(db)
                .await?
                .into_iter()
                .map(|row| Message { kind: row.kind.into(), sent_at: row.sent_at })
                .collect(),
        });
    }
    Ok(PersonData {
        id: id.into(),
        email: profile.email,
        name: profile.name,
        phone: profile.phone,
        addresses: addresses::all(store, id).await?,
        role: person.role.into(),
        seller_id: seller.map(|(_, seller)| seller.id.into()),
        registered_at: person.created_at,
        orders,
        next_cursor: page.next_cursor,
    })
}
