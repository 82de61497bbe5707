//! The people who act for a seller: invited by an owner, trusted with areas, and let go at once.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use secrecy::ExposeSecret;
use souk_entity::id::{SellerId, SellerInvitationId, UserId};
use souk_entity::sealed::Sealed;
use souk_entity::status::{MemberRole, NotificationKind, SellerStatus};
use souk_entity::{seller, seller_invitation, seller_member, user};

use super::letters::{self, Posted, Purpose, Sender};
use super::profile::email_index;
use super::throttle::Throttle;
use super::token::AccountTokens;
use super::{Profile, api_key, has_email, membership, profiles, role, take_turns, token, token_hash};
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::notification::About;
use crate::store::Tx;
use crate::vault::Vault;

/// So many people act for a seller at most.
pub const MOST_MEMBERS: u64 = 100;

/// So many invitations of a seller may be open at once.
pub const MOST_OPEN: u64 = 50;

/// How long an invitation is good for.
pub const LIFETIME: TimeDelta = TimeDelta::days(7);

/// What somebody in a team is trusted with; an owner, with everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Products, variants, offers, stock and promotions.
    pub catalogue: bool,
    /// Seller orders, parcels and returns.
    pub orders: bool,
    /// Refunds, statements and payouts.
    pub money: bool,
}

impl Trust {
    fn fields(self) -> Fields {
        Fields::new().made("catalogue", self.catalogue).made("orders", self.orders).made("money", self.money)
    }
}

/// An invitation to be made.
#[derive(Clone)]
pub struct Invite {
    /// To act for whom.
    pub seller: SellerId,
    /// The owner who invites.
    pub by: UserId,
    /// Where it is sent; only an account of this address can accept.
    pub email: String,
    /// What they will be trusted with.
    pub trust: Trust,
}

