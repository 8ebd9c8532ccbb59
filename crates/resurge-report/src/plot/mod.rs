//! Figures, fit for a paper: one scene of shapes and texts, written as SVG or painted as PNG.
//!
//! A figure has the size of its print, 240 points (a column) or 504 points (a page of two columns) wide, and no letter
//! below 8 points. An SVG is opaque and has colours for a light and for a dark page.

mod axis;
mod bars;
mod charts;
mod color;
mod font;
mod format;
mod heat;
mod legend;
mod marks;
mod raster;
mod scene;
mod svg;
mod verification;

pub use axis::Kind;
pub use bars::{Groups, Strips, bars, strips};
pub use charts::{Axes, Line, Point, grid};
pub use format::Format;
pub use heat::{HeatMaps, heat_maps};

use scene::Scene;
use std::path::PathBuf;

/// The error of a difference scheme against its step.
///
/// ```
/// use resurge_report::plot::{Curve, HeatMap, picture};
///
/// let points = vec![(0.1, 1e-2), (0.01, 1e-4), (0.001, 1e-6)];
/// let curve = Curve { name: "central".into(), slope: Some(2.0), points };
/// let map = HeatMap { rows: vec![], columns: vec![], values: vec![] };
/// assert!(picture(&[curve], &map)?.svg().contains("central (slope 2)"));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The scheme.
    pub name: String,
    /// The power of the step by which the error should fall, where it is one.
    pub slope: Option<f64>,
    /// Step and error, both positive.
    pub points: Vec<(f64, f64)>,
}

/// Errors in rows and columns. What is not a positive number is left blank.
///
/// ```
/// use resurge_report::plot::{Curve, HeatMap, picture};
///
/// let curve = Curve { name: "central".into(), slope: None, points: vec![(0.1, 1e-2), (0.01, 1e-4)] };
/// let [rows, columns] = [vec!["zero".into()], vec!["sigmoid".into(), "atan".into()]];
/// let map = HeatMap { rows, columns, values: vec![vec![1e-12, f64::NAN]] };
/// let svg = picture(&[curve], &map)?.svg();
/// assert!(["zero", "sigmoid", "atan"].iter().all(|name| svg.contains(name)));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// The names of the rows.
    pub rows: Vec<String>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// One value for each row and column.
    pub values: Vec<Vec<f64>>,
}

/// A picture could not be drawn, or not in the format that was asked for.
///
/// ```
/// use resurge_report::plot::{HeatMap, picture};
///
/// let error = picture(&[], &HeatMap { rows: vec![], columns: vec![], values: vec![] }).unwrap_err();
/// assert!(error.to_string().ends_with("no curve has two points with a positive error"));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// There is nothing to draw, or no picture can be made of it.
    #[error("the picture could not be drawn: {0}")]
    Nothing(String),
    /// The name asks for a format that there is not.
    #[error("{} asks for a picture as .{ending}, which cannot be written: end the name in .svg or .png", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What follows the last dot of its name.
        ending: String,
    },
}

fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError::Nothing(error.to_string())
}

/// A drawn figure.
///
/// ```
/// use resurge_report::plot::{Curve, Format, HeatMap, picture};
///
/// let curve = Curve { name: "central".into(), slope: None, points: vec![(0.1, 1e-2), (0.01, 1e-4)] };
/// let picture = picture(&[curve], &HeatMap { rows: vec![], columns: vec![], values: vec![] })?;
/// assert!(picture.svg().starts_with("<svg"));
/// assert!(picture.bytes(Format::Png)?.starts_with(b"\x89PNG"));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Picture(Scene);

impl Picture {
    /// As SVG, with colours for light and for dark pages.
    ///
    /// ```
    /// use resurge_report::plot::{Curve, HeatMap, picture};
    ///
    /// let curve = Curve { name: "central".into(), slope: None, points: vec![(0.1, 1e-2), (0.01, 1e-4)] };
    /// let map = HeatMap { rows: vec![], columns: vec![], values: vec![] };
    /// assert!(picture(&[curve], &map)?.svg().contains("prefers-color-scheme: dark"));
    /// # Ok::<(), resurge_report::plot::PlotError>(())
    /// ```
    pub fn svg(&self) -> String {
        svg::write(&self.0)
    }

