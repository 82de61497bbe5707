//! What people are told by e-mail, each thing once.
//!
//! A [`projection`] of the domain log writes a row per person and matter, unique by its business
//! key, and the job that sends it; what concerns an account or a seller's API keys is written in the
//! transaction that it happens in. The row holds ids only: whom it goes to and what it says
//! ([`letter`]) is read when it is sent.

pub mod letter;
pub mod projection;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use souk_entity::id::{
    AccountTokenId, ApiKeyId, InventoryLevelId, NotificationId, RefundId, ReturnRequestId, SellerId,
    SellerInvitationId, SellerOrderId, ShipmentId, UserId, WebhookEndpointId,
};
use souk_entity::status::{MemberRole, NotificationKind, NotificationStatus};
use souk_entity::{notification, seller_member};

use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::store::Tx;

/// What the column of the reason holds, in characters.
const REASON_CHARS: usize = 500;

/// What a notification is about, beyond its order and its seller: ids, never a name or an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// Who is told of their account, or who of a seller's people; nobody for what the shopper of an order is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The part of the order, where it is not about all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_order_id: Option<SellerOrderId>,
    /// The parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipment_id: Option<ShipmentId>,
    /// The refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<RefundId>,
    /// The return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_request_id: Option<ReturnRequestId>,
    /// The stock of an offer in a warehouse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_level_id: Option<InventoryLevelId>,
    /// The endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_endpoint_id: Option<WebhookEndpointId>,
    /// The change of the seller, by the version that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_version: Option<i64>,
    /// What is proven with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_token_id: Option<AccountTokenId>,
    /// The invitation to a seller's team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_invitation_id: Option<SellerInvitationId>,
    /// The API key of a seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<ApiKeyId>,
}

/// Tells everybody who owns a seller something, once per key.
///
/// # Errors
/// The database's.
pub async fn tell_owners(tx: &Tx, kind: NotificationKind, key: &str, seller: SellerId, about: About) -> Result<()> {
    let owners = seller_member::Entity::find()
        .filter(seller_member::Column::SellerId.eq(seller))
        .filter(seller_member::Column::Role.eq(MemberRole::Owner))
        .all(&**tx)
        .await?;
    for owner in owners {
        let id = NotificationId::at(tx.now);
        let about = About { user_id: Some(owner.user_id), ..about };
        let row = notification::Model {
            id,
            kind,
            unique_key: format!("{key}:{}", owner.user_id),
            order_id: None,
            seller_id: Some(seller),
            data: serde_json::to_value(about).map_err(Error::internal)?,
            status: NotificationStatus::Pending,
            reason: None,
            created_at: tx.now,
            sent_at: None,
        };
        notification::Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
        job::enqueue(tx, &Task::SendNotification { notification_id: id }, tx.now).await?;
    }
    Ok(())
}

/// Writes that a pending notification was handed over; one that is over already stays as it is.
///
/// # Errors
/// The database's.
pub async fn sent(tx: &Tx, id: NotificationId) -> Result<()> {
    end(tx, id, NotificationStatus::Sent, None).await
}

/// Writes that a pending notification is not sent, as nobody needs it any more.
///
/// # Errors
/// The database's.
pub async fn suppress(tx: &Tx, id: NotificationId, reason: &str) -> Result<()> {
    end(tx, id, NotificationStatus::Suppressed, Some(reason)).await
}

/// Writes that a pending notification was refused for good.
///
/// # Errors
/// The database's.
pub async fn fail(tx: &Tx, id: NotificationId, reason: &str) -> Result<()> {
    end(tx, id, NotificationStatus::Failed, Some(reason)).await
}

async fn end(tx: &Tx, id: NotificationId, status: NotificationStatus, reason: Option<&str>) -> Result<()> {
    let row = notification::ActiveModel {
        status: Set(status),
        reason: Set(reason.map(fitting)),
        sent_at: Set((status == NotificationStatus::Sent).then_some(tx.now)),
        ..Default::default()
    };
    notification::Entity::update_many()
        .set(row)
        .filter(notification::Column::Id.eq(id))
        .filter(notification::Column::Status.eq(NotificationStatus::Pending))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Tells again what was told, suppressed or refused: a further notification, under the key of the
/// first with `#` and its own id behind it. What it says and whom it goes to is read anew.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] while it is on its way.
pub async fn resend(tx: &Tx, id: NotificationId) -> Result<notification::Model> {
    let row = notification::Entity::find_by_id(id)
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("notification"))?;
    if row.status == NotificationStatus::Pending {
        let message = "The notification is still on its way; redrive its job if that was given up.";
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let id = NotificationId::at(tx.now);
    let first = row.unique_key.split('#').next().unwrap_or_default();
    let again = notification::Model {
        id,
        unique_key: format!("{first}#{id}"),
        status: NotificationStatus::Pending,
        reason: None,
        created_at: tx.now,
        sent_at: None,
        ..row
    };
    notification::Entity::insert(again.clone().into_active_model()).exec_without_returning(&**tx).await?;
    job::enqueue(tx, &Task::SendNotification { notification_id: id }, tx.now).await?;
    Ok(again)
}

/// `reason` cut to what the column holds, without the one character that PostgreSQL refuses.
fn fitting(reason: &str) -> String {
    reason.chars().filter(|char| *char != '\0').take(REASON_CHARS).collect()
}
