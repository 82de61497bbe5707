//! Orders: pricing, placement, the split per seller, stock, and the way to completion.

pub mod basket;
pub mod detail;
pub mod lifecycle;
pub mod number;
pub mod placement;
pub mod pricing;
pub mod stock;
pub mod transition;
pub mod units;