    /// As the bytes of a file of this format. A PNG has the colours of a light page and 300 pixels to the inch, or fewer
    /// where a side would have more than 16,384.
    ///
    /// # Errors
    /// [`PlotError::Nothing`] when there is no memory for so many pixels.
    ///
    /// ```
    /// use resurge_report::plot::{Curve, Format, HeatMap, picture};
    ///
    /// let curve = Curve { name: "central".into(), slope: None, points: vec![(0.1, 1e-2), (0.01, 1e-4)] };
    /// let map = HeatMap { rows: vec![], columns: vec![], values: vec![] };
    /// let picture = picture(&[curve], &map)?;
    /// assert_eq!(picture.bytes(Format::Svg)?, picture.svg().into_bytes());
    /// # Ok::<(), resurge_report::plot::PlotError>(())
    /// ```
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>, PlotError> {
        match format {
            Format::Svg => Ok(self.svg().into_bytes()),
            Format::Png => raster::png(&self.0),
        }
    }
}

/// Error against step for each scheme, with a dotted line of its theoretical slope, above a heat map of the errors of
/// all cases.
///
/// # Errors
/// [`PlotError::Nothing`] when there is nothing to draw.
///
/// ```
/// use resurge_report::plot::{Curve, HeatMap, picture};
///
/// let points = (1..8).map(|i| 10f64.powi(-i)).map(|h| (h, h * h)).collect();
/// let curve = Curve { name: "second order".into(), slope: Some(2.0), points };
/// let map = HeatMap { rows: vec!["zero".into()], columns: vec!["sigmoid".into()], values: vec![vec![1e-11]] };
/// assert!(picture(&[curve], &map)?.svg().contains("sigmoid"));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
pub fn picture(curves: &[Curve], map: &HeatMap) -> Result<Picture, PlotError> {
    verification::draw(curves, map)
}

#[cfg(test)]
mod tests {
    use super::scene::{Anchor, Item};
    use super::*;

    pub(super) fn quadratic() -> Curve {
        let points = (1..9).map(|i| 10f64.powi(-i)).map(|h| (h, h * h + 1e-16 / h)).collect();
        Curve { name: "second order".into(), slope: Some(2.0), points }
    }

    pub(super) fn map() -> HeatMap {
        HeatMap {
            rows: vec!["zero, full".into(), "none, full".into()],
            columns: vec!["sigmoid".into(), "atan".into()],
            values: vec![vec![1e-12, 1e-9], vec![f64::NAN, 0.0]],
        }
    }

    /// The rectangle of a text: its left, upper, right and lower end.
    fn extent(item: &Item) -> Option<(String, [f64; 4])> {
        let Item::Text { text, at, size, anchor, upright, .. } = item else { return None };
        assert!(*size >= 8.0, "{text} has letters of {size} points");
        let wide = font::width(text, *size);
        let back = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => wide / 2.0,
            Anchor::End => wide,
        };
        let tall = size * font::CAPITAL;
        let extent = match upright {
            false => [at.0 - back, at.1 - tall, at.0 - back + wide, at.1],
            true => [at.0 - tall, at.1 + back - wide, at.0, at.1 + back],
        };
        Some((text.clone(), extent))
    }

    /// No text of a figure is smaller than journals ask, leaves it or covers another, and no shape leaves it.
    pub(super) fn within(scene: &Scene) {
        let inside = |x: f64, y: f64| {
            (-0.01..=scene.width + 0.01).contains(&x) && (-0.01..=scene.height + 0.01).contains(&y)
        };
        let texts: Vec<_> = scene.items.iter().filter_map(extent).collect();
        assert!(!texts.is_empty());
        for (i, (text, [left, top, right, bottom])) in texts.iter().enumerate() {
            let size = (scene.width, scene.height);
            assert!(inside(*left, *top) && inside(*right, *bottom), "{text} leaves the figure of {size:?}");
            for (other, of) in &texts[..i] {
                let apart = *right <= of[0] || of[2] <= *left || *bottom <= of[1] || of[3] <= *top;
                assert!(apart, "{text} covers {other}");
            }
        }
        for item in &scene.items {
            let points = match item {
                Item::Line { points, .. } | Item::Area { points, .. } => points.clone(),
                Item::Rectangle { corner, size, .. } | Item::Gradient { corner, size, .. } => {
                    vec![*corner, (corner.0 + size.0, corner.1 + size.1)]
                }
                Item::Circle { centre, .. } => vec![*centre],
                Item::Text { .. } => Vec::new(),
            };
            assert!(points.iter().all(|&(x, y)| inside(x, y)), "{item:?} leaves the figure");
        }
    }

    #[test]
    fn the_picture_names_its_curves_rows_and_columns() {
        let svg = picture(&[quadratic()], &map()).unwrap().svg();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in ["second order (slope 2)", "zero, full", "none, full", "sigmoid", "atan", "1e-7"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let flat = Curve { points: vec![(1.0, 0.0)], ..quadratic() };
        assert!(picture(&[flat], &map()).unwrap_err().to_string().contains("no curve"));
    }
}
