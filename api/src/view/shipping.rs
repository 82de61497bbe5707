//! What shipping costs.

use poem_openapi::Object;
use souk_domain::order::pricing::shipping::Tariff;
use souk_entity::money::CurrencyCode;

use super::amount;

/// The price of a parcel up to a weight.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct WeightStep {
    /// This heavy at most, and heavier than the step before, in grams.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub up_to_grams: i64,
    /// What it costs per seller order.
    #[oai(validator(max_length = 24))]
    pub price: String,
}

/// The price of a flat method, or the steps of one by weight.
pub fn tariff(tariff: &Tariff, currency: CurrencyCode) -> (Option<String>, Option<Vec<WeightStep>>) {
    match tariff {
        Tariff::Flat(price) => (Some(amount(*price, currency)), None),
        Tariff::ByWeight(steps) => {
            let steps =
                steps.iter().map(|(most, price)| WeightStep { up_to_grams: *most, price: amount(*price, currency) });
            (None, Some(steps.collect()))
        }
    }
}
