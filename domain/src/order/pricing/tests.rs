//! Properties of pricing over random carts.

use proptest::prelude::*;
use souk_entity::id::TaxRateId;
use souk_entity::status::{Bearer, Stacking};
use uuid::Uuid;

use super::promotion::{Gift, Target};
use super::shipping::Tariff;
use super::tax::{STANDARD, TaxRate, TaxTable};
use super::*;

const SELLERS: u8 = 20;
const CATEGORIES: u8 = 6;

fn seller(n: u8) -> SellerId {
    Uuid::from_u128(u128::from(n)).into()
}

fn category(n: u8) -> CategoryId {
    Uuid::from_u128(1_000 + u128::from(n)).into()
}

fn offer(n: usize) -> OfferId {
    Uuid::from_u128(n as u128).into()
}

prop_compose! {
    fn basket()(
        lines in prop::collection::vec((0..SELLERS, 0..CATEGORIES, 0_i64..2_000_000, 1_i64..100, 1_i64..5_000), 1..200)
    ) -> Vec<Item> {
        lines.into_iter().enumerate().map(|(at, (who, what, unit_price, quantity, weight_grams))| Item {
            offer_id: offer(at),
            seller_id: seller(who),
            categories: vec![category(what), category(what / 2)],
            tax_class: if what == 0 { "books".into() } else { STANDARD.into() },
            unit_price: MinorUnits(unit_price),
            weight_grams,
            quantity,
        }).collect()
    }
}

fn gift() -> impl Strategy<Value = Gift> {
    prop_oneof![
        (1_i64..=1_000_000).prop_map(|rate| Gift::Percentage(RatePpm(rate))),
        (1_i64..5_000_000).prop_map(|amount| Gift::Fixed(MinorUnits(amount))),
        (1_i64..=1_000_000).prop_map(|rate| Gift::Shipping(RatePpm(rate))),
        (1_i64..5, 1_i64..4, 1_i64..=1_000_000).prop_map(|(buy, get, rate)| Gift::BuyXGetY {
            buy,
            get,
            rate: RatePpm(rate)
        }),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        Just(Target::Order),
        (0..SELLERS).prop_map(|who| Target::Seller(seller(who))),
        (0..CATEGORIES).prop_map(|what| Target::Category(category(what))),
        prop::collection::hash_set((0_usize..200).prop_map(offer), 1..20).prop_map(Target::Offers),
    ]
}

prop_compose! {
    /// Without codes: such a promotion is left out where it does not apply, so that every cart has a price.
    fn promotion()(
        gift in gift(),
        target in target(),
        owner in prop::option::of(0..SELLERS),
        platform in any::<bool>(),
        exclusive in any::<bool>(),
        priority in 0..5_i32,
        minimum_spend in 0_i64..1_000_000,
        maximum_discount in prop::option::of(1_i64..1_000_000),
    ) -> PromotionTerms {
        PromotionTerms {
            id: Uuid::nil().into(),
            name: "promotion".into(),
            code: None,
            gift,
            seller_id: owner.map(seller),
            target,
            borne_by: if platform { Bearer::Platform } else { Bearer::Seller },
            stacking: if exclusive { Stacking::Exclusive } else { Stacking::Combinable },
            priority,
            minimum_spend: MinorUnits(minimum_spend),
            maximum_discount: maximum_discount.map(MinorUnits),
        }
    }
}

fn promotions() -> impl Strategy<Value = Vec<PromotionTerms>> {
    prop::collection::vec(promotion(), 0..6).prop_map(|mut all| {
        for (at, terms) in all.iter_mut().enumerate() {
            terms.id = Uuid::from_u128(at as u128).into();
        }
        all
    })
}

/// Everything else that a price depends on.
#[derive(Clone, Debug)]
struct World {
    shipping: BTreeMap<SellerId, Shipping>,
    tax: TaxTable,
    commissions: Vec<CommissionRule>,
    commission_tax: BTreeMap<SellerId, RatePpm>,
}

impl World {
    fn terms<'a>(&'a self, promotions: &'a [PromotionTerms]) -> Terms<'a> {
        Terms {
            promotions,
            shipping: &self.shipping,
            tax: &self.tax,
            commissions: &self.commissions,
            commission_tax: &self.commission_tax,
        }
    }
}

