//! The label as a PDF page: text in Helvetica, which needs no embedding, and bars as rectangles.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::code128::{Code128, QUIET_ZONE};
use super::{Label, address_lines, plain, winansi};

/// 4 x 6 inches, in points of 1/72 inch.
const PAGE_WIDTH: f32 = 288.0;
const PAGE_HEIGHT: f32 = 432.0;
const MARGIN: f32 = 14.0;
const TEXT_WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;

/// The widest a module gets: four dots of a printer of 203 dots per inch (8 per millimetre), so
/// that all modules are equally wide on paper.
const MODULE: f32 = 4.0 / 203.2 * 72.0;
const BAR_HEIGHT: f32 = 86.0;
const BAR_BOTTOM: f32 = 56.0;

const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// Draws the label with the barcode of its tracking number; the same label, the same bytes.
pub fn render(label: &Label<'_>, barcode: &Code128) -> Vec<u8> {
    let [catalog, pages, page, regular, bold, contents, info] = [1, 2, 3, 4, 5, 6, 7].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    let mut sheet = pdf.page(page);
    sheet.parent(pages).media_box(Rect::new(0.0, 0.0, PAGE_WIDTH, PAGE_HEIGHT)).contents(contents);
    sheet.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
    sheet.finish();
    for (font, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.document_info(info).title(TextStr(label.tracking_number));
    pdf.stream(contents, &draw(label, barcode));
    pdf.finish()
}

fn draw(label: &Label<'_>, barcode: &Code128) -> Vec<u8> {
    let mut content = Content::new();
    let mut paper = Paper { content: &mut content, baseline: PAGE_HEIGHT - 26.0 };
    paper.line(BOLD, 15.0, b"SIMULATED CARRIER");
    paper.line(REGULAR, 7.0, b"For testing. No carrier takes this parcel.");
    paper.rule();
    paper.line(BOLD, 7.0, b"FROM");
    paper.block(8.0, &address_lines(label.from), 5);
    paper.rule();
    paper.line(BOLD, 9.0, b"SHIP TO");
    paper.baseline -= 4.0;
    paper.block(12.0, &address_lines(label.to), 7);

    // From here on everything has its place, however many lines the addresses took.
    paper.baseline = BAR_BOTTOM + BAR_HEIGHT + 30.0;
    paper.text(REGULAR, 9.0, &format!("Weight {}   Ref {}", label.weight(), plain(label.reference)), 1);
    bars(&mut content, barcode);
    let number = winansi::encode(&label.spaced_tracking_number());
    // The bold font is wider in small letters and signs, but not in capitals and digits of a number.
    let left = (PAGE_WIDTH - winansi::width(&number, 20.0)) / 2.0;
    show(&mut content, BOLD, 20.0, left.max(MARGIN), BAR_BOTTOM - 26.0, &number);
    content.finish().into_vec()
}

/// The barcode, in the middle of the page, as large as it gets with its quiet zones.
fn bars(content: &mut Content, barcode: &Code128) {
    let modules = f32::from(barcode.width() + 2 * QUIET_ZONE);
    let module = MODULE.min(PAGE_WIDTH / modules);
    let left = (PAGE_WIDTH - f32::from(barcode.width()) * module) / 2.0;
    for bar in barcode.bars() {
        content.rect(left + f32::from(bar.left) * module, BAR_BOTTOM, f32::from(bar.width) * module, BAR_HEIGHT);
    }
    content.fill_nonzero();
}

/// Where the next line goes.
struct Paper<'a> {
    content: &'a mut Content,
    baseline: f32,
}

impl Paper<'_> {
    /// Writes `lines`, the long ones in two, in at most `most` lines in all: each gets one.
    fn block(&mut self, size: f32, lines: &[String], most: usize) {
        let mut spare = most.saturating_sub(lines.len());
        for line in lines {
            spare -= self.text(REGULAR, size, line, 1 + spare.min(1)).saturating_sub(1);
        }
    }

    /// Writes `text` in at most `most` lines of the full width; returns how many it took.
    fn text(&mut self, font: Name<'_>, size: f32, text: &str, most: usize) -> usize {
        let lines = winansi::wrap(&winansi::encode(text), size, TEXT_WIDTH, most);
        for line in &lines {
            self.line(font, size, line);
        }
        lines.len()
    }

    fn line(&mut self, font: Name<'_>, size: f32, text: &[u8]) {
        show(self.content, font, size, MARGIN, self.baseline, text);
        self.baseline -= size * 1.2;
    }

    fn rule(&mut self) {
        self.content.move_to(MARGIN, self.baseline).line_to(PAGE_WIDTH - MARGIN, self.baseline).stroke();
        self.baseline -= 12.0;
    }
}

