use std::collections::BTreeMap;

use chrono::DateTime;
use proptest::prelude::*;
use souk_entity::money::RatePpm;
use souk_entity::status::{LabelPayer, OrderStatus};
use uuid::Uuid;

use super::*;

fn line(at: u128, quantity: i64, whole: Amounts) -> order_line::Model {
    order_line::Model {
        id: Uuid::from_u128(at).into(),
        seller_order_id: Uuid::nil().into(),
        seller_id: Uuid::nil().into(),
        offer_id: Uuid::from_u128(at).into(),
        position: 0,
        product_name: "Lamp".into(),
        variant_name: "Red".into(),
        sku: "LAMP".into(),
        weight_grams: 1,
        quantity,
        unit_price: whole.amount,
        discount: MinorUnits::ZERO,
        platform_discount: whole.platform_discount,
        tax_class: "standard".into(),
        tax: whole.tax,
        tax_added: MinorUnits::ZERO,
        total: whole.amount,
        commission_rule_id: None,
        commission_rate_ppm: RatePpm(0),
        commission_flat: MinorUnits::ZERO,
        commission_minimum: None,
        commission_maximum: None,
        commission: whole.commission,
        commission_tax_ppm: RatePpm(0),
        commission_tax: whole.commission_tax,
        returnable: true,
        cancelled_quantity: 0,
        shipped_quantity: 0,
        delivered_quantity: 0,
        returned_quantity: 0,
        refunded_quantity: 0,
    }
}

