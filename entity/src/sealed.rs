//! Personal data as it is stored: encrypted with the key of the person it is about.

use sea_orm::DeriveValueType;

/// What the vault has sealed; only the vault can open it, and only in its own column and row.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
