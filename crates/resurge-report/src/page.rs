//! Pages of HTML without external resources: their style, and what stands in them.

#[cfg(feature = "plot")]
use crate::plot::{Axes, PlotError, grid};

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

/// Rows of plots as a figure; where there is nothing that an axis can hold, why not.
///
/// # Errors
/// [`PlotError`] where a plot cannot be drawn.
///
/// ```
/// use resurge_report::page::figure;
/// use resurge_report::plot::{Axes, Kind, Line};
///
/// let axes = |y: f64| Axes {
///     title: String::new(),
///     note: String::new(),
///     x: "step".into(),
///     y: "norm".into(),
///     x_kind: Kind::Whole,
///     y_kind: Kind::Linear,
///     level: None,
///     lines: vec![Line { name: "claimed".into(), color: 0, points: vec![(0.0, y, None), (1.0, y, None)] }],
/// };
/// assert!(figure(&[vec![axes(0.5)]])?.starts_with("<figure><svg"));
/// assert!(figure(&[vec![axes(f64::NAN)]])?.starts_with("<p>Not drawn: "));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
#[cfg(feature = "plot")]
pub fn figure(rows: &[Vec<Axes>]) -> Result<String, PlotError> {
    match grid(rows) {
        Ok(picture) => Ok(format!("<figure>{}</figure>\n", picture.svg())),
        // Numbers so large or so small that an axis cannot hold them; the tables have them.
        Err(PlotError::Nothing(why)) => Ok(format!("<p>Not drawn: {}.</p>\n", escape(&why.to_string()))),
        Err(error) => Err(error),
    }
}
