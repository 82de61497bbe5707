//! Cells of CSV files that people open in a spreadsheet, which runs what looks like a formula.

use std::borrow::Cow;

/// What a spreadsheet takes for the beginning of a formula, or skips before one (OWASP, "CSV
/// injection"): also the wide forms, for those that are made in Japan.
const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A text as a cell that no spreadsheet runs: an apostrophe in front of a text that would be one, or
/// that looks like one which has got its apostrophe. [`unguarded`] takes it off again.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if runs(text.trim_start_matches('\'')) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text of a cell: what [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if runs(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

fn runs(text: &str) -> bool {
    text.starts_with(BEGINNINGS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_kept_from_running_and_other_text_is_left_alone() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", "\u{ff1d}1", "'=1"] {
            assert_eq!(guarded(bad), format!("'{bad}"), "{bad:?}");
        }
        for good in ["", "1-1", "a=b", "Refund, ORD-2026-00001-1", "'quoted'", "'", "O'Neill"] {
            assert_eq!(guarded(good), good, "{good:?}");
            assert_eq!(unguarded(good), good, "{good:?}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_back_is_what_went_out(text in "['=+@\t\r\n a\\-\u{ff1d}]{0,6}") {
            let cell = guarded(&text);
            prop_assert!(!runs(&cell), "{:?}", cell);
            prop_assert_eq!(unguarded(&cell), &text);
        }
    }
}
