//! Numbers of payment cards, found in any text, so that none is ever stored or logged.
//!
//! Nothing here takes cards: shoppers pay at the provider. But people paste what they have at hand
//! into notes, names and reasons, and one number kept makes the whole database one of card data.
//!
//! A number is taken for a card's when it begins as an issuer's do, has a length that issuer uses,
//! its check digit is right (ISO/IEC 7812-1), and it stands alone or is divided as on a card: it is
//! no part of a longer word, of a UUID or of an IBAN. Its digits are those of any script. Of random
//! numbers of 16 digits about one in fifty is taken for one; of those that count or tell a time
//! almost none, as no issuer has 1.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

/// Issuers by what their numbers begin with and how long they are: ISO/IEC 7812 as the networks
/// have published it. Visa's 13 digits are long gone, and would be taken for barcodes of books.
const ISSUERS: &[(Range<u32>, usize, &[usize])] = &[
    // Visa
    (4..5, 1, &[16, 19]),
    // Mastercard
    (51..56, 2, &[16]),
    (2221..2721, 4, &[16]),
    // American Express
    (34..35, 2, &[15]),
    (37..38, 2, &[15]),
    // Diners Club
    (300..306, 3, &[14, 16, 19]),
    (3095..3096, 4, &[14, 16, 19]),
    (36..37, 2, &[14, 16, 19]),
    (38..40, 2, &[14, 16, 19]),
    // Discover
    (6011..6012, 4, &[16, 19]),
    (644..660, 3, &[16, 19]),
    // JCB
    (3528..3590, 4, &[16, 17, 18, 19]),
    // UnionPay
    (62..63, 2, &[16, 17, 18, 19]),
    (81..83, 2, &[16, 17, 18, 19]),
    // Maestro
    (5018..5019, 4, &[16, 18, 19]),
    (5020..5021, 4, &[16, 18, 19]),
    (5038..5039, 4, &[16, 18, 19]),
    (5893..5894, 4, &[16, 18, 19]),
    (6304..6305, 4, &[16, 18, 19]),
    (6759..6764, 4, &[16, 18, 19]),
    // Mir
    (2200..2205, 4, &[16, 19]),
    // RuPay
    (508..509, 3, &[16]),
    (60..61, 2, &[16]),
    // Troy
    (9792..9793, 4, &[16]),
    // Elo
    (5067..5068, 4, &[16]),
    (509..510, 3, &[16]),
];

/// The fewest and the most digits of a card's number.
const DIGITS: std::ops::RangeInclusive<usize> = 14..=19;

/// What may stand between the groups of a number, up to [`WIDEST_GAP`] of them.
const SEPARATORS: [char; 9] =
    [' ', '-', '\u{a0}', '\u{202f}', '\u{2009}', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}'];

const WIDEST_GAP: usize = 3;

/// What else divides groups of digits, but of versions, addresses, dates and lists as well: it counts only where a
/// card's own groups ([`SHAPES`]) have the same between them all.
const DIVIDERS: [&str; 5] = [".", "/", "_", "\n", "\r\n"];

/// How numbers stand on cards.
const SHAPES: [&[usize]; 2] = [&[4, 4, 4, 4], &[4, 6, 5]];

