//! What must hold of money whatever is asked: shared by a fuzz target and the tests beside this file.

use souk_domain::money::{self, LARGEST_AMOUNT, Money};
use souk_entity::money::{MinorUnits, RatePpm};

/// Reads the bytes as an amount in words and as numbers to calculate with.
///
/// # Panics
/// When a rule of money does not hold.
pub fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        what_is_read_is_shown_and_read_again(text);
    }
    let numbers: Vec<i64> = bytes.chunks_exact(8).map(|eight| i64::from_le_bytes(eight.try_into().unwrap())).collect();
    if let [amount, other, rest @ ..] = numbers.as_slice() {
        sums_are_exact_or_refused(*amount, *other);
        rates_round_half_away_from_zero(*amount, *other);
        slices_add_up(*amount, *other, rest);
        parts_add_up(*amount, &numbers[1..]);
    }
}

fn what_is_read_is_shown_and_read_again(text: &str) {
    for code in ["JPY", "USD", "KWD"] {
        let currency = money::currency(code).unwrap();
        let Ok(read) = Money::parse(text, currency) else { continue };
        assert!((-LARGEST_AMOUNT..=LARGEST_AMOUNT).contains(&read.amount.0), "{text} is {read:?}");
        assert_eq!(Money::parse(&read.to_string(), currency).unwrap(), read, "{text}");
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
        assert!(digits(text) <= digits(&read.to_string()), "{text} is {read}: a digit is lost");
    }
    if let Ok(currency) = money::currency(text) {
        assert!(money::exponent(currency).unwrap() <= 3);
    }
}

fn sums_are_exact_or_refused(a: i64, b: i64) {
    let same = |result: souk_domain::Result<MinorUnits>, exact: i128| {
        assert_eq!(result.ok().map(|amount| amount.0), i64::try_from(exact).ok(), "{a} and {b}");
    };
    let (wide_a, wide_b) = (i128::from(a), i128::from(b));
    same(money::add(MinorUnits(a), MinorUnits(b)), wide_a + wide_b);
    same(money::sub(MinorUnits(a), MinorUnits(b)), wide_a - wide_b);
    same(money::sum([MinorUnits(a), MinorUnits(b)]), wide_a + wide_b);
    same(money::multiply(MinorUnits(a), b), wide_a * wide_b);
}

/// `rate` is taken without its sign: souk has no negative rates.
fn rates_round_half_away_from_zero(amount: i64, rate: i64) {
    let rate = rate.saturating_abs();
    let product = i128::from(amount) * i128::from(rate);
    for (result, divisor) in [
        (money::rate_of(MinorUnits(amount), RatePpm(rate)), money::MILLION),
        (money::contained(MinorUnits(amount), RatePpm(rate)), money::MILLION + i128::from(rate)),
    ] {
        let Ok(rounded) = result else { continue };
        let back = i128::from(rounded.0) * divisor;
        let off = (back - product).abs() * 2;
        assert!(off < divisor || off == divisor && back.abs() > product.abs(), "{rate} ppm of {amount}: {rounded:?}");
    }
}

fn slices_add_up(amount: i64, whole: i64, cuts: &[i64]) {
    let slice = |part| money::slice(MinorUnits(amount), part, whole);
    if whole <= 0 {
        assert!(slice(0).is_err());
        return;
    }
    let mut cuts: Vec<i64> = cuts.iter().map(|cut| cut.rem_euclid(whole)).chain([whole]).collect();
    cuts.sort_unstable();
    let (mut before, mut refunded) = (slice(0).unwrap().0, 0_i128);
    assert_eq!(before, 0);
    for cut in cuts {
        let now = slice(cut).unwrap().0;
        let piece = i128::from(now) - i128::from(before);
        assert!(piece == 0 || (piece > 0) == (amount > 0), "{piece} of {amount}");
        refunded += piece;
        before = now;
    }
    assert_eq!(refunded, i128::from(amount));
}

fn parts_add_up(amount: i64, weights: &[i64]) {
    let weights: Vec<MinorUnits> = weights.iter().copied().map(MinorUnits).collect();
    let result = money::divide(MinorUnits(amount), &weights);
    if amount < 0 || weights.iter().any(|weight| weight.0 < 0) {
        assert!(result.is_err(), "{amount} by {weights:?}");
        return;
    }
    let parts = result.unwrap();
    assert_eq!(parts.iter().map(|part| i128::from(part.0)).sum::<i128>(), i128::from(amount));
    let total: i128 = weights.iter().map(|weight| i128::from(weight.0)).sum();
    for (part, weight) in parts.iter().zip(&weights).filter(|_| total > 0) {
        let off = i128::from(part.0) * total - i128::from(amount) * i128::from(weight.0);
        assert!(off.abs() < total, "{} of {amount} for {} of {total}", part.0, weight.0);
    }
}
