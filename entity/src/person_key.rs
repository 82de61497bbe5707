//! The key that a person's data is sealed with, itself wrapped.

use sea_orm::entity::prelude::*;

use crate::id::PersonId;

/// The key that a person's data is sealed with, itself wrapped by a key of the installation.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person_key")]
pub struct Model {
    /// The user's id; of a guest, the order's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PersonId,
    /// Which key of the installation wraps it; NULL: erased.
    pub wrapped_by: Option<String>,
    /// NULL: erased, and with it all that it sealed.
    pub wrapped_key: Option<Vec<u8>>,
    pub created_at: DateTimeUtc,
    pub erased_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
