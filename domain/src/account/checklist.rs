//! What the marketplace asks of sellers before they may sell, and what of it a seller has.
//!
//! Some of it is seen in what the seller has set; terms the seller accepts; the rest an operator looks into and says
//! with a reason.

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, Statement,
};
use serde_json::json;
use souk_entity::id::{SellerId, SellerRequirementId, UserId};
use souk_entity::status::RequirementKind;
use souk_entity::{seller, seller_check, seller_requirement};

use super::{lock, save};
use crate::actor::Actor;
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// The most that is asked of sellers at a time.
pub const MOST_REQUIREMENTS: u64 = 50;

/// What is to be asked of sellers.
#[derive(Clone, Debug)]
pub struct NewRequirement {
    /// How it is seen that somebody meets it.
    pub kind: RequirementKind,
    /// What it is called.
    pub title: String,
    /// What the seller has to do, or the terms that they accept.
    pub instructions: Option<String>,
    /// Whether nobody is approved without it.
    pub required: bool,
}

/// A requirement, and whether a seller meets it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The requirement.
    pub requirement: seller_requirement::Model,
    /// Whether they do.
    pub met: bool,
    /// What somebody said last; nobody does of what is seen.
    pub check: Option<seller_check::Model>,
}

/// Whether it is seen in what the seller has set.
pub fn is_automatic(kind: RequirementKind) -> bool {
    !matches!(kind, RequirementKind::Terms | RequirementKind::Custom)
}

/// Asks something of sellers from now on. Sellers who sell already go on; when they are suspended they are
/// approved again only with it.
///
/// # Errors
/// [`Code::AlreadyExists`] for a kind that is seen and asked for already; [`Code::InvalidValue`] for terms
/// without a text, and for more than [`MOST_REQUIREMENTS`].
pub async fn ask(tx: &Tx, new: NewRequirement) -> Result<seller_requirement::Model> {
    if new.kind == RequirementKind::Terms && new.instructions.is_none() {
        return Err(Error::invalid("Terms are accepted by their text; put it into instructions."));
    }
    let live = seller_requirement::Entity::find().filter(seller_requirement::Column::RetiredAt.is_null());
    if live.count(&**tx).await? >= MOST_REQUIREMENTS {
        return Err(Error::invalid(format!(
            "At most {MOST_REQUIREMENTS} things are asked of sellers; retire one first."
        )));
    }
    let row = seller_requirement::Model {
        id: SellerRequirementId::at(tx.now),
        kind: new.kind,
        title: new.title,
        instructions: new.instructions,
        required: new.required,
        created_at: tx.now,
        retired_at: None,
    };
    seller_requirement::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new().made("kind", row.kind).made("title", &row.title).made("required", row.required);
    audit::note(tx, "seller_requirement", row.id, fields);
    Ok(row)
}

/// Asks it of nobody any more; what was said of sellers stays.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] when it is retired.
pub async fn retire(tx: &Tx, id: SellerRequirementId) -> Result<seller_requirement::Model> {
    let gone = seller_requirement::ActiveModel { retired_at: Set(Some(tx.now)), ..Default::default() };
    let updated = seller_requirement::Entity::update_many()
        .set(gone)
        .filter(seller_requirement::Column::Id.eq(id))
        .filter(seller_requirement::Column::RetiredAt.is_null())
        .exec(&**tx)
        .await?;
    let row = seller_requirement::Entity::find_by_id(id).one(&**tx).await?;
    let row = row.ok_or_else(|| Error::not_found("requirement"))?;
    if updated.rows_affected == 0 {
        return Err(Error::new(Code::IllegalTransition, "The requirement is retired already."));
    }
    audit::note(tx, "seller_requirement", id, Fields::new().changed("retired_at", None, row.retired_at));
    Ok(row)
}

/// What can be seen of a seller.
#[derive(FromQueryResult)]
struct Seen {
    email: bool,
    warehouse: bool,
    shipping: bool,
}

const SEEN: &str = "SELECT EXISTS (SELECT 1 FROM seller_member m JOIN app_user u ON u.id = m.user_id \
        WHERE m.seller_id = s.id AND m.role = 'owner' AND u.email_verified_at IS NOT NULL) AS email, \
    EXISTS (SELECT 1 FROM warehouse w WHERE w.seller_id = s.id) AS warehouse, \
    EXISTS (SELECT 1 FROM shipping_method h WHERE h.seller_id = s.id AND h.active) AS shipping \
    FROM seller s WHERE s.id = $1";

