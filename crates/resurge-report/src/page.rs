//! Pages of HTML without external resources: their style, and what stands in them.

/// The style of every page.
///
/// ```
/// assert!(resurge_report::page::STYLE.contains(".good"));
/// ```
pub const STYLE: &str = include_str!("page.css");

/// A whole page of this title, which is its heading, too.
///
/// ```
/// let page = resurge_report::page::page("A & B", "<p>Text.</p>\n");
/// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<h1>A &amp; B</h1>"));
/// ```
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <style>\n{STYLE}</style></head><body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// The class of what is as it should be, or not.
///
/// ```
/// assert_eq!(resurge_report::page::class(false), "bad");
/// ```
pub fn class(good: bool) -> &'static str {
    if good { "good" } else { "bad" }
}

/// Text as HTML has it.
///
/// ```
/// assert_eq!(resurge_report::page::escape("a < \"b\""), "a &lt; &quot;b&quot;");
/// ```
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