/// Invites somebody by e-mail. An open invitation of the same address is replaced.
///
/// # Errors
/// [`Code::InvalidValue`] for no address, and when [`MOST_OPEN`] are open; [`Code::AlreadyExists`] for who is in
/// the team; [`Code::IllegalTransition`] for a seller who is not approved.
pub async fn invite(
    tx: &Tx,
    tokens: &AccountTokens,
    throttle: &Throttle,
    invite: &Invite,
) -> Result<Posted<seller_invitation::Model>> {
    let email = super::email(&invite.email)?;
    let index = email_index(tx.vault(), &email);
    let seller = take_turns(tx, invite.seller).await?;
    // Nobody gets letters under a name that no operator has looked at.
    if seller.status != SellerStatus::Approved {
        let message = format!("The seller is {}; people are invited once they are approved.", seller.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let member = seller_member::Entity::find()
        .inner_join(user::Entity)
        .filter(seller_member::Column::SellerId.eq(invite.seller))
        .filter(has_email(tx.vault(), &email))
        .count(&**tx)
        .await?;
    if member > 0 {
        return Err(Error::new(Code::AlreadyExists, "Somebody of this address is in the team; change their areas."));
    }
    let counted = letters::count(tx, throttle, Purpose::Invitation, &email, Sender::Seller(invite.seller)).await?;
    if let Posted::Later(wait) = counted {
        return Ok(Posted::Later(wait));
    }
    let of_address = seller_invitation::Column::SellerId
        .eq(invite.seller)
        .and(seller_invitation::Column::EmailIndex.eq(index.clone()));
    end(tx, of_address).await?;
    let open = seller_invitation::Entity::find()
        .filter(seller_invitation::Column::SellerId.eq(invite.seller))
        .filter(seller_invitation::Column::EmailIndex.is_not_null())
        .filter(seller_invitation::Column::ExpiresAt.gt(tx.now))
        .count(&**tx)
        .await?;
    if open >= MOST_OPEN {
        return Err(Error::invalid(format!("{MOST_OPEN} invitations are open; revoke one first.")));
    }
    let id = SellerInvitationId::at(tx.now);
    let row = seller_invitation::Model {
        id,
        seller_id: invite.seller,
        invited_by: invite.by,
        email: Some(Sealed(tx.vault().keep(&place(id), email.as_bytes())?)),
        email_index: Some(index),
        catalogue: invite.trust.catalogue,
        orders: invite.trust.orders,
        money: invite.trust.money,
        token_hash: token_hash(tokens.of_invitation(id).expose_secret()),
        created_at: tx.now,
        expires_at: tx.now + LIFETIME,
        accepted_at: None,
        accepted_by: None,
        revoked_at: None,
    };
    seller_invitation::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    audit::note(tx, "seller_invitation", id, invite.trust.fields());
    let about = About { seller_invitation_id: Some(id), ..About::default() };
    token::tell(tx, NotificationKind::SellerInvitation, format!("seller_invitation:{id}"), about).await?;
    Ok(Posted::Sent(row))
}

fn place(id: SellerInvitationId) -> String {
    format!("seller_invitation.email\0{id}")
}

/// The address that an invitation is sent to; `None` once it is over.
///
/// # Errors
/// [`Code::Internal`] for what does not open.
pub fn open_email(vault: &Vault, row: &seller_invitation::Model) -> Result<Option<String>> {
    let Some(sealed) = &row.email else { return Ok(None) };
    let plain = vault.kept(&place(row.id), &sealed.0);
    let plain = plain.ok_or_else(|| Error::internal(format!("invitation {} does not open", row.id)))?;
    String::from_utf8(plain).map(Some).map_err(Error::internal)
}

/// Takes invitations back, and forgets whom they were for.
async fn end(tx: &Tx, which: SimpleExpr) -> Result<()> {
    seller_invitation::Entity::update_many()
        .col_expr(seller_invitation::Column::RevokedAt, Expr::value(Some(tx.now)))
        .col_expr(seller_invitation::Column::Email, Expr::value(None::<Vec<u8>>))
        .col_expr(seller_invitation::Column::EmailIndex, Expr::value(None::<String>))
        .filter(which)
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Takes back what is open of an address, for whichever seller: whoever has it is erased.
///
/// # Errors
/// The database's.
pub(crate) async fn forget(tx: &Tx, email_index: &str) -> Result<()> {
    end(tx, seller_invitation::Column::EmailIndex.eq(email_index)).await
}

/// The invitations of a seller.
pub fn invitations_of(seller: SellerId) -> Select<seller_invitation::Entity> {
    seller_invitation::Entity::find().filter(seller_invitation::Column::SellerId.eq(seller))
}

/// An invitation that can still be accepted.
///
/// # Errors
/// The database's.
pub async fn sendable(
    db: &impl ConnectionTrait,
    id: SellerInvitationId,
    now: DateTime<Utc>,
) -> Result<Option<seller_invitation::Model>> {
    let row = seller_invitation::Entity::find_by_id(id).one(db).await?;
    Ok(row.filter(|row| is_open(row, now)))
}

fn is_open(row: &seller_invitation::Model, now: DateTime<Utc>) -> bool {
    row.email_index.is_some() && row.expires_at > now
}

/// Takes an invitation back; taking it back again changes nothing.
///
/// # Errors
/// [`Code::NotFound`], also for another's; [`Code::IllegalTransition`] for one that is accepted.
pub async fn revoke(tx: &Tx, seller: SellerId, id: SellerInvitationId) -> Result<seller_invitation::Model> {
    let own = invitations_of(seller).filter(seller_invitation::Column::Id.eq(id)).lock_exclusive();
    let row = own.one(&**tx).await?.ok_or_else(|| Error::not_found("invitation"))?;
    if row.accepted_at.is_some() {
        let message = "The invitation is accepted; take the member out of the team instead.";
        return Err(Error::new(Code::IllegalTransition, message));
    }
    if row.revoked_at.is_some() {
        return Ok(row);
    }
    audit::note(tx, "seller_invitation", id, Fields::new().changed("revoked_at", None, Some(tx.now)));
    end(tx, seller_invitation::Column::Id.eq(id)).await?;
    Ok(seller_invitation::Model { email: None, email_index: None, revoked_at: Some(tx.now), ..row })
}

/// Joins the team that a shown token invites to.
///
/// # Errors
/// [`Code::TokenNotGood`] for one that is unknown, accepted, revoked, replaced or over; [`Code::Forbidden`] for an
/// account whose confirmed address is another one; [`Code::AlreadyExists`] for who acts for a seller;
/// [`Code::IllegalTransition`] for a seller that is rejected or closed; [`Code::InvalidValue`] when the team has
/// [`MOST_MEMBERS`].
pub async fn accept(tx: &Tx, user: UserId, shown: &str) -> Result<(seller_member::Model, seller::Model)> {
    let refuse =
        || Error::new(Code::TokenNotGood, "The invitation is unknown, accepted, revoked or over; ask for another one.");
    let by_hash =
        || seller_invitation::Entity::find().filter(seller_invitation::Column::TokenHash.eq(token_hash(shown)));
    let found = by_hash().one(&**tx).await?.ok_or_else(refuse)?;
    let person = role::lock(tx, user).await?;
    let seller = take_turns(tx, found.seller_id).await?;
    let row = by_hash().lock_exclusive().one(&**tx).await?.filter(|row| is_open(row, tx.now)).ok_or_else(refuse)?;
    if person.email_verified_at.is_none() || person.email_index != row.email_index {
        let message = "The invitation is for another e-mail address, or yours is not confirmed; sign in with the \
                       address that it was sent to, and confirm it.";
        return Err(Error::new(Code::Forbidden, message));
    }
    if matches!(seller.status, SellerStatus::Rejected | SellerStatus::Closed) {
        let message = format!("The seller is {}; nobody joins their team.", seller.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    if membership(&**tx, user).await?.is_some() {
        return Err(Error::new(Code::AlreadyExists, "You act for a seller already."));
    }
    let members = seller_member::Entity::find().filter(seller_member::Column::SellerId.eq(seller.id));
    if members.count(&**tx).await? >= MOST_MEMBERS {
        return Err(Error::invalid(format!(
            "The team has {MOST_MEMBERS} members; an owner has to take one out first."
        )));
    }
    let used = seller_invitation::ActiveModel {
        id: Set(row.id),
        email: Set(None),
        email_index: Set(None),
        accepted_at: Set(Some(tx.now)),
        accepted_by: Set(Some(user)),
        ..Default::default()
    };
    seller_invitation::Entity::update(used).exec_without_returning(&**tx).await?;
    let member = seller_member::Model {
        seller_id: seller.id,
        user_id: user,
        role: MemberRole::Staff,
        catalogue: row.catalogue,
        orders: row.orders,
        money: row.money,
        created_at: tx.now,
    };
    seller_member::Entity::insert(member.clone().into_active_model()).exec_without_returning(&**tx).await?;
    audit::note(tx, "seller_invitation", row.id, Fields::new().changed("accepted_by", None, Some(user)));
    Ok((member, seller))
}

/// Everybody who acts for a seller, since when they do; [`MOST_MEMBERS`] at most.
///
/// # Errors
/// The database's; [`Code::Internal`] for what does not open.
pub async fn members(
    db: &impl ConnectionTrait,
    vault: &Vault,
    seller: SellerId,
) -> Result<Vec<(seller_member::Model, Profile)>> {
    let rows = seller_member::Entity::find()
        .filter(seller_member::Column::SellerId.eq(seller))
        .find_also_related(user::Entity)
        .order_by_asc(seller_member::Column::CreatedAt)
        .order_by_asc(seller_member::Column::UserId)
        .all(db)
        .await?;
    let (members, users): (Vec<_>, Vec<_>) =
        rows.into_iter().filter_map(|(member, user)| Some((member, user?))).unzip();
    Ok(members.into_iter().zip(profiles(db, vault, &users).await?).collect())
}

/// Trusts one of the staff with other areas, from now on.
///
/// # Errors
/// [`Code::NotFound`], also for who is in another team; [`Code::IllegalTransition`] for an owner.
pub async fn entrust(tx: &Tx, seller: SellerId, user: UserId, trust: Trust) -> Result<seller_member::Model> {
    let member = lock_staff(tx, seller, user).await?;
    let fields = Fields::new()
        .changed("catalogue", member.catalogue, trust.catalogue)
        .changed("orders", member.orders, trust.orders)
        .changed("money", member.money, trust.money);
    audit::note(tx, "seller_member", user, fields);
    let row = seller_member::ActiveModel {
        seller_id: Set(seller),
        user_id: Set(user),
        catalogue: Set(trust.catalogue),
        orders: Set(trust.orders),
        money: Set(trust.money),
        ..Default::default()
    };
    seller_member::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(seller_member::Model { catalogue: trust.catalogue, orders: trust.orders, money: trust.money, ..member })
}

/// Takes one of the staff out of the team: what they may do for the seller ends at once, by an API key of theirs, too.
///
/// # Errors
/// As [`entrust`].
pub async fn remove(tx: &Tx, seller: SellerId, user: UserId) -> Result<seller_member::Model> {
    let member = lock_staff(tx, seller, user).await?;
    audit::note(tx, "seller_member", user, Fields::new().changed("removed_at", None, Some(tx.now)));
    seller_member::Entity::delete_by_id((seller, user)).exec(&**tx).await?;
    api_key::revoke_of_maker(tx, user, Some(seller)).await?;
    Ok(member)
}

async fn lock_staff(tx: &Tx, seller: SellerId, user: UserId) -> Result<seller_member::Model> {
    let found = seller_member::Entity::find_by_id((seller, user)).lock_exclusive().one(&**tx).await?;
    let member = found.ok_or_else(|| Error::not_found("member"))?;
    if member.role == MemberRole::Owner {
        return Err(Error::new(Code::IllegalTransition, "An owner may do everything and stays in the team."));
    }
    Ok(member)
}