prop_compose! {
    fn world()(
        flat in 0_i64..5_000,
        free_over in prop::option::of(0_i64..1_000_000),
        steps in any::<bool>(),
        rate in 0_i64..=300_000,
        included in any::<bool>(),
        exempt in any::<bool>(),
        commission in 0_i64..=1_000_000,
        fee in 0_i64..200,
        minimum in prop::option::of(0_i64..500),
        maximum in prop::option::of(500_i64..5_000),
        vat in 0_i64..=250_000,
    ) -> World {
        let tariff = if steps {
            Tariff::ByWeight(vec![(10_000, MinorUnits(flat)), (i64::MAX, MinorUnits(flat * 2))])
        } else {
            Tariff::Flat(MinorUnits(flat))
        };
        let method = Shipping {
            method_id: Uuid::from_u128(9).into(),
            name: "Parcel".into(),
            tariff,
            free_over: free_over.map(MinorUnits),
            days: (1, 3),
        };
        let id: TaxRateId = Uuid::from_u128(5).into();
        let rate = TaxRate { id, name: "VAT".into(), class: STANDARD.into(), rate: RatePpm(rate), of_region: false, included };
        World {
            shipping: (0..SELLERS).map(|who| (seller(who), method.clone())).collect(),
            tax: TaxTable {
                rates: vec![rate],
                exemption: exempt.then(|| (Uuid::from_u128(6).into(), "certificate".into())),
            },
            commissions: vec![CommissionRule {
                id: Uuid::from_u128(7).into(),
                name: "Standard".into(),
                seller_id: None,
                category_id: None,
                starts_at: chrono::DateTime::UNIX_EPOCH,
                terms: CommissionTerms {
                    rate: RatePpm(commission),
                    flat: MinorUnits(fee),
                    minimum: minimum.map(MinorUnits),
                    maximum: maximum.map(MinorUnits),
                },
            }],
            commission_tax: (0..SELLERS).map(|who| (seller(who), RatePpm(vat))).collect(),
        }
    }
}

fn sum_of(steps: &[Step], offer: Option<OfferId>, kinds: &[PriceStepKind]) -> i64 {
    steps.iter().filter(|step| step.offer_id == offer && kinds.contains(&step.kind)).map(|step| step.amount.0).sum()
}

const PAID: &[PriceStepKind] = &[
    PriceStepKind::Base,
    PriceStepKind::Promotion,
    PriceStepKind::Shipping,
    PriceStepKind::Tax,
    PriceStepKind::TaxRelief,
];

const TAX: &[PriceStepKind] = &[PriceStepKind::Tax, PriceStepKind::TaxIncluded];

