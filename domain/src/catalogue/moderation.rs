//! What operators change of products, whoever has described them.

use sea_orm::sea_query::Query;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::{OfferId, ProductId};
use souk_entity::{offer, product, variant};

use super::{Description, describe};
use crate::audit::{self, Fields};
use crate::error::{Error, Result};
use crate::store::Tx;

/// What an operator changes of a product; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct Moderation {
    /// How it is described.
    pub description: Description,
    /// Whether it is hidden from everybody, and then why.
    pub hidden: Option<Hidden>,
}

/// Whether a product is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// For this reason, which its maker reads.
    Because(String),
    /// Not any more.
    No,
}

/// Hides a product from everybody or no longer does, or describes it anew.
///
/// Orders in the making hold a key share of their offers and look at the product when they take the stock: either
/// they are waited for, or they see that it is hidden.
///
/// # Errors
/// [`crate::Code::NotFound`]; [`crate::Code::InvalidValue`] for what is no tax class of goods.
pub async fn moderate(tx: &Tx, id: ProductId, change: Moderation) -> Result<product::Model> {
    let row = product::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?;
    let before = row.ok_or_else(|| Error::not_found("product"))?;
    if matches!(change.hidden, Some(Hidden::Because(_))) {
        let variants = Query::select()
            .column(variant::Column::Id)
            .from(variant::Entity)
            .and_where(variant::Column::ProductId.eq(id))
            .to_owned();
        offer::Entity::find()
            .select_only()
            .column(offer::Column::Id)
            .filter(offer::Column::VariantId.in_subquery(variants))
            .order_by_asc(offer::Column::SellerId)
            .order_by_asc(offer::Column::Id)
            .lock_exclusive()
            .into_tuple::<OfferId>()
            .all(&**tx)
            .await?;
    }
    let mut row = before.clone();
    describe(&mut row, change.description)?;
    match change.hidden {
        Some(Hidden::Because(reason)) => {
            row.hidden_at = row.hidden_at.or(Some(tx.now));
            row.hidden_reason = Some(reason);
        }
        Some(Hidden::No) => (row.hidden_at, row.hidden_reason) = (None, None),
        None => {}
    }
    row.updated_at = tx.now;
    let described = (before.description != row.description).then_some(tx.now);
    let fields = Fields::new()
        .changed("name", &before.name, &row.name)
        .changed("tax_class", &before.tax_class, &row.tax_class)
        .changed("described_at", None, described)
        .changed("hidden_at", before.hidden_at, row.hidden_at);
    audit::note(tx, "product", id, fields);
    let update = product::ActiveModel {
        id: Set(id),
        name: Set(row.name.clone()),
        search_name: Set(row.search_name.clone()),
        description: Set(row.description.clone()),
        tax_class: Set(row.tax_class.clone()),
        hidden_at: Set(row.hidden_at),
        hidden_reason: Set(row.hidden_reason.clone()),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    product::Entity::update(update).exec_without_returning(&**tx).await?;
    Ok(row)
}
