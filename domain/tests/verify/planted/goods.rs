//! Violations in stock, orders, quantities and parcels.

use uuid::Uuid;

use super::{Gardener, line, part};
use crate::market::{Market, part_of};

impl Gardener {
    pub fn stock(&mut self, market: &Market) {
        let held = self.id(line(&market.unpaid, 0));
        let level_of =
            |line: &str| format!("(SELECT inventory_level_id FROM reservation WHERE order_line_id = {line})");
        let of_unpaid = format!("WHERE id = {}", level_of(&held));
        for (invariant, set) in [
            ("stock_reserved_is_within_on_hand", "reserved = on_hand + 1"),
            ("stock_reserved_is_what_reservations_hold", "reserved = reserved + 1"),
            ("stock_on_hand_is_the_sum_of_movements", "on_hand = on_hand + 1"),
        ] {
            let sql = format!("UPDATE inventory_level SET {set} {of_unpaid}");
            self.plant(invariant, format!("SELECT id FROM inventory_level {of_unpaid}"), sql);
        }
        let (id, set) = self.new_id();
        self.double("stock_moves_once_per_cause", id, "stock_movement", "reason = 'shipment'", &set);
        let (id, set) = self.new_id();
        let filter = format!("order_line_id = {held}");
        self.double("reservations_are_one_per_line_and_level", id, "reservation", &filter, &set);
        for set in ["expires_at = NULL", "open_quantity = quantity + 1", "open_quantity = 0"] {
            let sql = format!("UPDATE reservation SET {set} WHERE {filter}");
            let offender = format!("SELECT id FROM reservation WHERE {filter}");
            self.plant("reservations_are_open_as_their_status_says", offender, sql);
        }
        let invariant = "reservations_are_of_the_offer_and_quantity_of_their_line";
        let other = level_of(&self.id(line(&market.unaccepted, 0)));
        for set in [format!("inventory_level_id = {other}"), "quantity = quantity + 1".to_owned()] {
            let sql = format!("UPDATE reservation SET {set} WHERE {filter}");
            self.plant(invariant, line(&market.unpaid, 0), sql);
        }
        let invariant = "reservations_hold_what_is_still_to_be_sent";
        for order in [&market.unpaid, &market.unaccepted] {
            let filter = format!("order_line_id = {}", self.id(line(order, 0)));
            let sql = format!("UPDATE reservation SET open_quantity = open_quantity - 1 WHERE {filter}");
            self.plant(invariant, line(order, 0), sql);
        }
    }

    pub fn orders(&mut self, market: &Market) {
        let order: Uuid = market.mixed.order.id.into();
        let (first, second) = (part(&market.mixed, 0), part(&market.mixed, 1));
        let sellers = market.shops.each_ref().map(|shop| self.id(shop.seller));
        let other_seller = format!("seller_id = {}", sellers[1]);
        for column in ["items_total", "discount_total", "shipping_total", "tax_added_total", "tax_total", "total"] {
            let set = format!("{column} = {column} + 1");
            self.change("order_is_the_sum_of_its_seller_orders", "orders", order, &set);
        }
        let lost = format!("DELETE FROM seller_order WHERE order_id = {}", self.id(order));
        self.plant("order_is_the_sum_of_its_seller_orders", order, lost);
        for column in [
            "items_total",
            "discount_total",
            "platform_discount_total",
            "tax_added_total",
            "tax_total",
            "total",
            "commission_total",
            "commission_tax_total",
        ] {
            let set = format!("{column} = {column} + 1");
            self.change("seller_order_is_the_sum_of_its_lines", "seller_order", first, &set);
        }
        let invariant = "seller_order_total_is_goods_less_discount_plus_shipping_and_tax";
        for set in ["total = total + 1", "shipping_price = shipping_price + 1", "shipping_platform_discount = -1"] {
            self.change(invariant, "seller_order", first, set);
        }
        let invariant = "line_total_is_price_times_quantity_less_discount";
        for set in ["total = total + 1", "unit_price = unit_price + 1", "platform_discount = discount + 1"] {
            self.change(invariant, "order_line", line(&market.mixed, 0), set);
        }
        for (table, id) in
            [("seller_order", first), ("payment", market.mixed_payment.into()), ("shipment", market.sent_parcel.into())]
        {
            self.change_of("order_has_one_currency", order, table, id, "currency = 'EUR'");
        }
        for table in ["refund", "ledger_transaction"] {
            let sql = format!("UPDATE {table} SET currency = 'EUR' WHERE order_id = {}", self.id(order));
            self.plant("order_has_one_currency", order, sql);
        }
        let same = format!("seller_id = (SELECT seller_id FROM seller_order WHERE id = {})", self.id(first));
        self.change("order_has_one_part_per_seller", "seller_order", second, &same);
        let first_shop = part_of(&market.mixed, &market.shops[0]);
        let theirs = market.mixed.parts.iter().find(|part| part.seller_order.id == first_shop).unwrap();
        let invariant = "line_offer_and_seller_order_agree_on_the_seller";
        self.change(invariant, "order_line", theirs.lines[0].id, &other_seller);
        let offer: Uuid = theirs.lines[0].offer_id.into();
        self.change_of(invariant, theirs.lines[0].id, "offer", offer, &other_seller);

        let invariant = "parcels_returns_and_refunds_are_of_their_seller_order";
        let elsewhere = format!("order_id = {}", self.id(market.unpaid.order.id));
        for set in [&other_seller, &elsewhere] {
            self.change(invariant, "shipment", market.delivered_parcel, set);
        }
        let strange = format!("order_line_id = {}", self.id(line(&market.unpaid, 0)));
        let parcel = self.id(market.delivered_parcel);
        let sql = format!("UPDATE shipment_line SET {strange} WHERE shipment_id = {parcel}");
        self.plant(invariant, market.delivered_parcel, sql);
        let part = self.id(first_shop);
        for (set, table) in [(&other_seller, "return_request"), (&elsewhere, "refund")] {
            let offender = format!("SELECT id FROM {table} WHERE seller_order_id = {part}");
            self.plant(invariant, offender, format!("UPDATE {table} SET {set} WHERE seller_order_id = {part}"));
        }
        self.change("order_status_follows_from_its_seller_orders", "orders", order, "status = 'completed'");
        for set in ["tax = total + 1", "tax_added = tax + 1", "tax = 0"] {
            self.change("tax_is_added_or_contained_or_relieved", "order_line", line(&market.mixed, 0), set);
        }
        self.change("tax_is_added_or_contained_or_relieved", "seller_order", first, "shipping_tax = shipping_tax - 1");
        let invariant = "what_was_taken_out_costs_nothing";
        let emptied = market.edited.parts.iter().find(|part| part.lines[0].quantity == 0).unwrap();
        self.change(invariant, "order_line", emptied.lines[0].id, "commission = 1");
        for set in ["shipping_price = 1", "status = 'confirmed'"] {
            self.change(invariant, "seller_order", emptied.seller_order.id, set);
        }
    }

