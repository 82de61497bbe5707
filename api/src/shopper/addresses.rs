//! The addresses that a person keeps.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ConnectionTrait, QueryOrder};
use souk_domain::account::address_book::{self, Entry};
use souk_domain::vault::{Person, Vault};
use souk_domain::{Error, Result, Store};
use souk_entity::id::{UserAddressId, UserId};
use souk_entity::user_address;
use uuid::Uuid;

use crate::auth::SignedIn;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::replay::{Key, once};
use crate::view::address::Address;

/// An address to be kept.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct KeepAddress {
    /// The address.
    address: Address,
    /// Whether goods go there when an order names no address; then no other of one's addresses is it any more.
    #[oai(default)]
    is_default_shipping: bool,
    /// Whether bills go there when an order names no address; then no other of one's addresses is it any more.
    #[oai(default)]
    is_default_billing: bool,
}

impl Example for KeepAddress {
    fn example() -> Self {
        Self { address: Address::example(), is_default_shipping: true, is_default_billing: false }
    }
}

impl From<KeepAddress> for Entry {
    fn from(given: KeepAddress) -> Self {
        Self {
            address: given.address.into(),
            is_default_shipping: given.is_default_shipping,
            is_default_billing: given.is_default_billing,
        }
    }
}

/// An address that is kept.
#[derive(Debug, Object)]
pub struct KeptAddress {
    /// Its id.
    id: Uuid,
    /// The address.
    address: Address,
    /// Whether goods go there when an order names no address.
    is_default_shipping: bool,
    /// Whether bills go there when an order names no address.
    is_default_billing: bool,
    /// Since when it is kept.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl KeptAddress {
    /// What is kept, by the person's key; nothing once they are erased.
    pub fn open(person: &Person, row: &user_address::Model) -> Result<Option<Self>> {
        let address = address_book::open(person, row)?;
        Ok(address.map(|address| Self {
            id: row.id.into(),
            address: address.into(),
            is_default_shipping: row.is_default_shipping,
            is_default_billing: row.is_default_billing,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }))
    }
}

/// The addresses of a person.
#[derive(Object)]
pub struct AddressList {
    /// In the order in which they were added, at most 50.
    items: Vec<KeptAddress>,
}

/// The addresses of who asks.
pub struct Addresses;

#[OpenApi(prefix_path = "/api/v1/me/addresses", tag = "Tag::Accounts")]
impl Addresses {
    /// List one's addresses
    #[oai(path = "/", method = "get", operation_id = "listAddresses")]
    async fn list(&self, ctx: Ctx<'_>, who: SignedIn) -> ApiResult<Okay<AddressList>> {
        Ok(Okay::new(&book(&ctx, &who).await?))
    }

    /// Keep an address
    ///
    /// At most 50. Orders that name no address go to the default ones.
    #[oai(path = "/", method = "post", operation_id = "createAddress")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: SignedIn,
        body: Json<KeepAddress>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<KeptAddress>> {
        let user = who.0.user;
        let key = Key::read(format!("user:{user}"), "createAddress", idempotency_key.0.as_deref(), &body.0)?;
        let entry = Entry::from(body.0);
        let answer = once(&ctx.store, key, async |tx| {
            let row = address_book::add(&tx, user, &entry).await?;
            Ok(Created::new(&shown(&**tx, tx.vault(), &row).await?))
        });
        Ok(answer.await?)
    }

    /// Show an address
    #[oai(path = "/:id", method = "get", operation_id = "getAddress")]
    async fn get(&self, ctx: Ctx<'_>, who: SignedIn, id: Path<Uuid>) -> ApiResult<Okay<KeptAddress>> {
        let row = address_book::find(ctx.store.read(), who.0.user, UserAddressId(id.0)).await?;
        Ok(Okay::new(&shown(ctx.store.read(), ctx.store.vault(), &row).await?))
    }

    /// Put an address in the place of another
    ///
    /// Orders that went there keep their own copy.
    #[oai(path = "/:id", method = "put", operation_id = "replaceAddress")]
    async fn replace(
        &self,
        ctx: Ctx<'_>,
        who: SignedIn,
        id: Path<Uuid>,
        body: Json<KeepAddress>,
    ) -> ApiResult<Okay<KeptAddress>> {
        let (user, id, entry) = (who.0.user, UserAddressId(id.0), Entry::from(body.0));
        let row = ctx.store.write(async |tx| address_book::replace(&tx, user, id, &entry).await).await?;
        Ok(Okay::new(&shown(ctx.store.read(), ctx.store.vault(), &row).await?))
    }

    /// Delete an address
    ///
    /// Answers those that are left. Orders that went there keep their own copy.
    #[oai(path = "/:id", method = "delete", operation_id = "deleteAddress")]
    async fn delete(&self, ctx: Ctx<'_>, who: SignedIn, id: Path<Uuid>) -> ApiResult<Okay<AddressList>> {
        let (user, id) = (who.0.user, UserAddressId(id.0));
        ctx.store.write(async |tx| address_book::delete(&tx, user, id).await).await?;
        Ok(Okay::new(&book(&ctx, &who).await?))
    }
}

async fn shown(db: &impl ConnectionTrait, vault: &Vault, row: &user_address::Model) -> Result<KeptAddress> {
    let person = vault.person(db, row.user_id.into()).await?;
    KeptAddress::open(&person, row)?.ok_or_else(|| Error::not_found("address"))
}

async fn book(ctx: &Ctx<'_>, who: &SignedIn) -> Result<AddressList> {
    Ok(AddressList { items: all(&ctx.store, who.0.user).await? })
}

/// All addresses of a person, in the order in which they were added.
///
/// # Errors
/// The database's.
pub async fn all(store: &Store, user: UserId) -> Result<Vec<KeptAddress>> {
    let db = store.read();
    let rows = address_book::of(user).order_by_asc(user_address::Column::Id).all(db).await?;
    let person = store.vault().person(db, user.into()).await?;
    rows.iter().filter_map(|row| KeptAddress::open(&person, row).transpose()).collect()
}
