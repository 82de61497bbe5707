//! The goods and places that rows name.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_entity::id::{SellerId, WarehouseId};
use souk_entity::{batch, offer, variant, warehouse};

use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// The seller of a batch of a seller.
///
/// # Errors
/// [`Code::Internal`].
pub fn seller(batch: &batch::Model) -> Result<SellerId> {
    batch.seller_id.ok_or_else(|| Error::internal(format!("the batch {} is of no seller", batch.id)))
}

/// A seller's offers, by SKU.
///
/// # Errors
/// The database's.
pub async fn offers<'a>(
    tx: &Tx,
    seller: SellerId,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, offer::Model>> {
    let skus: BTreeSet<&str> = skus.into_iter().collect();
    let variants = variant::Entity::find().filter(variant::Column::Sku.is_in(skus)).all(&**tx).await?;
    let mut skus: HashMap<_, _> = variants.into_iter().map(|variant| (variant.id, variant.sku)).collect();
    let offers = offer::Entity::find()
        .filter(offer::Column::SellerId.eq(seller))
        .filter(offer::Column::VariantId.is_in(skus.keys().copied().collect::<Vec<_>>()))
        .all(&**tx)
        .await?;
    Ok(offers.into_iter().filter_map(|offer| Some((skus.remove(&offer.variant_id)?, offer))).collect())
}

/// A seller's warehouses, by name.
///
/// # Errors
/// The database's.
pub async fn warehouses(tx: &Tx, seller: SellerId) -> Result<HashMap<String, WarehouseId>> {
    let all = warehouse::Entity::find().filter(warehouse::Column::SellerId.eq(seller)).all(&**tx).await?;
    Ok(all.into_iter().map(|warehouse| (warehouse.name, warehouse.id)).collect())
}

/// A row names a SKU that the seller does not offer.
pub fn no_offer(sku: &str) -> Error {
    Error::new(Code::NotFound, format!("You do not offer the SKU \"{sku}\"."))
}

/// A row names a warehouse that the seller does not have.
pub fn no_warehouse(name: &str) -> Error {
    Error::new(Code::NotFound, format!("You have no warehouse \"{name}\"."))
}