/// What is asked of sellers now, and what of it one has; oldest first.
///
/// # Errors
/// The database's.
pub async fn of(db: &impl ConnectionTrait, seller: &seller::Model) -> Result<Vec<Item>> {
    let asked = seller_requirement::Entity::find()
        .filter(seller_requirement::Column::RetiredAt.is_null())
        .order_by_asc(seller_requirement::Column::Id)
        .all(db)
        .await?;
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let checks = seller_check::Entity::find().filter(seller_check::Column::SellerId.eq(seller.id)).all(db).await?;
    let mut checks: HashMap<_, _> = checks.into_iter().map(|check| (check.requirement_id, check)).collect();
    let statement = Statement::from_sql_and_values(db.get_database_backend(), SEEN, [seller.id.into()]);
    let seen = Seen::find_by_statement(statement).one(db).await?.ok_or_else(|| Error::not_found("seller"))?;
    let items = asked.into_iter().map(|requirement| {
        let check = checks.remove(&requirement.id);
        let met = match requirement.kind {
            RequirementKind::VerifiedEmail => seen.email,
            RequirementKind::PayoutAccount => seller.payout_account.is_some(),
            RequirementKind::ReturnPolicy => seller.return_policy_set_at.is_some(),
            RequirementKind::Warehouse => seen.warehouse,
            RequirementKind::ShippingMethod => seen.shipping,
            RequirementKind::Terms | RequirementKind::Custom => check.as_ref().is_some_and(|check| check.met),
        };
        Item { requirement, met, check }
    });
    Ok(items.collect())
}

/// Refuses a seller who does not have all that is required, naming what is missing.
///
/// # Errors
/// [`Code::RequirementsOpen`].
pub(super) async fn require(tx: &Tx, seller: &seller::Model) -> Result<()> {
    let items = of(&**tx, seller).await?;
    let open: Vec<_> = items
        .iter()
        .filter(|item| item.requirement.required && !item.met)
        .map(|item| {
            let requirement = &item.requirement;
            json!({"requirement_id": requirement.id, "kind": requirement.kind, "title": requirement.title})
        })
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let message = "The seller does not have all that is required; see the checklist.";
    Err(Error::new(Code::RequirementsOpen, message).with_details(open))
}

/// An operator says whether a seller meets what is neither seen nor accepted. Takes turns with the approval.
///
/// # Errors
/// [`Code::NotFound`], also for a requirement that is retired; [`Code::InvalidValue`] for one of another kind.
pub async fn say(
    tx: &Tx,
    id: SellerId,
    requirement: SellerRequirementId,
    met: bool,
    reason: &str,
    by: UserId,
) -> Result<seller::Model> {
    if find(tx, requirement).await?.kind != RequirementKind::Custom {
        return Err(Error::invalid("This is seen in what the seller has set, or accepted by the seller."));
    }
    write(tx, id, (requirement, met), Some(reason.to_owned()), (by, Actor::Operator(by))).await
}

/// An owner of the seller accepts terms. Accepted is accepted: it cannot be taken back.
///
/// # Errors
/// [`Code::NotFound`], also for a requirement that is retired; [`Code::InvalidValue`] for what are no terms.
pub async fn accept(tx: &Tx, id: SellerId, requirement: SellerRequirementId, by: UserId) -> Result<seller::Model> {
    if find(tx, requirement).await?.kind != RequirementKind::Terms {
        return Err(Error::invalid("Only terms are accepted."));
    }
    write(tx, id, (requirement, true), None, (by, Actor::Seller(id, by))).await
}

async fn find(tx: &Tx, id: SellerRequirementId) -> Result<seller_requirement::Model> {
    let found = seller_requirement::Entity::find_by_id(id)
        .filter(seller_requirement::Column::RetiredAt.is_null())
        .one(&**tx)
        .await?;
    found.ok_or_else(|| Error::not_found("requirement"))
}

async fn write(
    tx: &Tx,
    id: SellerId,
    (requirement, met): (SellerRequirementId, bool),
    reason: Option<String>,
    (by, actor): (UserId, Actor),
) -> Result<seller::Model> {
    let seller = lock(tx, id).await?;
    let before = seller_check::Entity::find_by_id((id, requirement)).one(&**tx).await?.map(|check| check.met);
    let row = seller_check::ActiveModel {
        seller_id: Set(id),
        requirement_id: Set(requirement),
        met: Set(met),
        user_id: Set(by),
        reason: Set(reason.clone()),
        checked_at: Set(tx.now),
    };
    let columns = [
        seller_check::Column::Met,
        seller_check::Column::UserId,
        seller_check::Column::Reason,
        seller_check::Column::CheckedAt,
    ];
    seller_check::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([seller_check::Column::SellerId, seller_check::Column::RequirementId])
                .update_columns(columns)
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    audit::note(tx, "seller_requirement", requirement, Fields::new().changed("met", before, Some(met)));
    save(tx, seller.status, seller, seller::ActiveModel::default(), actor, reason).await
}
