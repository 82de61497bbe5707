//! What the rows of each kind of batch are made of.

use souk_entity::status::BatchKind;

use crate::error::{Error, Result};

/// A value of a row, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is called in a CSV header and in a JSON object.
    pub name: &'static str,
    /// Whether a file must have it.
    pub required: bool,
}

const fn must(name: &'static str) -> Column {
    Column { name, required: true }
}

const fn may(name: &'static str) -> Column {
    Column { name, required: false }
}

const INVENTORY: &[Column] = &[must("sku"), must("warehouse"), must("on_hand"), may("low_stock_threshold")];
const PRICES: &[Column] = &[must("sku"), must("price"), may("active")];
const SHIPMENTS: &[Column] = &[must("order_number"), must("warehouse"), may("sku"), may("quantity")];
const LABELS: &[Column] = &[must("shipment_id")];
const SELLER_ORDERS: &[Column] = &[must("number"), must("action"), may("reason")];

/// The values of a row of a kind. Orders have a form of their own: see [`super::orders`].
pub const fn columns(kind: BatchKind) -> &'static [Column] {
    match kind {
        BatchKind::Inventory => INVENTORY,
        BatchKind::Prices => PRICES,
        BatchKind::Shipments => SHIPMENTS,
        BatchKind::Labels => LABELS,
        BatchKind::SellerOrders => SELLER_ORDERS,
        BatchKind::Orders => &[],
    }
}

/// Reads the first line of a CSV file: the names of its columns, in any order.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for a column that the kind does not have, has twice or lacks.
pub fn header(kind: BatchKind, line: &str) -> Result<String> {
    let known = columns(kind);
    let told = || known.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let refused = |what: String| {
        Error::invalid(format!("{what} The first line names the columns; {} has these: {}.", word(kind), told()))
    };
    let names: Vec<String> = super::row::cells(line)?.iter().map(|name| name.trim().to_lowercase()).collect();
    for (at, name) in names.iter().enumerate() {
        if !known.iter().any(|column| column.name == name) {
            let name: String = name.chars().take(50).collect();
            return Err(refused(format!("There is no column \"{name}\".")));
        }
        if names.iter().take(at).any(|before| before == name) {
            return Err(refused(format!("The column \"{name}\" is there twice.")));
        }
    }
    if let Some(missing) = known.iter().find(|column| column.required && !names.iter().any(|name| name == column.name))
    {
        return Err(refused(format!("The column \"{}\" is missing.", missing.name)));
    }
    Ok(names.join(","))
}

fn word(kind: BatchKind) -> String {
    format!("a file of {}", kind.to_string().replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_any_order_and_spelling() {
        let read = |line| header(BatchKind::Inventory, line);
        assert_eq!(read("sku,warehouse,on_hand").unwrap(), "sku,warehouse,on_hand");
        assert_eq!(
            read(" On_Hand ,\"SKU\",warehouse,low_stock_threshold").unwrap(),
            "on_hand,sku,warehouse,low_stock_threshold"
        );
        for (bad, why) in [
            ("sku,on_hand", "\"warehouse\" is missing"),
            ("sku,warehouse,on_hand,colour", "no column \"colour\""),
            ("sku,warehouse,on_hand,sku", "there twice"),
            ("", "\"sku\" is missing"),
            (",", "no column \"\""),
            ("A-1,Main,5", "no column \"a-1\""),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.message.contains(why), "{bad}: {error}");
        }
    }
}
