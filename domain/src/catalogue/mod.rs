//! What sellers offer: products, variants, offers, warehouses and stock.

pub mod inventory;
pub mod moderation;
pub mod shown;

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect, Select,
};
use souk_entity::id::{CategoryId, OfferId, ProductId, SellerId, VariantId, WarehouseId};
use souk_entity::money::MinorUnits;
use souk_entity::status::SellerStatus;
use souk_entity::{category, offer, product, seller, variant, warehouse};

use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::money::Money;
use crate::order::pricing::tax::SHIPPING;
use crate::store::{Tx, check_version};
use crate::tax;

/// Adds a category.
///
/// # Errors
/// [`Code::AlreadyExists`] for a slug that is taken; [`Code::NotFound`] for an unknown parent.
pub async fn create_category(tx: &Tx, name: &str, slug: &str, parent: Option<CategoryId>) -> Result<category::Model> {
    if let Some(parent) = parent {
        category::Entity::find_by_id(parent).one(&**tx).await?.ok_or_else(|| Error::not_found("parent category"))?;
    }
    let row = category::Model {
        id: CategoryId::at(tx.now),
        parent_id: parent,
        name: name.to_owned(),
        slug: slug.to_owned(),
        created_at: tx.now,
    };
    category::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new().made("name", name).made("slug", slug).made("parent_id", parent);
    audit::note(tx, "category", row.id, fields);
    Ok(row)
}

/// What a product is described by.
#[derive(Clone, Debug)]
pub struct NewProduct {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its category.
    pub category: Option<CategoryId>,
    /// Which tax rates apply to it.
    pub tax_class: String,
}

/// Describes a product.
///
/// # Errors
/// [`Code::NotFound`] for an unknown category; [`Code::InvalidValue`] for what is no tax class of goods.
pub async fn create_product(tx: &Tx, seller: SellerId, new: NewProduct) -> Result<product::Model> {
    if let Some(category) = new.category {
        category::Entity::find_by_id(category).one(&**tx).await?.ok_or_else(|| Error::not_found("category"))?;
    }
    let row = product::Model {
        id: ProductId::at(tx.now),
        category_id: new.category,
        created_by_seller_id: seller,
        search_name: search_name(&new.name),
        name: new.name,
        description: new.description,
        tax_class: class_of_goods(&new.tax_class)?,
        active: true,
        hidden_at: None,
        hidden_reason: None,
        created_at: tx.now,
        updated_at: tx.now,
    };
    product::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}

fn class_of_goods(name: &str) -> Result<String> {
    if name == SHIPPING {
        return Err(Error::invalid(
            "The tax class shipping is that of shipping itself; name another, such as standard.",
        ));
    }
    tax::class(name)
}

fn search_name(name: &str) -> String {
    name.to_lowercase().chars().take(255).collect()
}

/// How a product is to be described anew; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Which tax rates apply to it.
    pub tax_class: Option<String>,
}

fn describe(row: &mut product::Model, description: Description) -> Result<()> {
    if let Some(name) = description.name {
        row.search_name = search_name(&name);
        row.name = name;
    }
    if let Some(class) = description.tax_class {
        row.tax_class = class_of_goods(&class)?;
    }
    if let Some(text) = description.description {
        row.description = text;
    }
    Ok(())
}

