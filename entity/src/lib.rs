//! The tables, one module each, in SeaORM's dense entity form.
//!
//! Statuses are closed enums ([`status`]), ids a type each ([`id`]), amounts integers of minor
//! units ([`money`]): what cannot be written cannot be stored. The schema itself, with its
//! constraints, is in the `migration` crate; a test of the root package compares the two.

pub mod id;
pub mod money;
pub mod status;

pub mod batch;
pub mod batch_row;
pub mod cart;
pub mod cart_line;
pub mod cart_promotion;
pub mod cart_shipping;
pub mod category;
pub mod commission_rule;
pub mod event;
pub mod idempotency_key;
pub mod inbox;
pub mod inventory_level;
pub mod job;
pub mod ledger_entry;
pub mod ledger_transaction;
pub mod number_sequence;
pub mod offer;
pub mod order;
pub mod order_address;
pub mod order_line;
pub mod order_promotion;
pub mod payment;
pub mod payment_share;
pub mod payout;
pub mod payout_item;
pub mod payout_reserve;
pub mod price_step;
pub mod product;
pub mod promotion;
pub mod promotion_offer;
pub mod promotion_shopper;
pub mod refresh_token;
pub mod refund;
pub mod refund_line;
pub mod reservation;
pub mod return_line;
pub mod return_request;
pub mod seller;
pub mod seller_member;
pub mod seller_order;
pub mod shipment;
pub mod shipment_event;
pub mod shipment_label;
pub mod shipment_line;
pub mod shipping_method;
pub mod shipping_weight_step;
pub mod shipping_zone;
pub mod shipping_zone_place;
pub mod simulated_parcel;
pub mod simulated_payment;
pub mod simulated_refund;
pub mod simulated_scan;
pub mod simulated_transfer;
pub mod simulated_webhook;
pub mod status_history;
pub mod stock_movement;
pub mod tax_exemption;
pub mod tax_rate;
pub mod tax_zone;
pub mod user;
pub mod variant;
pub mod warehouse;
