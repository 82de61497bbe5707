//! The label in Zebra's printer language, for 8 dots per millimetre (203 per inch).

use std::fmt::Write;

use super::code128::{Code128, QUIET_ZONE};
use super::{Label, address_lines, plain};

/// 4 x 6 inches, in dots.
const PAGE_WIDTH: u16 = 812;
const PAGE_HEIGHT: u16 = 1218;
const MARGIN: u16 = 40;
/// The two addresses, of five lines each, end above this.
const BELOW_ADDRESSES: u16 = 755;

/// Writes the label with the barcode of its tracking number.
pub fn render(label: &Label<'_>, barcode: &Code128) -> String {
    let mut zpl = format!("^XA\n^CI28\n^PW{PAGE_WIDTH}\n^LL{PAGE_HEIGHT}\n");
    let mut top = 40;
    text(&mut zpl, &mut top, 45, 1, "SIMULATED CARRIER");
    text(&mut zpl, &mut top, 22, 1, "For testing. No carrier takes this parcel.");
    rule(&mut zpl, &mut top);
    text(&mut zpl, &mut top, 22, 1, "FROM");
    for line in address_lines(label.from) {
        text(&mut zpl, &mut top, 24, 1, &line);
    }
    rule(&mut zpl, &mut top);
    text(&mut zpl, &mut top, 26, 1, "SHIP TO");
    for line in address_lines(label.to) {
        text(&mut zpl, &mut top, 34, 2, &line);
    }

    let mut top = BELOW_ADDRESSES;
    text(&mut zpl, &mut top, 26, 1, &format!("Weight {}   Ref {}", label.weight(), plain(label.reference)));
    let module = (PAGE_WIDTH / (barcode.width() + 2 * QUIET_ZONE)).clamp(1, 4);
    let left = PAGE_WIDTH.saturating_sub(barcode.width() * module) / 2;
    let mut top = 1090;
    // Writing to a string cannot fail.
    let _ = writeln!(zpl, "^BY{module}^FO{left},810^BCN,250,N,N,N^FD{}^FS", barcode.zpl());
    text(&mut zpl, &mut top, 56, 1, &label.spaced_tracking_number());
    zpl.push_str("^XZ\n");
    zpl
}

/// A field of at most `most` lines, `height` dots each; `top` moves below it. The printer breaks
/// lines by itself, so all lines are taken to be used. What does not fit it would print over the
/// last line, so a text is cut where letters of 0.6 times their height fill the lines.
fn text(zpl: &mut String, top: &mut u16, height: u16, most: u16, text: &str) {
    let width = PAGE_WIDTH - 2 * MARGIN;
    let room = usize::from(most * (width * 10 / (height * 6)));
    let mut text = text.to_owned();
    if let Some((cut, _)) = text.char_indices().nth(room) {
        text.truncate(cut);
        text.push_str("...");
    }
    // Writing to a string cannot fail.
    let _ = writeln!(zpl, "^FO{MARGIN},{top}^A0N,{height}^FB{width},{most},0,L^FH^FD{}^FS", escape(&text));
    *top += height * most + 6;
}

fn rule(zpl: &mut String, top: &mut u16) {
    let width = PAGE_WIDTH - 2 * MARGIN;
    // Writing to a string cannot fail.
    let _ = writeln!(zpl, "^FO{MARGIN},{top}^GB{width},2,2^FS", top = *top + 6);
    *top += 20;
}

/// Text for a field after `^FH`: what the printer would take for a command, or for the escape
/// itself, is written as the escape `_` and two hexadecimal digits.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '^' | '~' | '\\' | '_' => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "_{:02X}", u32::from(letter));
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    const NUMBER: &str = "SIM1234567890128";

    fn label_of(text: &str) -> String {
        let address = samples::address(text);
        let label =
            Label { tracking_number: NUMBER, reference: text, from: &address, to: &address, weight_grams: 1_250 };
        render(&label, &Code128::new(NUMBER).unwrap())
    }

    /// The commands of a label, without what they are given.
    fn commands(zpl: &str) -> Vec<&str> {
        zpl.split('^').map(|command| command.get(..2).unwrap_or(command)).collect()
    }

    #[test]
    fn is_one_label_with_the_barcode_and_utf_8_text() {
        let zpl = label_of("Jan");
        assert!(zpl.starts_with("^XA\n^CI28\n") && zpl.ends_with("^XZ\n"));
        assert!(zpl.contains("^BCN,250,N,N,N^FD>:SIM1>5234567890128^FS"));
        assert!(zpl.contains("^FH^FDSIM1 2345 6789 0128^FS"));
        assert!(zpl.contains("Łódź 90-001"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let harmless = commands(&label_of("Jan")).len();
        for text in samples::hostile() {
            let zpl = label_of(&text);
            // An empty name has no line of its own, on both addresses.
            let expected = if plain(&text).is_empty() { harmless - 12 } else { harmless };
            assert_eq!(commands(&zpl).len(), expected, "{text:.40}");
            assert_eq!(zpl.matches('~').count(), 0, "{text:.40}");
            assert_eq!((zpl.matches("^XA").count(), zpl.matches("^XZ").count()), (1, 1));
            assert!(zpl.len() < 20_000, "{text:.40}");
        }
        let mut longest = samples::address("name");
        longest.line2 = Some("line".into());
        let label = Label { tracking_number: NUMBER, reference: "r", from: &longest, to: &longest, weight_grams: 1 };
        let zpl = render(&label, &Code128::new(NUMBER).unwrap());
        let tops = zpl.split("^FO40,").skip(1).map(|field| field.split('^').next().unwrap().parse().unwrap());
        let country = tops.filter(|top: &u16| *top < BELOW_ADDRESSES).max().unwrap();
        assert!(country + 2 * 34 <= BELOW_ADDRESSES, "{country}");
        assert_eq!(escape("a^b~c\\d_e"), "a_5Eb_7Ec_5Cd_5Fe");
    }
}
