//! Text for the fonts that every PDF reader has: WinAnsi letters, their widths, and line breaks.

/// WinAnsi's letters of the bytes 0x80 to 0x9F (Windows code page 1252); the gaps have none.
const SPECIAL: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Helvetica's widths of the bytes 0x20 to 0x7E, in thousandths of the font size (Adobe's metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];

/// No letter beyond ASCII is wider than this; each is taken to be so wide.
const WIDEST: u16 = 1000;

/// Ends a text that does not fit.
const CUT: &[u8] = b"...";

/// `text` in WinAnsi. A letter that WinAnsi lacks is spelled in ASCII as well as that goes
/// (`Łódź` becomes `Lódz`), and one that nobody can spell becomes `?`.
pub fn encode(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{FF}' => encoded.extend(u8::try_from(u32::from(letter))),
            _ => match (0x80_u8..).zip(SPECIAL).find(|(_, special)| *special == letter && letter != '\0') {
                Some((byte, _)) => encoded.push(byte),
                None => {
                    let spelled = deunicode::deunicode_char(letter).unwrap_or("?");
                    encoded.extend(spelled.bytes().filter(|byte| (b' '..=b'~').contains(byte)));
                }
            },
        }
    }
    encoded
}

/// The width in points of encoded `text` at `size` points; never less than it will have.
pub fn width(text: &[u8], size: f32) -> f32 {
    let thousandths: f32 = text
        .iter()
        .map(|byte| f32::from(WIDTHS.get(usize::from(byte.wrapping_sub(b' '))).copied().unwrap_or(WIDEST)))
        .sum();
    thousandths * size / 1000.0
}

/// Breaks encoded `text` into at most `most` lines of at most `limit` points, between words where
/// it can; what is left over is cut, and the cut is shown.
pub fn wrap(text: &[u8], size: f32, limit: f32, most: usize) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let fits = fitting(rest, size, limit).max(1);
        if fits == rest.len() {
            lines.push(rest.to_vec());
            break;
        }
        if lines.len() + 1 == most {
            let room = limit - width(CUT, size);
            lines.push([rest[..fitting(rest, size, room)].trim_ascii_end(), CUT].concat());
            break;
        }
        // A space right after the last letter that fits ends the line as well.
        let line = rest[..=fits].iter().rposition(|byte| *byte == b' ').unwrap_or(fits);
        lines.push(rest[..line].trim_ascii_end().to_vec());
        rest = rest[line..].trim_ascii_start();
    }
    lines
}

/// How many letters of `text` fit into `limit` points.
fn fitting(text: &[u8], size: f32, limit: f32) -> usize {
    let mut taken = 0.0;
    text.iter()
        .take_while(|byte| {
            taken += width(&[**byte], size);
            taken <= limit
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_are_kept_or_spelled() {
        assert_eq!(encode("Große Straße"), b"Gro\xDFe Stra\xDFe");
        assert_eq!(encode("Łódź"), b"L\xF3dz");
        assert_eq!(encode("€ ž"), b"\x80 \x9E");
        assert_eq!(encode("Москва"), b"Moskva");
        assert_eq!(encode("\u{E000}"), b"?");
        assert_eq!(encode("\0\n\u{81}"), b"");
    }

    #[test]
    fn lines_break_between_words_and_are_cut_in_sight() {
        let lines = |text: &[u8], limit, most| -> Vec<String> {
            wrap(text, 10.0, limit, most).into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
        };
        assert_eq!(lines(b"one two three", 1000.0, 2), ["one two three"]);
        assert_eq!(lines(b"one two three", 45.0, 3), ["one two", "three"]);
        assert_eq!(lines(b"one two three", 45.0, 1), ["one two..."]);
        assert_eq!(lines(b"MMMMMM", 26.0, 9), ["MMM", "MMM"]);
        assert!(lines(b"   ", 10.0, 2).is_empty());
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_none_too_many(text in "\\PC{0,200}", limit in 20.0_f32..300.0, most in 1_usize..5) {
            let lines = wrap(&encode(&text), 10.0, limit, most);
            prop_assert!(lines.len() <= most);
            prop_assert!(lines.iter().all(|line| width(line, 10.0) <= limit + 0.01));
        }
    }
}
