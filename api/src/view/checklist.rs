//! What is asked of sellers, and what of it one has.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use souk_domain::account::checklist::{self, Item};
use souk_entity::seller_requirement;
use uuid::Uuid;

/// How it is seen that a seller meets a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "souk_entity::status::RequirementKind")]
pub enum RequirementKind {
    /// An owner has proven their e-mail address.
    VerifiedEmail,
    /// They have said where payouts go.
    PayoutAccount,
    /// They have set their return policy.
    ReturnPolicy,
    /// They have an address to ship from and take goods back at.
    Warehouse,
    /// They have a shipping method that is in use.
    ShippingMethod,
    /// An owner has accepted the text.
    Terms,
    /// An operator looks into it.
    Custom,
}

/// What is asked of sellers.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SellerRequirement {
    /// Its id.
    id: Uuid,
    /// How it is seen that it is met.
    kind: RequirementKind,
    /// What it is called.
    title: String,
    /// What the seller has to do, or the terms that they accept.
    instructions: Option<String>,
    /// Whether nobody is approved without it.
    required: bool,
    /// Since when it is asked.
    created_at: DateTime<Utc>,
    /// Since when it is asked of nobody any more.
    retired_at: Option<DateTime<Utc>>,
}

impl From<seller_requirement::Model> for SellerRequirement {
    fn from(row: seller_requirement::Model) -> Self {
        Self {
            id: row.id.into(),
            kind: row.kind.into(),
            title: row.title,
            instructions: row.instructions,
            required: row.required,
            created_at: row.created_at,
            retired_at: row.retired_at,
        }
    }
}

/// Whether a seller meets a requirement.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ChecklistItem {
    /// The requirement.
    requirement: SellerRequirement,
    /// Whether it is seen in what the seller has set; else somebody says so.
    automatic: bool,
    /// Whether the seller meets it.
    met: bool,
    /// Why the operator said so; the seller reads it.
    reason: Option<String>,
    /// When that was said, or the terms accepted.
    checked_at: Option<DateTime<Utc>>,
}

impl From<Item> for ChecklistItem {
    fn from(item: Item) -> Self {
        let (reason, checked_at) = item.check.map(|check| (check.reason, check.checked_at)).unzip();
        Self {
            automatic: checklist::is_automatic(item.requirement.kind),
            requirement: item.requirement.into(),
            met: item.met,
            reason: reason.flatten(),
            checked_at,
        }
    }
}

/// What is asked of sellers now, and what of it one has.
#[derive(Debug, Object)]
pub struct Checklist {
    /// Whether everything that is required is met.
    complete: bool,
    /// The items, oldest first, at most 50.
    items: Vec<ChecklistItem>,
}

impl From<Vec<Item>> for Checklist {
    fn from(items: Vec<Item>) -> Self {
        Self {
            complete: items.iter().all(|item| item.met || !item.requirement.required),
            items: items.into_iter().map(ChecklistItem::from).collect(),
        }
    }
}
