//! The labels of the simulated carrier, 4 x 6 inches, as a PDF and as ZPL for a label printer.

mod code128;
pub mod pdf;
mod winansi;
pub mod zpl;

use souk_domain::port::PostalAddress;

pub use code128::Code128;

/// What is printed; texts may be anything that a stranger typed in.
pub struct Label<'a> {
    pub tracking_number: &'a str,
    /// What the sender calls the parcel.
    pub reference: &'a str,
    pub from: &'a PostalAddress,
    pub to: &'a PostalAddress,
    pub weight_grams: i64,
}

impl Label<'_> {
    /// The weight for people: `1.250 kg`.
    fn weight(&self) -> String {
        format!("{}.{:03} kg", self.weight_grams / 1000, self.weight_grams % 1000)
    }

    /// The tracking number in groups of four, as it is easiest to read.
    fn spaced_tracking_number(&self) -> String {
        let letters: Vec<char> = self.tracking_number.chars().collect();
        letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }
}

/// A text is cut here before anything else is done with it: no line of a label is longer.
const LONGEST_TEXT: usize = 200;

/// An address as lines, top to bottom.
fn address_lines(address: &PostalAddress) -> Vec<String> {
    let mut lines = vec![address.name.clone(), address.line1.clone()];
    lines.extend(address.line2.clone());
    let region = address.region.as_deref().unwrap_or_default();
    lines.push(format!("{} {region} {}", address.city, address.postal_code));
    lines.push(address.country.clone());
    // Spaces within and around are joined, and lines of nothing else left out.
    lines.into_iter().map(|line| plain(&line)).filter(|line| !line.is_empty()).collect()
}

/// One line of `text`: every kind of white space and control character becomes one space, and
/// characters that have no ink but change how others are shown are dropped.
fn plain(text: &str) -> String {
    let shown = text.chars().take(LONGEST_TEXT).filter(|letter| {
        !matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    });
    let spaced: String = shown.map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;

    pub fn address(name: &str) -> PostalAddress {
        PostalAddress {
            name: name.into(),
            line1: "Große Straße 1".into(),
            line2: None,
            city: "Łódź".into(),
            region: None,
            postal_code: "90-001".into(),
            country: "PL".into(),
        }
    }

    /// What a label must survive.
    pub fn hostile() -> Vec<String> {
        let mut texts: Vec<String> = [
            "",
            "(unbalanced \\( ) text) Tj ET",
            "^XZ^XA^FDowned^FS ~JA _5E \\& ^FH",
            "\u{202E}gnp.exe\u{0}\u{7}\r\n\tline",
            "北京市朝阳区 مرحبا Привет 👩‍👩‍👧‍👦 ﷽",
            "€ ‚quoted‘ “text” … – — ™ Œ ÿ \u{A0}",
            "endstream endobj %%EOF << /JS >>",
        ]
        .map(str::to_owned)
        .to_vec();
        texts.push("W".repeat(5_000));
        texts.push("word ".repeat(5_000));
        texts.push("\u{10FFFF}\u{E000}\u{FFFD}\u{300}".repeat(100));
        texts
    }

    #[test]
    fn plain_text_is_one_line_without_invisible_letters() {
        assert_eq!(plain("  a\r\n\tb\u{0}c \u{202E}d\u{200D}e "), "a b c de");
        assert!(hostile().iter().all(|text| !plain(text).chars().any(char::is_control)));
    }

    #[test]
    fn an_address_leaves_out_what_it_has_not() {
        let mut address = address("Jan");
        assert_eq!(address_lines(&address), ["Jan", "Große Straße 1", "Łódź 90-001", "PL"]);
        address.region = Some("LD".into());
        address.line2 = Some("Flat 2".into());
        assert_eq!(address_lines(&address), ["Jan", "Große Straße 1", "Flat 2", "Łódź LD 90-001", "PL"]);
    }
}