    pub fn quantities(&mut self, market: &Market) {
        let delivered = part_of(&market.mixed, &market.shops[0]);
        let sent = part_of(&market.mixed, &market.shops[1]);
        let first = market.mixed.parts.iter().find(|part| part.seller_order.id == delivered).unwrap();
        let id: Uuid = first.lines[0].id.into();
        for set in [
            "cancelled_quantity = 1",
            "delivered_quantity = shipped_quantity + 1",
            "returned_quantity = delivered_quantity + 1",
            "returned_quantity = -1",
        ] {
            self.change("line_quantities_are_within_what_was_ordered", "order_line", id, set);
        }
        for (invariant, column) in [
            ("line_shipped_is_what_left_in_parcels", "shipped_quantity"),
            ("line_delivered_is_what_arrived_in_parcels", "delivered_quantity"),
            ("line_returned_is_what_sellers_received", "returned_quantity"),
        ] {
            self.change(invariant, "order_line", id, &format!("{column} = {column} - 1"));
        }
        let invariant = "cancelled_seller_order_has_no_live_units";
        let cancelled = part(&market.cancelled, 0);
        self.change_of(invariant, cancelled, "order_line", line(&market.cancelled, 0), "cancelled_quantity = 0");
        self.change(invariant, "seller_order", delivered, "status = 'cancelled'");
        let invariant = "seller_order_status_follows_from_its_quantities";
        for (id, status) in [(delivered, "shipped"), (sent, "processing"), (sent, "delivered")] {
            self.change(invariant, "seller_order", id, &format!("status = '{status}'"));
        }
        let invariant = "refunded_seller_order_is_returned_and_paid_back_whole";
        let refunded = part(&market.refunded, 0);
        let set = "refunded_quantity = refunded_quantity - 1";
        self.change_of(invariant, refunded, "order_line", line(&market.refunded, 0), set);
        let sql = format!("UPDATE refund SET status = 'submitted' WHERE seller_order_id = {}", self.id(refunded));
        self.plant(invariant, refunded, sql);
        let invariant = "seller_order_that_is_returned_and_paid_back_is_refunded";
        self.change(invariant, "seller_order", refunded, "status = 'completed'");
    }

    pub fn parcels(&mut self, market: &Market) {
        let invariant = "stock_moves_with_parcels_and_returns";
        let source = format!("source_id = {}", self.id(market.delivered_parcel));
        for change in ["UPDATE stock_movement SET delta = delta - 1", "DELETE FROM stock_movement"] {
            self.plant(invariant, market.delivered_parcel, format!("{change} WHERE {source}"));
        }
        let sql = "UPDATE stock_movement SET delta = delta + 1 WHERE reason = 'return'";
        self.plant(invariant, "SELECT source_id FROM stock_movement WHERE reason = 'return'", sql);
        let taken = format!(
            "tracking_number = (SELECT tracking_number FROM shipment WHERE id = {})",
            self.id(market.delivered_parcel)
        );
        self.change("tracking_number_is_one_parcels", "shipment", market.sent_parcel, &taken);
        let invariant = "parcel_beyond_packing_has_a_bought_label";
        for set in ["tracking_number = NULL", "status = 'pending'"] {
            self.change(invariant, "shipment", market.sent_parcel, set);
        }
        let nothing = "label_cost = NULL, carrier_ref = NULL, tracking_number = NULL";
        self.change(invariant, "shipment", market.sent_parcel, nothing);
        let invariant = "label_file_is_of_a_labelled_parcel";
        self.change(invariant, "shipment", market.voided_parcel, nothing);
        let filter = format!("shipment_id = {} AND format = 'pdf'", self.id(market.sent_parcel));
        self.double(invariant, market.sent_parcel, "shipment_label", &filter, "format = format");
        let (id, set) = self.new_id();
        let filter = format!("shipment_id = {}", self.id(market.sent_parcel));
        self.double("scan_is_kept_once", id, "shipment_event", &filter, &set);
    }
}
