//! Text of people: stored as given, character by character, or refused.

/// Why a text cannot be taken; `None` for one that can.
///
/// Refused is what no one can see and what deceives who sees the rest: control characters but for
/// tab and line ends; the overrides of writing direction, which show `exe.gpj` as `jpg.exe`; and
/// embeddings and isolates that do not end within the text, as they turn around what is shown after
/// it. Marks of direction, closed isolates, joiners, emoji and combining marks are taken.
pub fn refused(text: &str) -> Option<&'static str> {
    let mut open = Vec::new();
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => {}
            '\0' => return Some("contains NUL characters; leave them out"),
            c if c.is_control() => return Some("has control characters; leave them out"),
            '\u{202d}' | '\u{202e}' => return Some("overrides the direction of writing; leave U+202D and U+202E out"),
            '\u{202a}' | '\u{202b}' => open.push('\u{202c}'),
            '\u{2066}'..='\u{2068}' => open.push('\u{2069}'),
            // Each ends the last that was begun: an isolate also those begun within it.
            '\u{202c}' => {
                let closes = open.pop();
                if closes != Some(c) {
                    return Some(UNBALANCED);
                }
            }
            '\u{2069}' => match open.iter().rposition(|end| *end == c) {
                Some(at) => open.truncate(at),
                None => return Some(UNBALANCED),
            },
            _ => {}
        }
    }
    if open.is_empty() { None } else { Some(UNBALANCED) }
}

const UNBALANCED: &str = "has embeddings or isolates of writing direction that do not begin and end within it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_is_taken_and_what_deceives_is_not() {
        for good in [
            "",
            "line\r\nline\ttab",
            "e\u{301}\u{20dd}",
            "\u{1F468}\u{200d}\u{1F469}\u{200d}\u{1F467}\u{fe0f}",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{200f}(1)\u{200e}",
            "\u{2067}\u{5d0}\u{2069} x",
            "\u{202b}\u{5d0}\u{202c}",
            "\u{2068}\u{202a}x\u{2069}",
            "  spaces \u{a0} ",
            "<b>'\";--\\",
        ] {
            assert_eq!(refused(good), None, "{good:?}");
        }
        for bad in [
            "\u{1}",
            "\u{7f}",
            "\u{85}",
            "\u{1b}[31m",
            "\u{202e}gpj.exe",
            "\u{202d}1\u{202c}",
            "\u{2066}x",
            "x\u{2069}",
            "\u{202a}x",
            "x\u{202c}",
            "\u{2066}\u{202c}\u{2069}",
        ] {
            assert!(refused(bad).is_some(), "{bad:?}");
        }
    }
}
