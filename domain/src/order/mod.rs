//! Orders: pricing, placement, the split per seller, stock, and the way to completion.

pub mod basket;
pub mod contact;
pub mod destination;
pub mod detail;
pub mod edit;
pub mod lifecycle;
pub mod number;
pub mod placement;
pub mod pricing;
pub mod promotion_use;
pub mod split;
pub mod stock;
pub mod terms;
pub mod transition;
pub mod units;
