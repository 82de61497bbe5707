//! What a seller asks for sending their part.

use souk_entity::id::ShippingMethodId;
use souk_entity::money::MinorUnits;

/// A way a seller can ship a part to where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// The method.
    pub method_id: ShippingMethodId,
    /// Its name, kept with the order.
    pub name: String,
    /// What it costs.
    pub tariff: Tariff,
    /// Free when the seller's discounted goods reach this.
    pub free_over: Option<MinorUnits>,
    /// Days to delivery, from … to.
    pub days: (i32, i32),
}

/// How a method's price is worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tariff {
    /// The same for every parcel.
    Flat(MinorUnits),
    /// By the weight of the part: `(up to grams, price)`, the lightest first.
    ByWeight(Vec<(i64, MinorUnits)>),
}

impl Shipping {
    /// The price of sending `grams`, before discounts and [`Shipping::free_over`]; `None` when it
    /// is too heavy for the method.
    pub fn price(&self, grams: i64) -> Option<MinorUnits> {
        match &self.tariff {
            Tariff::Flat(price) => Some(*price),
            Tariff::ByWeight(steps) => steps.iter().find(|(most, _)| grams <= *most).map(|(_, price)| *price),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_step_holds_up_to_its_weight_and_no_further() {
        let steps = vec![(1_000, MinorUnits(500)), (5_000, MinorUnits(900))];
        let method = Shipping {
            method_id: Uuid::nil().into(),
            name: "Parcel".into(),
            tariff: Tariff::ByWeight(steps),
            free_over: None,
            days: (1, 2),
        };
        let price = |grams| method.price(grams).map(|price| price.0);
        assert_eq!(
            [price(1), price(1_000), price(1_001), price(5_000), price(5_001)],
            [Some(500), Some(500), Some(900), Some(900), None]
        );
    }
}