/// The zeros of all scripts that count by tens; the other nine digits follow each (Unicode 17.0, general category Nd).
#[rustfmt::skip]
const ZEROS: [char; 77] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}', '\u{c66}',
    '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{1090}', '\u{17e0}', '\u{1810}',
    '\u{1946}', '\u{19d0}', '\u{1a80}', '\u{1a90}', '\u{1b50}', '\u{1bb0}', '\u{1c40}', '\u{1c50}', '\u{a620}',
    '\u{a8d0}', '\u{a900}', '\u{a9d0}', '\u{a9f0}', '\u{aa50}', '\u{abf0}', '\u{ff10}', '\u{104a0}', '\u{10d30}',
    '\u{10d40}', '\u{11066}', '\u{110f0}', '\u{11136}', '\u{111d0}', '\u{112f0}', '\u{11450}', '\u{114d0}',
    '\u{11650}', '\u{116c0}', '\u{116d0}', '\u{116da}', '\u{11730}', '\u{118e0}', '\u{11950}', '\u{11bf0}',
    '\u{11c50}', '\u{11d50}', '\u{11da0}', '\u{11de0}', '\u{11f50}', '\u{16130}', '\u{16a60}', '\u{16ac0}',
    '\u{16b50}', '\u{16d70}', '\u{1ccf0}', '\u{1d7ce}', '\u{1d7d8}', '\u{1d7e2}', '\u{1d7ec}', '\u{1d7f6}',
    '\u{1e140}', '\u{1e2f0}', '\u{1e4f0}', '\u{1e5f1}', '\u{1e950}', '\u{1fbf0}',
];

/// The longest IBAN.
const IBAN: usize = 34;

/// A digit of any script.
fn digit(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    let zero = ZEROS.get(ZEROS.partition_point(|zero| *zero <= c).checked_sub(1)?)?;
    Some(u32::from(c) - u32::from(*zero)).filter(|digit| *digit < 10)
}

fn is_digit(c: char) -> bool {
    digit(c).is_some()
}

/// Whether a text holds what looks like the number of a payment card.
pub fn found_in(text: &str) -> bool {
    !places(text).is_empty()
}

/// Whether a JSON value holds one: in a text, a name or a number.
pub fn found_in_json(value: &Value) -> bool {
    match value {
        Value::String(text) => found_in(text),
        Value::Number(number) => found_in(&number.to_string()),
        Value::Array(values) => values.iter().any(found_in_json),
        Value::Object(fields) => fields.iter().any(|(name, value)| found_in(name) || found_in_json(value)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Whether JSON as it is written holds one, also in digits that are written as escapes. All of it is looked at,
/// whole or broken, because a reader of JSON takes only the last of two equal names.
pub fn found_in_written(json: &str) -> bool {
    found_in(json) || (json.contains('\\') && found_in(&unescaped(json)))
}

/// JSON as it is written, with its escapes replaced by what they stand for; half a surrogate pair stands for nothing.
fn unescaped(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        rest = match (code_unit(escape), escape.chars().next()) {
            (Some(first), _) => {
                let after = escape.get(5..).unwrap_or_default();
                let second = after.strip_prefix('\\').and_then(code_unit);
                let pair = || char::decode_utf16([first, second?]).next()?.ok();
                let (c, after) = match (char::decode_utf16([first]).next(), pair()) {
                    (Some(Ok(c)), _) => (c, after),
                    (_, Some(c)) => (c, after.get(6..).unwrap_or_default()),
                    _ => (char::REPLACEMENT_CHARACTER, after),
                };
                plain.push(c);
                after
            }
            (None, Some(c)) => {
                plain.push(match c {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    other => other,
                });
                escape.get(c.len_utf8()..).unwrap_or_default()
            }
            (None, None) => "",
        };
    }
    plain.push_str(rest);
    plain
}

/// The number of an escape such as `u0034`.
fn code_unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// The text with an asterisk for each digit of a card's number.
pub fn masked(text: &str) -> Cow<'_, str> {
    let places = places(text);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let hidden = |at: usize| places.iter().any(|place| place.contains(&at));
    text.char_indices().map(|(at, c)| if is_digit(c) && hidden(at) { '*' } else { c }).collect()
}

/// What came from outside and is kept as it came: JSON or text without the numbers of cards in it.
/// What has none is returned as it is, byte by byte.
pub fn masked_body(body: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(body);
    let written = found_in_written(&text);
    if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
        if !written && !found_in_json(&value) {
            return Cow::Borrowed(body);
        }
        // Of two equal names the first is gone with this.
        mask_json(&mut value);
        return Cow::Owned(value.to_string().into_bytes());
    }
    if !written {
        return Cow::Borrowed(body);
    }
    let hidden = masked(&text);
    let hidden = if found_in_written(&hidden) { masked(&unescaped(&hidden)).into_owned() } else { hidden.into_owned() };
    Cow::Owned(hidden.into_bytes())
}