proptest! {
    #[test]
    fn parts_sum_to_wholes_and_no_line_is_negative(
        items in basket(), promotions in promotions(), world in world(),
    ) {
        let priced = price(&items, &world.terms(&promotions)).unwrap();
        let mut total = 0;
        for part in &priced.parts {
            let mut goods = 0;
            for line in &part.lines {
                prop_assert!(line.total.0 >= 0 && line.discount.0 >= 0 && line.tax.0 >= 0);
                prop_assert!(line.tax <= line.total);
                prop_assert_eq!(line.total.0, line.unit_price.0 * line.quantity - line.discount.0 + line.tax_added.0);
                prop_assert!(line.platform_discount <= line.discount);
                let base = line.total.0 - line.tax.0 + line.platform_discount.0;
                prop_assert!((0..=base).contains(&line.commission.0), "{} of {base}", line.commission.0);
                goods += line.total.0;
            }
            prop_assert!(part.shipping_total.0 >= 0 && part.shipping_platform_discount <= part.shipping_discount);
            prop_assert_eq!(part.shipping_total.0, part.shipping_price.0 - part.shipping_discount.0);
            prop_assert_eq!(part.total.0, goods + part.shipping_total.0 + part.shipping_tax_added.0);
            prop_assert_eq!(
                part.total.0,
                part.items_total.0 - part.discount_total.0 + part.shipping_total.0 + part.tax_added_total.0
            );
            prop_assert!(part.tax_total <= part.total);
            total += part.total.0;
        }
        prop_assert_eq!(priced.total.0, total);
    }

    #[test]
    fn the_steps_add_up_to_every_amount(items in basket(), promotions in promotions(), world in world()) {
        let priced = price(&items, &world.terms(&promotions)).unwrap();
        for part in &priced.parts {
            for line in &part.lines {
                let of = |kinds| sum_of(&part.steps, Some(line.offer_id), kinds);
                prop_assert_eq!(of(PAID), line.total.0);
                prop_assert_eq!(of(TAX), line.tax.0);
                prop_assert_eq!(-of(&[PriceStepKind::Promotion]), line.discount.0);
                prop_assert_eq!(of(&[PriceStepKind::Commission]), line.commission.0);
                prop_assert_eq!(of(&[PriceStepKind::CommissionTax]), line.commission_tax.0);
            }
            prop_assert_eq!(sum_of(&part.steps, None, PAID), part.shipping_total.0 + part.shipping_tax_added.0);
            prop_assert_eq!(sum_of(&part.steps, None, TAX), part.shipping_tax.0);
            for step in &part.steps {
                prop_assert!(step.rounding_ppm.abs() <= 1_000_000, "{step:?}");
            }
        }
    }

    #[test]
    fn each_promotion_keeps_to_its_lines_and_its_cap(
        items in basket(), promotions in promotions(), world in world(),
    ) {
        let priced = price(&items, &world.terms(&promotions)).unwrap();
        let steps: Vec<&Step> = priced.parts.iter().flat_map(|part| &part.steps).collect();
        for terms in &promotions {
            let own: Vec<&&Step> = steps.iter().filter(|step| step.rule_id == Some(terms.id.0)
                && step.kind == PriceStepKind::Promotion).collect();
            let taken: i64 = own.iter().map(|step| -step.amount.0).sum();
            prop_assert_eq!(taken > 0, priced.promotions.contains(&terms.id));
            if let Some(most) = terms.maximum_discount {
                prop_assert!(taken <= most.0);
            }
            if let Gift::Fixed(amount) = terms.gift {
                prop_assert!(taken <= amount.0);
            }
            for step in &own {
                let Some(id) = step.offer_id else { continue };
                let item = items.iter().find(|item| item.offer_id == id).unwrap();
                prop_assert!(terms.seller_id.is_none_or(|only| only == item.seller_id));
                match &terms.target {
                    Target::Order => {}
                    Target::Seller(only) => prop_assert_eq!(*only, item.seller_id),
                    Target::Category(only) => prop_assert!(item.categories.contains(only)),
                    Target::Offers(offers) => prop_assert!(offers.contains(&id)),
                }
            }
        }
    }

    #[test]
    fn an_exclusive_promotion_is_alone_on_its_lines(
        items in basket(), promotions in promotions(), world in world(),
    ) {
        let priced = price(&items, &world.terms(&promotions)).unwrap();
        for part in &priced.parts {
            for line in &part.lines {
                let on_line: Vec<&PromotionTerms> = part.steps.iter()
                    .filter(|step| step.offer_id == Some(line.offer_id) && step.kind == PriceStepKind::Promotion)
                    .map(|step| promotions.iter().find(|terms| Some(terms.id.0) == step.rule_id).unwrap())
                    .collect();
                if on_line.iter().any(|terms| terms.stacking == Stacking::Exclusive) {
                    prop_assert_eq!(on_line.len(), 1);
                }
            }
        }
    }

    #[test]
    fn neither_the_order_of_lines_nor_of_promotions_matters(
        items in basket(), promotions in promotions(), world in world(), turn in 0_usize..200,
    ) {
        let (mut turned, mut reversed) = (items.clone(), promotions.clone());
        turned.rotate_left(turn % items.len());
        reversed.reverse();
        let a = price(&items, &world.terms(&promotions)).unwrap();
        let b = price(&turned, &world.terms(&reversed)).unwrap();
        for (a, b) in a.parts.iter().zip(&b.parts) {
            prop_assert_eq!(&a.lines, &b.lines);
            prop_assert_eq!(&a.steps, &b.steps);
        }
        prop_assert_eq!(a.parts.len(), b.parts.len());
        prop_assert_eq!(a.promotions, b.promotions);
    }
}

fn item(at: usize, who: u8, price: i64, quantity: i64) -> Item {
    Item {
        offer_id: offer(at),
        seller_id: seller(who),
        categories: vec![],
        tax_class: STANDARD.into(),
        unit_price: MinorUnits(price),
        weight_grams: 100,
        quantity,
    }
}

fn terms_of(gift: Gift) -> PromotionTerms {
    PromotionTerms {
        id: Uuid::from_u128(1).into(),
        name: "promotion".into(),
        code: Some("CODE".into()),
        gift,
        seller_id: None,
        target: Target::Order,
        borne_by: Bearer::Platform,
        stacking: Stacking::Combinable,
        priority: 0,
        minimum_spend: MinorUnits::ZERO,
        maximum_discount: None,
    }
}

fn plain(shipping: i64) -> World {
    let method = Shipping {
        method_id: Uuid::from_u128(9).into(),
        name: "Parcel".into(),
        tariff: Tariff::Flat(MinorUnits(shipping)),
        free_over: None,
        days: (1, 3),
    };
    World {
        shipping: (0..SELLERS).map(|who| (seller(who), method.clone())).collect(),
        tax: TaxTable::default(),
        commissions: vec![CommissionRule {
            id: Uuid::from_u128(7).into(),
            name: "Standard".into(),
            seller_id: None,
            category_id: None,
            starts_at: chrono::DateTime::UNIX_EPOCH,
            terms: CommissionTerms { rate: RatePpm(100_000), ..CommissionTerms::default() },
        }],
        commission_tax: BTreeMap::new(),
    }
}