fn part(shipping: Amounts) -> seller_order::Model {
    let zero = MinorUnits::ZERO;
    seller_order::Model {
        id: Uuid::nil().into(),
        order_id: Uuid::nil().into(),
        seller_id: Uuid::nil().into(),
        number: "ORD-1-1".into(),
        currency: "USD".parse().unwrap(),
        status: OrderStatus::Delivered,
        items_total: zero,
        discount_total: zero,
        shipping_price: shipping.amount,
        shipping_discount: zero,
        shipping_platform_discount: shipping.platform_discount,
        shipping_total: MinorUnits(shipping.amount.0 - shipping.tax.0),
        shipping_tax: shipping.tax,
        shipping_tax_added: shipping.tax,
        tax_added_total: zero,
        tax_total: zero,
        total: zero,
        platform_discount_total: zero,
        commission_total: zero,
        commission_tax_total: zero,
        shipping_method_id: None,
        shipping_method_name: None,
        accept_by: None,
        delivered_at: None,
        return_window_days: 0,
        return_label_payer: LabelPayer::Seller,
        restocking_ppm: RatePpm(0),
        return_window_ends_at: None,
        payable_at: None,
        cancellation_reason: None,
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

/// A book of one seller order, refunded step by step.
#[derive(Clone, Debug)]
struct Book {
    part: seller_order::Model,
    lines: Vec<order_line::Model>,
    held: BTreeMap<Option<usize>, Amounts>,
}

/// Units of a line, or, without one, an amount of shipping.
type Step = (Option<usize>, i64);

impl Book {
    fn new(lines: &[(i64, Amounts)], shipping: Amounts) -> Self {
        let lines = lines.iter().zip(0..).map(|((quantity, whole), at)| line(at, *quantity, *whole)).collect();
        Self { part: part(shipping), lines, held: BTreeMap::new() }
    }

    fn of(&self, of: Option<usize>) -> Amounts {
        self.held.get(&of).copied().unwrap_or_default()
    }

    fn pay(&mut self, (of, much): Step) -> Result<Amounts> {
        let mut pieces = Pieces::default();
        match of {
            Some(at) => pieces.take_units(&self.lines[at], self.of(of), much)?,
            None => pieces.take_shipping(&self.part, self.of(of), MinorUnits(much))?,
        }
        let paid = pieces.sum()?;
        self.held.insert(of, self.of(of).plus(paid)?);
        if let Some(at) = of {
            self.lines[at].refunded_quantity += much;
        }
        Ok(paid)
    }

    /// A refund that was made comes to nothing.
    fn fail(&mut self, (of, much): Step, paid: Amounts) {
        let held = self.of(of).with(paid, sub).unwrap();
        self.held.insert(of, held);
        if let Some(at) = of {
            self.lines[at].refunded_quantity -= much;
        }
    }

    fn rest(&self) -> Vec<Step> {
        let units = self.lines.iter().enumerate().map(|(at, line)| (Some(at), line.quantity - line.refunded_quantity));
        units.chain([(None, shipping_left(&self.part, self.of(None)).unwrap().0)]).collect()
    }
}

fn amounts(amount: i64, tax: i64, commission: i64, commission_tax: i64, platform_discount: i64) -> Amounts {
    Amounts {
        amount: MinorUnits(amount),
        tax: MinorUnits(tax),
        commission: MinorUnits(commission),
        commission_tax: MinorUnits(commission_tax),
        platform_discount: MinorUnits(platform_discount),
    }
}

fn is_sound(paid: Amounts) -> bool {
    let Amounts { amount, tax, commission, commission_tax, platform_discount } = paid;
    [amount, tax, commission, commission_tax, platform_discount].iter().all(|part| part.0 >= 0) && tax <= amount
}

fn within(held: Amounts, whole: Amounts) -> bool {
    is_sound(whole.with(held, sub).unwrap())
}

prop_compose! {
    /// Amounts that can be those of a line: of cents and of millions.
    fn whole()(
        most in prop_oneof![Just(30_i64), Just(5_000), Just(crate::money::LARGEST_AMOUNT)],
    )(amount in 0..=most, other in 0..=most, fee in 0..=most, rate in 0..=100_i64) -> Amounts {
        let tax = i64::try_from(i128::from(amount) * i128::from(rate) / 100).unwrap();
        amounts(amount, tax, fee, fee / 5, other)
    }
}

prop_compose! {
    /// A seller order and refunds of it that together are within what was paid, some line or
    /// the shipping maybe whole.
    fn book()(
        lines in prop::collection::vec((1_i64..40, whole(), prop::collection::vec(0_i64..15, 0..6)), 1..4),
        shipping in whole(),
        shares in prop::collection::vec(0_i64..=100, 0..5),
    ) -> (Book, Vec<Step>) {
        let wholes: Vec<_> = lines.iter().map(|(quantity, whole, _)| (*quantity, *whole)).collect();
        let mut steps = Vec::new();
        for (at, (quantity, _, asked)) in lines.iter().enumerate() {
            let mut left = *quantity;
            for units in asked {
                let units = left.min(*units);
                steps.push((Some(at), units));
                left -= units;
            }
        }
        let mut left = shipping.amount.0;
        for share in shares {
            let amount = i64::try_from(i128::from(left) * i128::from(share) / 100).unwrap();
            steps.push((None, amount));
            left -= amount;
        }
        (Book::new(&wholes, shipping), steps)
    }
}

proptest! {
    #[test]
    fn any_order_of_refunds_comes_to_the_same_and_all_of_them_to_the_whole(
        ((fresh, steps), seed) in book().prop_flat_map(|(book, steps)| {
            let shuffled = Just(steps.clone()).prop_shuffle();
            ((Just(book), Just(steps)), shuffled)
        }),
    ) {
        let (mut one, mut other) = (fresh.clone(), fresh.clone());
        for (book, steps) in [(&mut one, &steps), (&mut other, &seed)] {
            for step in steps {
                prop_assert!(is_sound(book.pay(*step).unwrap()));
            }
        }
        for at in (0..fresh.lines.len()).map(Some).chain([None]) {
            let whole = at.map_or_else(|| shipping(&fresh.part).unwrap(), |at| (&fresh.lines[at]).into());
            prop_assert_eq!(one.of(at), other.of(at));
            prop_assert!(within(one.of(at), whole));
        }
        for step in one.rest() {
            prop_assert!(is_sound(one.pay(step).unwrap()));
        }
        for (at, line) in fresh.lines.iter().enumerate() {
            prop_assert_eq!(one.of(Some(at)), line.into());
        }
        prop_assert_eq!(one.of(None), shipping(&fresh.part).unwrap());
    }

    #[test]
    fn refunds_that_fail_in_between_leave_no_gap(
        (fresh, steps) in book(),
        failing in prop::collection::vec(any::<bool>(), 30),
    ) {
        let mut book = fresh.clone();
        let made: Vec<_> = steps.iter().map(|step| (*step, book.pay(*step).unwrap())).collect();
        for ((step, paid), _) in made.into_iter().zip(failing).filter(|(_, fails)| *fails) {
            book.fail(step, paid);
        }
        for step in steps.iter().chain(&book.rest()) {
            // What is no longer left is refused and changes nothing.
            if let Ok(paid) = book.pay(*step) {
                prop_assert!(is_sound(paid));
            }
        }
        for step in book.rest() {
            prop_assert!(is_sound(book.pay(step).unwrap()));
        }
        for (at, line) in fresh.lines.iter().enumerate() {
            let (held, whole) = (book.of(Some(at)), Amounts::from(line));
            prop_assert_eq!(Amounts { tax: whole.tax, ..held }, whole);
            prop_assert!(held.tax <= whole.tax);
        }
    }
}

/// Units of a line come back step by step, each the seller's fault or not; what is kept of them in the end.
fn kept(mut line: order_line::Model, steps: &[(i64, bool)], rate: RatePpm) -> Restocking {
    let (mut held, mut kept) = (Amounts::default(), Restocking::default());
    for (quantity, fault) in steps {
        let mut pieces = Pieces::default();
        pieces.take_units(&line, held, *quantity).unwrap();
        if !fault {
            pieces.charge_restocking(&line, kept, *quantity, rate).unwrap();
        }
        assert!(pieces.paid_back().unwrap() >= MinorUnits::ZERO);
        held = held.plus(pieces.sum().unwrap()).unwrap();
        line.refunded_quantity += quantity;
        for Restocking { quantity, fee } in pieces.rows.iter().map(|piece| piece.restocking) {
            kept = Restocking { quantity: kept.quantity + quantity, fee: add(kept.fee, fee).unwrap() };
        }
        assert!(kept.fee <= restocking_of_units(&line, rate, kept.quantity).unwrap());
    }
    kept
}

proptest! {
    #[test]
    fn what_comes_back_in_pieces_costs_what_it_costs_at_once(
        quantity in 1_i64..40,
        whole in whole(),
        rate in 0..=500_000_i64,
        cuts in prop::collection::vec((1_i64..10, any::<bool>()), 0..40),
    ) {
        let (line, rate) = (line(0, quantity, whole), RatePpm(rate));
        let all = restocking_of_line(&line, rate).unwrap();
        let (mut left, mut steps) = (quantity, Vec::new());
        for (units, fault) in cuts {
            let units = units.min(left);
            if units > 0 {
                steps.push((units, fault));
                left -= units;
            }
        }
        let ours: i64 = steps.iter().filter(|(_, fault)| !fault).map(|(units, _)| units).sum();
        prop_assert_eq!(kept(line.clone(), &steps, rate).quantity, ours, "faults cost nothing");
        let mut without_fault: Vec<_> = steps.iter().map(|(units, _)| (*units, false)).collect();
        without_fault.push((left, false));
        for steps in [without_fault, vec![(1, false); usize::try_from(quantity).unwrap()], vec![(quantity, false)]] {
            prop_assert_eq!(kept(line.clone(), &steps, rate), Restocking { quantity, fee: all });
        }
        prop_assert_eq!(kept(line, &[(quantity, true)], rate), Restocking::default());
    }
}

#[test]
fn a_label_never_costs_more_than_what_is_paid_back() {
    let line = line(0, 2, amounts(1_000, 0, 0, 0, 0));
    for (cost, charged) in [(0, 0), (424, 424), (425, 425), (426, 425)] {
        let mut pieces = Pieces::default();
        pieces.take_units(&line, Amounts::default(), 1).unwrap();
        pieces.charge_restocking(&line, Restocking::default(), 1, RatePpm(150_000)).unwrap();
        pieces.charge_label(MinorUnits(cost)).unwrap();
        assert_eq!((pieces.restocking_fee().unwrap().0, pieces.return_label.0), (75, charged));
        assert_eq!(pieces.paid_back().unwrap().0, 425 - charged);
    }
}

#[test]
fn units_of_a_line_are_slices_of_each_of_its_amounts() {
    let mut book = Book::new(&[(3, amounts(1_000, 167, 100, 20, 50))], amounts(500, 83, 0, 0, 25));
    assert_eq!(book.pay((Some(0), 1)).unwrap(), amounts(333, 56, 33, 7, 17));
    assert_eq!(book.pay((Some(0), 2)).unwrap(), amounts(667, 111, 67, 13, 33));
    assert_eq!(book.pay((Some(0), 1)).unwrap_err().message, "1 of LAMP cannot be refunded: 0 can.");
    assert_eq!(book.pay((None, 250)).unwrap(), amounts(250, 42, 0, 0, 13));
    assert_eq!(book.pay((None, 251)).unwrap_err().message, "2.51 of the shipping cannot be refunded: 2.50 can.");
    assert_eq!(book.pay((None, 250)).unwrap(), amounts(250, 41, 0, 0, 12));
}

#[test]
fn a_unit_never_has_more_tax_than_it_costs() {
    let mut book = Book::new(&[(6, amounts(2, 1, 0, 0, 0))], Amounts::default());
    let units: Vec<_> =
        (0..6).map(|_| book.pay((Some(0), 1)).unwrap()).map(|paid| (paid.amount.0, paid.tax.0)).collect();
    assert_eq!(units, [(0, 0), (1, 0), (0, 0), (0, 0), (1, 1), (0, 0)]);
}

#[test]
fn free_shipping_that_the_platform_made_good_is_reversed_with_the_rest() {
    let mut book = Book::new(&[], amounts(0, 0, 0, 0, 400));
    assert_eq!(book.pay((None, 0)).unwrap(), amounts(0, 0, 0, 0, 400));
    assert_eq!(book.pay((None, 0)).unwrap(), Amounts::default());
}

#[test]
fn what_goodwill_has_used_up_comes_off_the_last_pieces() {
    let book = Book::new(&[(1, amounts(2_400, 400, 0, 0, 0))], amounts(500, 0, 0, 0, 0));
    let mut pieces = Pieces::default();
    pieces.take_units(&book.lines[0], Amounts::default(), 1).unwrap();
    pieces.take_shipping(&book.part, Amounts::default(), MinorUnits(500)).unwrap();
    pieces.trim(MinorUnits(2_300), MinorUnits(200)).unwrap();
    assert_eq!(pieces.platform_amount.0, -200, "of the 6.00 taken off, the platform had paid 2.00");
    let paid: Vec<_> = pieces.rows.iter().map(|piece| (piece.amounts.amount.0, piece.amounts.tax.0)).collect();
    assert_eq!(paid, [(2_300, 400), (0, 0)]);
    pieces.trim(MinorUnits(300), MinorUnits(0)).unwrap();
    assert_eq!(pieces.sum().unwrap(), amounts(300, 400, 0, 0, 0), "nothing of it was sold, so none of it is taxed");
}

#[test]
fn a_line_taken_out_of_the_order_is_skipped() {
    let mut book = Book::new(&[(0, Amounts::default())], Amounts::default());
    assert_eq!(book.pay((Some(0), 0)).unwrap(), Amounts::default());
    assert_eq!(book.pay((Some(0), 1)).unwrap_err().code, Code::RefundExceedsPayment);
}
