//! Where an order of the source has to get to.

use crate::source::{Order, Status};
use crate::view::OrderStatus;

/// Who ends an order early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledBy {
    Shopper,
    /// Each seller rejects their part: what the source calls unavailable, once paid.
    Sellers,
}

/// The end that an order is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Whether it is paid.
    pub paid: bool,
    /// The last status.
    pub status: OrderStatus,
    /// Whether the sellers take it on.
    pub accepted: bool,
    /// How far the parcels get, in the carrier's words; `None`: there are none.
    pub parcels: Option<&'static str>,
    /// Who cancels it, where it is.
    pub cancelled_by: Option<CancelledBy>,
}

impl Goal {
    /// What the source's status means in souk. An invoiced order is paid and not taken on yet.
    pub fn of(order: &Order) -> Self {
        let base =
            Self { paid: true, status: OrderStatus::Confirmed, accepted: true, parcels: None, cancelled_by: None };
        let cancelled = |by| Self {
            paid: order.approved,
            status: OrderStatus::Cancelled,
            accepted: false,
            cancelled_by: Some(by),
            ..base
        };
        match order.status {
            Status::Created => Self { paid: false, status: OrderStatus::Pending, accepted: false, ..base },
            Status::Approved | Status::Invoiced => Self { accepted: false, ..base },
            Status::Processing => Self { status: OrderStatus::Processing, ..base },
            Status::Shipped => Self { status: OrderStatus::Shipped, parcels: Some("in_transit"), ..base },
            Status::Delivered => Self { status: OrderStatus::Delivered, parcels: Some("delivered"), ..base },
            Status::Unavailable if order.approved => cancelled(CancelledBy::Sellers),
            Status::Unavailable | Status::Canceled => cancelled(CancelledBy::Shopper),
        }
    }

    /// Whether `status` is the end. An order whose return window has closed was delivered.
    pub fn is_reached(&self, status: OrderStatus) -> bool {
        status == self.status || (self.status == OrderStatus::Delivered && status == OrderStatus::Completed)
    }

    /// Whether an order that is `status` was lost on the way, so that it has to be placed again: nobody
    /// paid or accepted it while no run was under way.
    pub fn is_lost(&self, status: OrderStatus) -> bool {
        status == OrderStatus::Cancelled && self.cancelled_by.is_none()
    }
}
