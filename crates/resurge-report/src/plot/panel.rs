//! What a chart is made of: lines over the same axes.

use super::axis::Kind;
use super::color::Paint;
use super::scene::Stroke;

/// x, y, and the ends of an interval of y.
///
/// ```
/// use resurge_report::plot::{Line, Point};
///
/// let with_interval: Point = (1.0, 0.5, Some((0.4, 0.7)));
/// let line = Line { name: "full".into(), color: 0, points: vec![with_interval, (2.0, 0.2, None)] };
/// assert_eq!(line.points[0].2, Some((0.4, 0.7)));
/// ```
pub type Point = (f64, f64, Option<(f64, f64)>);

/// A line through points, each with an interval where it has one.
///
/// ```
/// use resurge_report::plot::Line;
///
/// let guide = Line { name: String::new(), color: 0, points: vec![(0.0, 1.0, None), (9.0, 1.0, None)] };
/// assert!(guide.name.is_empty(), "it is thin and not in the legend");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the legend; one without a name is a thin guide.
    pub name: String,
    /// The number of its colour, dashes and markers.
    pub color: usize,
    /// The points. One that is not finite is left out, and the line is broken there. On a logarithmic axis of y, what
    /// is 0 or less lies on the floor.
    pub points: Vec<Point>,
}

/// The most points of a series that is drawn.
const POINTS: usize = 1000;

impl Line {
    /// A series from step 0 on, times a scale: of more points than a plot can show, the largest of each few. None where
    /// nothing in it is positive.
    ///
    /// ```
    /// use resurge_report::plot::Line;
    ///
    /// let line = Line::series("norm", 0, &[0.5, 2.0], 10.0).expect("two numbers");
    /// assert_eq!(line.points[1], (1.0, 20.0, None));
    /// assert!(Line::series("norm", 0, &[0.0, f64::NAN], 1.0).is_none());
    /// ```
    pub fn series(name: &str, color: usize, values: &[f64], scale: f64) -> Option<Self> {
        if !values.iter().any(|&y| y > 0.0 && y.is_finite()) {
            return None;
        }
        let few = values.len().div_ceil(POINTS);
        let largest = values.chunks(few).map(|some| some.iter().copied().fold(0.0, f64::max));
        let points = largest.enumerate().map(|(i, y)| ((i * few) as f64, y * scale, None)).collect();
        Some(Self { name: name.into(), color, points })
    }
}

/// Lines over the same axes.
///
/// ```
/// use resurge_report::plot::{Axes, Kind, Line, grid};
///
/// let line = Line { name: "full".into(), color: 0, points: vec![(1.0, 0.5, None), (2.0, 0.2, None)] };
/// let axes = Axes {
///     title: "Loss".into(),
///     note: String::new(),
///     x: "epoch".into(),
///     y: "loss".into(),
///     x_kind: Kind::Whole,
///     y_kind: Kind::Linear,
///     level: None,
///     lines: vec![line],
/// };
/// let svg = grid(&[vec![axes]])?.svg();
/// assert!(svg.contains("Loss") && svg.contains("epoch") && svg.contains("full"));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Axes {
    /// The title.
    pub title: String,
    /// What else is to be said of this panel, or nothing.
    pub note: String,
    /// What x is.
    pub x: String,
    /// What y is.
    pub y: String,
    /// How x is divided.
    pub x_kind: Kind,
    /// How y is divided.
    pub y_kind: Kind,
    /// A dashed horizontal line: its name and y.
    pub level: Option<(String, f64)>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// How the level of axes is drawn.
pub(super) const LEVEL: Stroke = Stroke { paint: Paint::Ink, width: 0.8, dashes: &[3.0, 2.0] };