/// Shows or hides a product, or describes it anew; for the seller who made it. Once another seller who was approved
/// has an offer of it, it is not the maker's alone any more: hiding takes the maker's own offers off sale, and
/// describing is an operator's. Offers of applicants do not count, lest anybody could keep a maker from their product.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::InvalidValue`] for what is no tax class of goods; [`Code::ProductShared`].
pub async fn change_product(
    tx: &Tx,
    seller: SellerId,
    id: ProductId,
    description: Description,
    active: Option<bool>,
) -> Result<product::Model> {
    let found = own_product(seller, id).lock_exclusive().one(&**tx).await?;
    let before = found.ok_or_else(|| Error::not_found("product"))?;
    let mut row = before.clone();
    describe(&mut row, description)?;
    row.active = active.unwrap_or(row.active);
    if row != before {
        let described = product::Model { active: before.active, ..row.clone() } != before;
        check_shared(tx, &before, described).await?;
    }
    row.updated_at = tx.now;
    let update = product::ActiveModel {
        id: Set(id),
        name: Set(row.name.clone()),
        search_name: Set(row.search_name.clone()),
        description: Set(row.description.clone()),
        tax_class: Set(row.tax_class.clone()),
        active: Set(row.active),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    product::Entity::update(update).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Adds a variant to a product that the seller made.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::AlreadyExists`] for a SKU in use.
pub async fn create_variant(
    tx: &Tx,
    seller: SellerId,
    product: ProductId,
    sku: &str,
    name: &str,
    weight_grams: i32,
) -> Result<variant::Model> {
    own_product(seller, product).one(&**tx).await?.ok_or_else(|| Error::not_found("product"))?;
    let row = variant::Model {
        id: VariantId::at(tx.now),
        product_id: product,
        sku: sku.to_owned(),
        name: name.to_owned(),
        weight_grams,
        created_at: tx.now,
    };
    variant::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Refuses a change by the maker of what others sell, too. The product is locked, and so is it by whoever offers it.
async fn check_shared(tx: &Tx, product: &product::Model, described: bool) -> Result<()> {
    let others = shown::offers_of_others()
        .and_where(seller::Column::Status.is_in([SellerStatus::Approved, SellerStatus::Suspended]))
        .to_owned();
    let shared = product::Entity::find_by_id(product.id).filter(Expr::exists(others)).count(&**tx).await? > 0;
    if !shared {
        return Ok(());
    }
    if described {
        let message = "Other sellers offer this product, too; ask the marketplace to change its name, description or \
                       tax class.";
        return Err(Error::new(Code::ProductShared, message));
    }
    let maker = seller::Entity::find_by_id(product.created_by_seller_id).one(&**tx).await?;
    if maker.is_some_and(|maker| maker.status == SellerStatus::Approved) {
        return Ok(());
    }
    let message = "Other sellers offer this product, too; only a seller who may sell changes whether they sell it.";
    Err(Error::new(Code::ProductShared, message))
}

fn own_product(seller: SellerId, id: ProductId) -> Select<product::Entity> {
    product::Entity::find_by_id(id).filter(product::Column::CreatedBySellerId.eq(seller))
}

/// Offers a variant, the seller's own or another's, at a price.
///
/// # Errors
/// [`Code::NotFound`] for an unknown variant; [`Code::AlreadyExists`] when the seller offers it;
/// [`Code::InvalidMoney`] for a negative price.
pub async fn create_offer(tx: &Tx, seller: SellerId, variant: VariantId, price: Money) -> Result<offer::Model> {
    not_negative(price.amount)?;
    let of = variant::Entity::find_by_id(variant).one(&**tx).await?.ok_or_else(|| Error::not_found("variant"))?;
    // Whoever describes the product anew waits, and sees that it is not theirs alone.
    product::Entity::find_by_id(of.product_id).lock(LockType::Share).one(&**tx).await?;
    let row = offer::Model {
        id: OfferId::at(tx.now),
        variant_id: variant,
        seller_id: seller,
        price: price.amount,
        currency: price.currency,
        active: true,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    offer::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Changes an offer's price (in its currency) or takes it off sale; placed orders keep theirs.
///
/// # Errors
/// [`Code::NotFound`], [`Code::StaleVersion`], [`Code::InvalidMoney`].
pub async fn change_offer(
    tx: &Tx,
    seller: SellerId,
    id: OfferId,
    price: Option<Money>,
    active: Option<bool>,
    if_version: Option<i64>,
) -> Result<offer::Model> {
    let mut row = offer::Entity::find_by_id(id)
        .filter(offer::Column::SellerId.eq(seller))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("offer"))?;
    check_version(if_version, row.version)?;
    if let Some(price) = price {
        not_negative(price.amount)?;
        if price.currency != row.currency {
            let message =
                format!("The offer is priced in {}; make another offer for {}.", row.currency, price.currency);
            return Err(Error::new(Code::InvalidMoney, message));
        }
        row.price = price.amount;
    }
    row.active = active.unwrap_or(row.active);
    row.version += 1;
    row.updated_at = tx.now;
    let update = offer::ActiveModel {
        id: Set(id),
        price: Set(row.price),
        active: Set(row.active),
        version: Set(row.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    offer::Entity::update(update).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Refuses a price below zero.
///
/// # Errors
/// [`Code::InvalidMoney`].
pub(crate) fn not_negative(amount: MinorUnits) -> Result<()> {
    if amount.0 < 0 {
        return Err(Error::new(Code::InvalidMoney, "A price cannot be negative."));
    }
    Ok(())
}

/// A warehouse's name and address.
#[derive(Clone, Debug)]
pub struct NewWarehouse {
    /// Unique for the seller.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Building, gate.
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State or province.
    pub region: Option<String>,
    /// ZIP or post code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// Adds a warehouse.
///
/// # Errors
/// [`Code::AlreadyExists`] for a name that the seller uses.
pub async fn create_warehouse(tx: &Tx, seller: SellerId, new: NewWarehouse) -> Result<warehouse::Model> {
    let row = warehouse::Model {
        id: WarehouseId::at(tx.now),
        seller_id: seller,
        name: new.name,
        line1: new.line1,
        line2: new.line2,
        city: new.city,
        region: new.region,
        postal_code: new.postal_code,
        country: new.country,
        created_at: tx.now,
    };
    warehouse::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}