fn discounts(items: &[Item], promotions: &[PromotionTerms]) -> Result<Vec<i64>> {
    let priced = price(items, &plain(0).terms(promotions))?;
    Ok(priced.parts.iter().flat_map(|part| &part.lines).map(|line| line.discount.0).collect())
}

#[test]
fn a_discount_is_spread_by_value_and_the_last_cent_is_not_lost() {
    let items = [item(1, 1, 1000, 1), item(2, 2, 1000, 1), item(3, 3, 1000, 1)];
    let promotions = [terms_of(Gift::Fixed(MinorUnits(100)))];
    let priced = price(&items, &plain(0).terms(&promotions)).unwrap();
    let discounts: Vec<i64> = priced.parts.iter().map(|part| part.discount_total.0).collect();
    assert_eq!(discounts, [34, 33, 33]);
    assert_eq!(priced.parts[0].commission_total.0, 100, "the platform's discount does not lower the commission");
}

#[test]
fn buy_two_get_one_takes_the_cheapest() {
    let gift = Gift::BuyXGetY { buy: 2, get: 1, rate: RatePpm(1_000_000) };
    let items = [item(1, 1, 500, 2), item(2, 1, 300, 3), item(3, 2, 100, 1)];
    assert_eq!(discounts(&items, &[terms_of(gift)]).unwrap(), [0, 300, 100], "six units: two are free");
    assert_eq!(
        discounts(&items[..1], &[terms_of(gift)]).unwrap_err().code,
        Code::CouponNotApplicable,
        "two units: none is free"
    );
    let half = Gift::BuyXGetY { buy: 1, get: 1, rate: RatePpm(500_000) };
    assert_eq!(discounts(&[item(1, 1, 999, 2)], &[terms_of(half)]).unwrap(), [500]);
}

#[test]
fn promotions_follow_each_other_on_what_is_left() {
    let first = PromotionTerms { priority: 1, ..terms_of(Gift::Fixed(MinorUnits(200))) };
    let second =
        PromotionTerms { id: Uuid::from_u128(2).into(), priority: 2, ..terms_of(Gift::Percentage(RatePpm(100_000))) };
    assert_eq!(discounts(&[item(1, 1, 1000, 1)], &[second.clone(), first.clone()]).unwrap(), [280]);
    let alone = PromotionTerms { stacking: Stacking::Exclusive, ..second };
    let error = discounts(&[item(1, 1, 1000, 1)], &[alone, first]).unwrap_err();
    assert_eq!(error.code, Code::CouponNotApplicable);
}

#[test]
fn free_shipping_takes_shipping_and_leaves_goods() {
    let priced = price(
        &[item(1, 1, 1000, 1), item(2, 2, 10, 1)],
        &plain(399).terms(&[PromotionTerms {
            target: Target::Seller(seller(1)),
            minimum_spend: MinorUnits(1000),
            ..terms_of(Gift::Shipping(RatePpm(1_000_000)))
        }]),
    )
    .unwrap();
    let shipping: Vec<(i64, i64)> =
        priced.parts.iter().map(|part| (part.shipping_total.0, part.platform_discount_total.0)).collect();
    assert_eq!(shipping, [(0, 399), (399, 0)]);
}

#[test]
fn a_code_says_why_it_does_not_apply() {
    let items = [item(1, 1, 999, 1)];
    let spend = PromotionTerms { minimum_spend: MinorUnits(1000), ..terms_of(Gift::Fixed(MinorUnits(1))) };
    assert!(discounts(&items, &[spend]).unwrap_err().message.contains("minimum spend"));
    let other = PromotionTerms { target: Target::Seller(seller(2)), ..terms_of(Gift::Fixed(MinorUnits(1))) };
    assert!(discounts(&items, &[other]).unwrap_err().message.contains("not in the cart"));
}

#[test]
fn tax_is_worked_out_of_what_is_left_and_shipping_is_taxed() {
    let rate = |included| TaxTable {
        rates: vec![TaxRate {
            id: Uuid::from_u128(5).into(),
            name: "VAT".into(),
            class: STANDARD.into(),
            rate: RatePpm(190_000),
            of_region: false,
            included,
        }],
        exemption: None,
    };
    let promotions = [terms_of(Gift::Fixed(MinorUnits(100)))];
    let tax = |included| {
        let world = World { tax: rate(included), ..plain(500) };
        let priced = price(&[item(1, 1, 1999, 1)], &world.terms(&promotions)).unwrap();
        (priced.total.0, priced.tax_total.0, priced.tax_added_total.0, priced.parts[0].commission_total.0)
    };
    assert_eq!(tax(false), (1899 + 500 + 361 + 95, 456, 456, 200), "commission of 19.99: the platform makes 1.00 good");
    assert_eq!(tax(true), (1899 + 500, 303 + 80, 0, 170), "18.99 - 3.03 + 1.00, of which a tenth");
}