fn mask_json(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(hidden) = masked(text) {
                *text = hidden;
            }
        }
        Value::Number(number) => {
            if let Cow::Owned(hidden) = masked(&number.to_string()) {
                *value = Value::String(hidden);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask_json),
        Value::Object(fields) => {
            let before = std::mem::take(fields);
            fields.extend(before.into_iter().map(|(name, mut value)| {
                mask_json(&mut value);
                (masked(&name).into_owned(), value)
            }));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// A word: letters, digits and `_` in a row.
struct Word {
    place: Range<usize>,
    /// It is all digits, and no part of what is known to be something else.
    number: bool,
    /// It follows the word before it after no more than separators.
    follows: bool,
}

/// Where the numbers are, in bytes.
fn places(text: &str) -> Vec<Range<usize>> {
    if text.chars().filter(|c| is_digit(*c)).count() < *DIGITS.start() {
        return Vec::new();
    }
    let mut words = words(text);
    let mut found = in_shapes(text);
    // What is found already is no part of another.
    for word in &mut words {
        let after = found.partition_point(|card| card.start <= word.place.start);
        let card = after.checked_sub(1).and_then(|at| found.get(at));
        word.number &= card.is_none_or(|card| card.end <= word.place.start);
    }
    pass_over_uuids(text, &mut words);
    pass_over_ibans(text, &mut words);
    let mut rest = &words[..];
    while let Some(first) = rest.iter().position(|word| word.number) {
        let after = rest.get(first + 1..).unwrap_or_default();
        let length = 1 + after.iter().take_while(|word| word.number && word.follows).count();
        let (run, others) = rest.get(first..).unwrap_or_default().split_at(length);
        in_run(text, run, &mut found);
        rest = others;
    }
    found
}

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut gap, mut close) = (0, false);
    let mut inside = false;
    for (at, c) in text.char_indices() {
        if c.is_alphanumeric() || is_digit(c) || c == '_' {
            let end = at + c.len_utf8();
            match words.last_mut() {
                Some(word) if inside => {
                    word.place.end = end;
                    word.number &= is_digit(c);
                }
                _ => words.push(Word { place: at..end, number: is_digit(c), follows: close }),
            }
            (inside, gap, close) = (true, 0, true);
        } else {
            gap += 1;
            inside = false;
            close &= gap <= WIDEST_GAP && SEPARATORS.contains(&c);
        }
    }
    words
}

/// Numbers that stand as on a card between [`DIVIDERS`], in the order of the text.
fn in_shapes(text: &str) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| is_digit(*c)) {
        match groups.last_mut() {
            Some(group) if group.end == at => group.end += c.len_utf8(),
            _ => groups.push(at..at + c.len_utf8()),
        }
    }
    let fits = |groups: &[Range<usize>], shape: &[usize]| {
        let digits = |group: &Range<usize>| text.get(group.clone()).unwrap_or_default().chars().filter_map(digit);
        let mut gaps = groups.windows(2).map(|pair| match pair {
            [a, b] => text.get(a.end..b.start).unwrap_or_default(),
            _ => "",
        });
        let place = groups.first()?.start..groups.last()?.end;
        let gap = gaps.next().filter(|gap| DIVIDERS.contains(gap) && gaps.all(|other| other == *gap))?;
        let sized = groups.iter().zip(shape).all(|(group, size)| digits(group).take(size + 1).count() == *size);
        let is_number = || is_card(&groups.iter().flat_map(digits).collect::<Vec<_>>());
        (sized && is_number() && stands_alone(text, &place, gap)).then_some(place)
    };
    let shaped = |first: usize| SHAPES.iter().find_map(|shape| fits(groups.get(first..first + shape.len())?, shape));
    (0..groups.len()).filter_map(shaped).collect()
}

