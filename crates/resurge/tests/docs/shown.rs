//! For the examples' own tests: whether a page shows what they print.

/// A text with every number replaced: the last digits depend on the processor.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    let mut number = false;
    for (c, next) in text.chars().zip(text.chars().skip(1).chain([' '])) {
        let within = c == '.' && next.is_ascii_digit() || c == 'e' || c == '-' && next.is_ascii_digit();
        let digit = c.is_ascii_digit() || number && within;
        match (digit, number) {
            (true, false) => out.push('#'),
            (false, _) => out.push(c),
            (true, true) => {}
        }
        number = digit;
    }
    out
}

/// Panics unless each line stands in the page, but for its numbers.
pub(crate) fn assert_shown(page: &str, text: &str) {
    let page: Vec<String> = page.lines().map(without_numbers).collect();
    for line in text.lines() {
        assert!(page.contains(&without_numbers(line)), "the page does not show this line:\n{line}");
    }
}