fn show(content: &mut Content, font: Name<'_>, size: f32, left: f32, baseline: f32, text: &[u8]) {
    content.begin_text().set_font(font, size).next_line(left, baseline).show(Str(text)).end_text();
}

#[cfg(test)]
mod tests {
    use super::super::code128::{Bar, scanner};
    use super::super::samples;
    use super::*;

    const NUMBER: &str = "SIM1234567890128";

    fn label_of(text: &str) -> Vec<u8> {
        let address = samples::address(text);
        let label =
            Label { tracking_number: NUMBER, reference: text, from: &address, to: &address, weight_grams: 1_250 };
        render(&label, &Code128::new(NUMBER).unwrap())
    }

    /// (x, width) of every rectangle of the page.
    fn rectangles(pdf: &[u8]) -> Vec<(f32, f32)> {
        let text = String::from_utf8_lossy(pdf);
        let numbers = |line: &str| line.split(' ').filter_map(|word| word.parse().ok()).collect::<Vec<f32>>();
        text.lines().filter(|line| line.ends_with(" re")).map(numbers).map(|rect| (rect[0], rect[2])).collect()
    }

    #[test]
    fn its_bars_scan_as_the_tracking_number() {
        let drawn = rectangles(&label_of("Jan"));
        let (first, last) = (drawn[0], drawn[drawn.len() - 1]);
        // The start symbol begins with a bar of two modules.
        let module = first.1 / 2.0;
        assert!(module >= 1.0, "{module} pt");
        assert!(first.0 >= 10.0 * module && PAGE_WIDTH - last.0 - last.1 >= 10.0 * module, "quiet zones");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive numbers")]
        let modules = |points: f32| {
            let modules = points / module;
            assert!((modules - modules.round()).abs() < 0.01, "{points} pt is no whole number of modules");
            modules.round() as u16
        };
        let bars: Vec<Bar> =
            drawn.iter().map(|(x, width)| Bar { left: modules(x - first.0), width: modules(*width) }).collect();
        assert_eq!(scanner::scan(&bars), NUMBER);
    }

    #[test]
    fn is_one_page_of_four_by_six_inches() {
        let pdf = label_of("Jan");
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.starts_with("%PDF-") && text.trim_end().ends_with("%%EOF"));
        assert!(text.contains("/MediaBox [0 0 288 432]"));
        assert!(text.contains("(SIM1 2345 6789 0128) Tj"));
        assert!(text.contains("/WinAnsiEncoding"));
        assert_eq!(pdf, label_of("Jan"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let operators = |pdf: &[u8]| {
            let text = String::from_utf8_lossy(pdf).into_owned();
            (text.matches(" re\n").count(), text.matches("endobj\n").count())
        };
        let harmless = operators(&label_of("Jan"));
        for text in samples::hostile() {
            let pdf = label_of(&text);
            assert_eq!(operators(&pdf), harmless, "{text:.40}");
            assert!(pdf.len() < 20_000, "{text:.40}");
        }
        let escaped = label_of("a)b(c\\");
        assert!(escaped.windows(12).any(|bytes| bytes == br"(a\)b\(c\\) "), "{}", String::from_utf8_lossy(&escaped));
    }

    #[test]
    fn the_longest_addresses_end_above_the_barcode() {
        let long = "W".repeat(300);
        let mut address = samples::address(&long);
        address.line1.clone_from(&long);
        address.line2 = Some(long.clone());
        address.city.clone_from(&long);
        address.country = long;
        let label = Label { tracking_number: NUMBER, reference: "r", from: &address, to: &address, weight_grams: 1 };
        let pdf = render(&label, &Code128::new(NUMBER).unwrap());
        let lowest = String::from_utf8_lossy(&pdf)
            .lines()
            .filter_map(|line| line.strip_prefix("14 ")?.strip_suffix(" Td")?.parse::<f32>().ok())
            .filter(|y| *y != BAR_BOTTOM + BAR_HEIGHT + 30.0)
            .fold(PAGE_HEIGHT, f32::min);
        assert!(lowest > BAR_BOTTOM + BAR_HEIGHT + 40.0, "{lowest}");
    }
}