/// Whether what is divided by `gap` neither begins within a word nor goes on beyond its place. Lines go on where the
/// next is all digits. A number that was hidden still counts, or hiding one would uncover another.
fn stands_alone(text: &str, place: &Range<usize>, gap: &str) -> bool {
    let (before, after) = (text.get(..place.start).unwrap_or_default(), text.get(place.end..).unwrap_or_default());
    let glued = |next: Option<char>| next.is_some_and(|c| c.is_alphanumeric() || (c == '_' && gap != "_"));
    !glued(before.chars().next_back())
        && !glued(after.chars().next())
        && !before.strip_suffix(gap).is_some_and(|rest| goes_on(gap, rest.chars().rev()))
        && !after.strip_prefix(gap).is_some_and(|rest| goes_on(gap, rest.chars()))
}

fn goes_on(gap: &str, mut beyond: impl Iterator<Item = char>) -> bool {
    if !gap.ends_with('\n') {
        return beyond.next().is_some_and(|c| c == '*' || c.is_alphanumeric());
    }
    let mut line = beyond.take_while(|c| !matches!(c, '\r' | '\n')).peekable();
    line.peek().is_some() && line.all(|c| c == '*' || is_digit(c))
}

fn pass_over_uuids(text: &str, words: &mut [Word]) {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    for first in 0..words.len().saturating_sub(GROUPS.len() - 1) {
        let Some(groups) = words.get_mut(first..first + GROUPS.len()) else { return };
        let fits = groups.iter().zip(GROUPS).all(|(word, length)| {
            let group = text.get(word.place.clone()).unwrap_or_default();
            group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let dashed =
            groups.windows(2).all(|pair| matches!(pair, [a, b] if text.get(a.place.end..b.place.start) == Some("-")));
        if fits && dashed {
            groups.iter_mut().for_each(|word| word.number = false);
        }
    }
}

/// An IBAN begins with a country and two check digits; written in groups of four, those after the
/// first may look like a card.
fn pass_over_ibans(text: &str, words: &mut [Word]) {
    for first in 0..words.len() {
        let mut iban = String::new();
        let mut last = None;
        for (at, word) in words.iter().enumerate().skip(first).take(IBAN / 2) {
            let group = text.get(word.place.clone()).unwrap_or_default();
            let begins = group.len() >= 4
                && group.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
                && group.bytes().skip(2).take(2).all(|byte| byte.is_ascii_digit());
            let goes_on = group.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            if !goes_on || (at == first && !begins) || (at > first && !word.follows) || iban.len() + group.len() > IBAN
            {
                break;
            }
            iban.push_str(group);
            if iban.len() >= 15 && is_iban(&iban) {
                last = Some(at);
            }
        }
        if let Some(last) = last {
            words.iter_mut().take(last + 1).skip(first).for_each(|word| word.number = false);
        }
    }
}

/// ISO 13616: the first four characters behind the others, letters as 10 to 35, is 1 modulo 97.
fn is_iban(iban: &str) -> bool {
    let (country, account) = iban.split_at_checked(4).unwrap_or_default();
    let value = account.chars().chain(country.chars()).filter_map(|c| c.to_digit(36));
    value.fold(0, |rest, digit| (rest * if digit > 9 { 100 } else { 10 } + digit) % 97) == 1
}

/// Looks at a run of numbers with no more than separators between them: at parts of it that are
/// divided as on a card, as an expiry date may follow, and at what is left as a whole, however it
/// is divided.
fn in_run(text: &str, mut run: &[Word], found: &mut Vec<Range<usize>>) {
    let mut first = 0;
    while first < run.len() {
        match longest(text, run, first) {
            Some(length) => {
                let (before, from) = run.split_at(first);
                let (card, after) = from.split_at(length);
                found.extend(place(before).filter(|_| longest(text, before, 0) == Some(before.len())));
                found.extend(place(card));
                (run, first) = (after, 0);
            }
            None => first += 1,
        }
    }
}

/// How many words from `first` on are the number of a card.
fn longest(text: &str, run: &[Word], first: usize) -> Option<usize> {
    let (mut digits, mut groups) = (Vec::new(), Vec::new());
    let mut found = None;
    for (at, word) in run.iter().enumerate().skip(first) {
        let group = text.get(word.place.clone()).unwrap_or_default();
        let before = digits.len();
        digits.extend(group.chars().filter_map(digit).take(*DIGITS.end() + 1));
        if digits.len() > *DIGITS.end() {
            break;
        }
        groups.push(digits.len() - before);
        let whole = first == 0 && at + 1 == run.len();
        let alone = run.len() == 1 && is_barcode(&digits) && is_all_there_is(text, &word.place);
        if (whole || as_on_a_card(&groups)) && is_card(&digits) && !alone {
            found = Some(groups.len());
        }
    }
    found
}

fn place(words: &[Word]) -> Option<Range<usize>> {
    Some(words.first()?.place.start..words.last()?.place.end)
}

fn as_on_a_card(groups: &[usize]) -> bool {
    match groups {
        [_] | [4, 6, 4 | 5] | [6, 13] | [8, 8] => true,
        [fours @ .., last] => fours.len() >= 3 && fours.iter().all(|group| *group == 4) && *last <= 4,
        [] => false,
    }
}

fn is_card(digits: &[u32]) -> bool {
    let begins = |length: usize| digits.iter().take(length).fold(0, |number, digit| number * 10 + digit);
    let issued = ISSUERS
        .iter()
        .any(|(range, length, lengths)| lengths.contains(&digits.len()) && range.contains(&begins(*length)));
    issued && luhn(digits)
}

/// The check digit of ISO/IEC 7812-1: every second digit from the last but one counts twice.
fn luhn(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().zip([1, 2].into_iter().cycle()).map(|(digit, weight)| match digit * weight {
        two @ 10.. => two - 9,
        one => one,
    });
    weighed.sum::<u32>() % 10 == 0
}

/// A GTIN-14, as on a case of goods, with the check digit that GS1 gives it.
fn is_barcode(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight);
    digits.len() == 14 && weighed.sum::<u32>() % 10 == 0
}

/// Whether a place is a whole value, or a whole cell of a file: a barcode in a sentence is taken for
/// the card that it may be.
fn is_all_there_is(text: &str, place: &Range<usize>) -> bool {
    const ENDS: [char; 5] = [',', ';', '"', '\t', '\n'];
    let before = text.get(..place.start).unwrap_or_default().trim_end_matches([' ', '\r']);
    let after = text.get(place.end..).unwrap_or_default().trim_start_matches([' ', '\r']);
    (before.is_empty() || before.ends_with(ENDS)) && (after.is_empty() || after.starts_with(ENDS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Test numbers that providers and networks publish; no one's.
    const CARDS: [&str; 16] = [
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4000056655665556",
        "5555555555554444",
        "5105105105105100",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "6011000990139424",
        "3056930009020004",
        "36227206271667",
        "3566002020360505",
        "6200000000000005",
        "2200000000000004",
    ];

    #[test]
    fn cards_are_found_however_they_are_written() {
        for card in CARDS {
            assert!(found_in(card), "{card}");
            for text in [
                format!("my card is {card}, thanks"),
                format!("{card} 12/27 123"),
                format!("no. 7 {card}"),
                format!("\u{201e}{card}\u{201c}"),
                format!("+{card}"),
                format!("-{card}"),
                format!("ü {card}."),
                format!("019aa0f1-7e1c-7d3a-8c55-0f8e3b6c2a41 {card}"),
                format!("a\t{card}\nb"),
            ] {
                assert!(found_in(&text), "{text}");
                let hidden = masked(&text).into_owned();
                assert!(!found_in(&hidden) && hidden.contains("****") && !hidden.contains(card), "{hidden}");
                assert_eq!(hidden.chars().count(), text.chars().count());
            }
        }
        for divided in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111 1111 1111 1111 12 27 123",
            "order 12 4111 1111 1111 1111",
            "3782 822463 10005",
            "3056 930009 020004",
            "3622 720627 1667 by mail",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111 - 1111 - 1111 - 1111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "41 11 11 11 11 11 11 11",
            "411111111111 1111",
            "4111.1111.1111.1111",
            "card: 4111/1111/1111/1111 12/27",
            "4111_1111_1111_1111.",
            "my card\n4111\n1111\n1111\n1111\n12/27",
            "4111\r\n1111\r\n1111\r\n1111",
            "3782.822463.10005",
            "\u{ff14}\u{ff11}\u{ff11}\u{ff11} 1111 1111 1111",
            "\u{664}\u{661}11111111111111",
            "\u{1d7d2}111.1111.1111.1111",
        ] {
            assert!(found_in(divided), "{divided}");
            assert!(!found_in(&masked(divided)), "{divided}");
        }
    }

    #[test]
    fn what_is_no_card_is_none() {
        for text in [
            "",
            "4111111111111112",
            "4111111111111111x",
            "x4111111111111111",
            "ref_4111111111111111",
            "41111111111111111111",
            "9400111899223197428490",
            "4006381333931",
            "9783161484100",
            "1234567890128",
            "0000000000000000",
            "1764313200000000",
            "20261128101530",
            "+49 151 23456789",
            "+1 (415) 555-2671, +44 20 7946 0958",
            "2026-11-28 10:15:30",
            "ORD-2026-00004-1",
            "GB82 WEST 1234 5698 7654 32",
            "DE89 3704 0044 0532 0130 00",
            "1,000,000,000,000,000.00",
            "9223372036854775807",
            "4111.1111.1111.1112",
            "4111.1111-1111.1111",
            "41111111.11111111",
            "1.4111.1111.1111.1111",
            "4111.1111.1111.1111.x",
            "v4111.1111.1111.1111",
            "ref_4111_1111_1111_1111",
            "a/4111/1111/1111/1111",
            "1234\n4111\n1111\n1111\n1111\n1234",
            "4111\n1111\n1111\n1111\n1111",
            "3782\n822463\n10005\n1",
        ] {
            assert!(!found_in(text), "{text}");
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn an_iban_in_groups_is_no_card() {
        // Its groups from the second on would be Visa's.
        let account = (0..10_000)
            .map(|last| format!("411111111111{last:04}"))
            .find(|account| luhn(&account.bytes().map(|byte| u32::from(byte - b'0')).collect::<Vec<_>>()))
            .unwrap();
        let iban = (2..99).map(|check| format!("PT{check:02}{account}12345")).find(|iban| is_iban(iban)).unwrap();
        let groups: Vec<&str> = (0..iban.len()).step_by(4).map(|at| &iban[at..iban.len().min(at + 4)]).collect();
        assert!(!found_in(&groups.join(" ")), "{groups:?}");
        assert!(!found_in(&format!("pay to {}, please", groups.join(" "))));
        assert!(found_in(&groups[1..].join(" ")), "without what makes it one it is a card");
    }

    #[test]
    fn a_barcode_of_a_case_is_no_card_where_it_is_the_value() {
        let digits = |number: u64| number.to_string().bytes().map(|byte| u32::from(byte - b'0')).collect::<Vec<_>>();
        let both = (36_000_000_000_000_u64..).find(|number| is_card(&digits(*number)) && is_barcode(&digits(*number)));
        let barcode = both.unwrap().to_string();
        assert!(!found_in(&barcode));
        assert!(!found_in(&format!("{barcode},Main,5")) && !found_in(&format!("\"{barcode}\"")));
        assert!(found_in(&format!("my card {barcode}")));
    }

    #[test]
    fn json_is_kept_without_cards_and_untouched_where_it_has_none() {
        let plain = br#"{ "b": 1.0, "a": "x" }"#;
        assert_eq!(masked_body(plain).as_ref(), plain);
        assert_eq!(masked_body(b"\xff\xfe").as_ref(), b"\xff\xfe");
        let body = br#"{"note":"\u0034111111111111111","number":4242424242424242,"list":["378282246310005",1],"5555555555554444":null}"#;
        let kept: Value = serde_json::from_slice(&masked_body(body)).unwrap();
        let expected = json!({"note": "****************", "number": "****************",
                              "list": ["***************", 1], "****************": null});
        assert_eq!(kept, expected);
        assert_eq!(masked_body(b"not JSON 4111111111111111").as_ref(), b"not JSON ****************");
        let twice = br#"{"note":"4111 1111 1111 1111","note":"a\\b"}"#;
        assert_eq!(masked_body(twice).as_ref(), br#"{"note":"a\\b"}"#, "what is not read is not kept");
        let broken = masked_body(br#"{"note":"\u0034111111111111111""#).into_owned();
        assert_eq!(broken, br#"{"note":"****************""#);
    }

    #[test]
    fn written_json_is_looked_at_as_a_whole_and_without_its_escapes() {
        for json in [
            r#"{"a":"4111 1111 1111 1111","a":"x\\y"}"#,
            r#"{"a":"\u0034\u0031\u0031\u00311111 1111 1111","a":1}"#,
            r#"{"a":"\u00341111 1111 1111111""#,
            r#"{"\u0034111111111111111":1"#,
            r#"{"a":"4111\u00201111\u00201111\u00201111"}"#,
            r#"["\\\u0034111111111111111"]"#,
            r#"["\u0034111111111111111"#,
        ] {
            assert!(found_in_written(json), "{json}");
        }
        for json in [r#"{"a":"\\u0034111111111111111"}"#, r#"["\u003","\"#, r#"{"a":"4111\n2"}"#, "\\u\u{e9}\u{e9}"] {
            assert!(!found_in_written(json), "{json}");
        }
        assert_eq!(unescaped(r#"\ud835\udfd2 \ud835\u0041 \udfd2\n\"\/\x\"#), "\u{1d7d2} \u{fffd}A \u{fffd}\n\"/x");
    }

    /// The same digits in another script.
    fn in_script(number: &str, zero: char) -> String {
        number.chars().map(|c| char::from_u32(u32::from(zero) + c.to_digit(10).unwrap()).unwrap()).collect()
    }

    /// Digits of an issuer with the right check digit.
    fn card() -> impl Strategy<Value = String> {
        let issuer = prop::sample::select(ISSUERS.iter().collect::<Vec<_>>());
        issuer
            .prop_flat_map(|(range, _, lengths)| {
                (range.clone(), prop::sample::select(lengths.to_vec()), prop::collection::vec(0_u32..10, 19))
            })
            .prop_map(|(begins, length, more)| {
                let mut digits: Vec<u32> = begins.to_string().bytes().map(|byte| u32::from(byte - b'0')).collect();
                digits.extend(more);
                digits.truncate(length);
                for check in 0..10 {
                    digits[length - 1] = check;
                    if luhn(&digits) {
                        break;
                    }
                }
                digits.iter().map(u32::to_string).collect()
            })
            .prop_filter("a barcode that is alone passes", |card: &String| {
                !is_barcode(&card.bytes().map(|byte| u32::from(byte - b'0')).collect::<Vec<_>>())
            })
    }

    proptest! {
        #[test]
        fn every_card_is_found_and_hidden(
            card in card(),
            before in "([a-zß<('\" ]{0,8}[ :,(])?",
            after in "([ .,:)][a-zß>)'\" ]{0,8})?",
            every in prop::sample::select(vec![0, 1, 2, 3, 4]),
            separator in prop::sample::select(vec![" ", "-", "\u{2013}"]),
            zero in prop::sample::select(ZEROS.to_vec()),
        ) {
            let card = in_script(&card, zero);
            let divided = match every {
                0 => card.clone(),
                every => {
                    let bytes: Vec<char> = card.chars().collect();
                    let groups = bytes.chunks(every).map(|group| group.iter().collect::<String>());
                    groups.collect::<Vec<_>>().join(separator)
                }
            };
            let text = format!("{before}{divided}{after}");
            prop_assert!(found_in(&text), "{}", text);
            let hidden = masked(&text);
            prop_assert!(!found_in(&hidden));
            prop_assert!(!hidden.contains(is_digit), "{}", hidden);
        }

        #[test]
        fn cards_as_they_are_printed_are_found_between_any_dividers(
            card in card().prop_filter("printed in groups", |card| matches!(card.len(), 15 | 16)),
            before in "([a-z]{1,8}[ :,(\n])?",
            after in "([ ,:)\n][a-z]{1,8})?",
            divider in prop::sample::select(DIVIDERS.to_vec()),
            zero in prop::sample::select(ZEROS.to_vec()),
            other in "[0-9]{1,6}",
        ) {
            let sizes: &[usize] = if card.len() == 16 { SHAPES[0] } else { SHAPES[1] };
            let mut rest = in_script(&card, zero).chars().collect::<Vec<_>>().into_iter();
            let groups: Vec<String> = sizes.iter().map(|size| rest.by_ref().take(*size).collect()).collect();
            let divided = groups.join(divider);
            let text = format!("{before}{divided}{after}");
            prop_assert!(found_in(&text), "{:?}", text);
            let hidden = masked(&text);
            prop_assert!(!found_in(&hidden) && !hidden.contains(is_digit), "{:?}", hidden);
            for longer in [format!("{other}{divider}{divided}"), format!("{divided}{divider}{other}")] {
                let kept = masked(&longer);
                prop_assert_eq!(kept.as_ref(), longer.as_str());
            }
        }

        #[test]
        fn digits_of_every_script_are_known(text in "\\p{Nd}{1,20}", other in "[\\p{L}\\p{M}\\p{P}\\p{S}\\p{Z}]{1,20}") {
            prop_assert!(text.chars().all(is_digit), "{:?}", text);
            prop_assert!(!other.contains(is_digit), "{:?}", other);
        }

        #[test]
        fn uuids_hashes_and_barcodes_are_no_cards(id in any::<u128>(), digits in "[0-9]{32}", gtin in 0_u64..10_000_000_000_000) {
            let of = |hex: &str| uuid::Uuid::try_parse(hex).unwrap().to_string();
            prop_assert!(!found_in(&uuid::Uuid::from_u128(id).to_string()));
            // The rarest of them: no letter in it.
            prop_assert!(!found_in(&of(&digits)), "{}", digits);
            prop_assert!(!found_in(&digits));
            let (barcode, token) = (format!("{gtin:013}"), format!("{gtin:016}x{gtin:016}"));
            prop_assert!(!found_in(&barcode) && !found_in(&token));
        }

        #[test]
        fn escaped_text_is_what_it_stands_for(text in ".{0,40}") {
            let written = serde_json::to_string(&text).unwrap();
            let unescaped = unescaped(&written);
            prop_assert_eq!(&unescaped[1..unescaped.len() - 1], &text);
            let all: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            prop_assert_eq!(super::unescaped(&all), text);
        }

        #[test]
        fn any_text_is_looked_at_and_hidden_text_has_none(text in "[0-9 \\-aé\u{2013},./_\n\u{ff14}]{0,80}|(4[01]{3}[./ _\n*]){0,12}") {
            let hidden = masked(&text);
            prop_assert_eq!(found_in(&text), hidden != text);
            prop_assert!(!found_in(&hidden), "{} {}", text, hidden);
        }
    }
}
