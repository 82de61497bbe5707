//! A tracking number as a Code 128 barcode (ISO/IEC 15417).

use barcoders::sym::code128::Code128 as Encoder;
use souk_domain::error::{Error, Result};

/// White space on both sides, in modules, without which scanners do not see the barcode.
pub const QUIET_ZONE: u16 = 10;

/// A barcode: its leading letters in subset B, the digits after them two by two in subset C.
pub struct Code128 {
    modules: Vec<bool>,
    zpl: String,
}

/// A black bar, in modules from the barcode's left edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub left: u16,
    pub width: u16,
}

impl Code128 {
    /// Encodes letters and digits.
    ///
    /// # Errors
    /// [`souk_domain::Code::Internal`] for anything else: tracking numbers are the carrier's own.
    pub fn new(text: &str) -> Result<Self> {
        if !(2..=32).contains(&text.len()) || !text.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
            return Err(Error::internal(format!("{text:?} cannot be a tracking number")));
        }
        let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (letters, pairs) = text.split_at(text.len() - digits / 2 * 2);
        // The encoder spells "subset B" and "subset C" as these two letters, ZPL as >: >; and >5.
        let (encoder, zpl) = match (letters, pairs) {
            ("", _) => (format!("\u{106}{pairs}"), format!(">;{pairs}")),
            (_, "") => (format!("\u{181}{letters}"), format!(">:{letters}")),
            _ => (format!("\u{181}{letters}\u{106}{pairs}"), format!(">:{letters}>5{pairs}")),
        };
        let barcode = Encoder::new(encoder).map_err(|error| Error::internal(format!("no Code 128: {error:?}")))?;
        Ok(Self { modules: barcode.encode().into_iter().map(|module| module == 1).collect(), zpl })
    }

    /// Its width in modules, without the quiet zones.
    pub fn width(&self) -> u16 {
        // 32 letters, start, switch, check and stop are some 400 modules.
        u16::try_from(self.modules.len()).unwrap_or(u16::MAX)
    }

    /// Its black bars, left to right.
    pub fn bars(&self) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::new();
        for (left, _) in (0_u16..).zip(&self.modules).filter(|(_, black)| **black) {
            match bars.last_mut() {
                Some(bar) if bar.left + bar.width == left => bar.width += 1,
                _ => bars.push(Bar { left, width: 1 }),
            }
        }
        bars
    }

    /// The same barcode as the data of a ZPL `^BC` field.
    pub fn zpl(&self) -> &str {
        &self.zpl
    }
}

/// Reading a barcode back, from the standard's table and not from the encoder's.
#[cfg(test)]
pub mod scanner {
    use super::*;

    /// The widths of bar, space, bar, space, bar, space of each symbol, by its value.
    const SYMBOLS: &str = "\
        212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 \
        113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 \
        212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 \
        113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 \
        314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 \
        241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 \
        214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214 \
        211232";
    const STOP: &str = "2331112";

    /// The text of these bars and the spaces between them; checks start, checksum and stop.
    pub fn scan(bars: &[Bar]) -> String {
        let mut widths = String::new();
        for (at, bar) in bars.iter().enumerate() {
            widths += &bar.width.to_string();
            if let Some(next) = bars.get(at + 1) {
                widths += &(next.left - bar.left - bar.width).to_string();
            }
        }
        let body = widths.strip_suffix(STOP).expect("stop symbol");
        assert_eq!(body.len() % 6, 0);
        let table: Vec<&str> = SYMBOLS.split_whitespace().collect();
        let mut values: Vec<usize> = (0..body.len() / 6)
            .map(|at| table.iter().position(|symbol| *symbol == &body[at * 6..at * 6 + 6]).expect("symbol"))
            .collect();
        let check = values.pop().unwrap();
        let sum: usize = values.iter().enumerate().map(|(at, value)| value * at.max(1)).sum();
        assert_eq!(sum % 103, check, "checksum");
        let (mut text, mut pairs) = (String::new(), false);
        for (at, value) in values.into_iter().enumerate() {
            match (at, value) {
                (0, 104) | (1.., 100) => pairs = false,
                (0, 105) | (1.., 99) if !pairs => pairs = true,
                (1.., 0..100) if pairs => text += &format!("{value:02}"),
                (1.., 0..95) => text.push(char::from(b' ' + u8::try_from(value).unwrap())),
                _ => panic!("symbol {value} at {at}"),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_go_two_by_two() {
        let barcode = Code128::new("SIM1234567890123").unwrap();
        assert_eq!(barcode.zpl(), ">:SIM1>5234567890123");
        // Start, four letters, the switch, six pairs, the check: 13 symbols of 11 modules; stop: 13.
        assert_eq!(barcode.width(), 13 * 11 + 13);
        assert!(Code128::new("SIM 1").is_err() && Code128::new("").is_err() && Code128::new("SIMß12").is_err());
    }

    proptest! {
        #[test]
        fn reads_back_as_it_was_written(text in "[A-Za-z]{0,6}[0-9]{2,14}|[0-9A-Z]{2,20}") {
            prop_assert_eq!(scanner::scan(&Code128::new(&text).unwrap().bars()), text);
        }
    }
}
