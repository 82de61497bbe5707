//! On what terms a seller takes goods back.

use poem_openapi::{Enum, Object};
use souk_domain::returns::policy::ReturnPolicy as Terms;
use souk_entity::id::CategoryId;
use souk_entity::seller_order;
use uuid::Uuid;

use super::percent;

/// Who pays the label of a return that is not the seller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "souk_entity::status::LabelPayer")]
pub enum LabelPayer {
    /// The seller.
    Seller,
    /// The shopper: what it cost is taken off the refund.
    Shopper,
}

/// On what terms a seller takes goods back. What is damaged, defective, wrong, late or other than described can be given
/// back within the window in any case, and costs the shopper neither fee nor label.
#[derive(Debug, Object)]
pub struct ReturnPolicy {
    /// Days after delivery in which a return may be asked for.
    window_days: i32,
    /// Who pays the label.
    label_paid_by: LabelPayer,
    /// What the seller keeps of what was paid for the goods, such as `15`.
    restocking_fee_percent: String,
    /// Goods of these categories and all below them are not taken back, by id.
    excluded_category_ids: Vec<Uuid>,
}

impl ReturnPolicy {
    /// A policy with what it leaves out.
    pub fn new(terms: Terms, excluded: Vec<CategoryId>) -> Self {
        Self {
            window_days: terms.window_days,
            label_paid_by: terms.label_paid_by.into(),
            restocking_fee_percent: percent(terms.restocking),
            excluded_category_ids: excluded.into_iter().map(Into::into).collect(),
        }
    }
}

/// The return policy of a seller order, as it was when the order was placed; which of its lines are left out, they say
/// themselves.
#[derive(Debug, Object)]
pub struct FrozenReturnPolicy {
    /// Days after delivery in which a return may be asked for.
    window_days: i32,
    /// Who pays the label, unless it is the seller's fault.
    label_paid_by: LabelPayer,
    /// What the seller keeps of what was paid for the goods, unless it is their fault, such as `15`.
    restocking_fee_percent: String,
}

impl From<&seller_order::Model> for FrozenReturnPolicy {
    fn from(row: &seller_order::Model) -> Self {
        Self {
            window_days: row.return_window_days,
            label_paid_by: row.return_label_payer.into(),
            restocking_fee_percent: percent(row.restocking_ppm),
        }
    }
}
