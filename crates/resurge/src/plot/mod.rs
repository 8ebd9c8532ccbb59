//! The picture of a verification: how differences converge and where errors are.

mod axis;
mod charts;
mod heat;

pub(crate) use charts::{Axes, Line, Point, Strips, bars, grid, strips};
pub(crate) use heat::{HeatMaps, heat_maps};

use plotters::coord::Shift;
use plotters::prelude::*;

/// The error of a difference scheme against its step.
///
/// ```
/// use resurge::plot::{Curve, HeatMap, picture};
///
/// let points = vec![(0.1, 1e-2), (0.01, 1e-4), (0.001, 1e-6)];
/// let curve = Curve { name: "central".into(), slope: Some(2.0), points };
/// let map = HeatMap { rows: vec![], columns: vec![], values: vec![] };
/// assert!(picture(&[curve], &map)?.contains("central (slope 2)"));
/// # Ok::<(), resurge::plot::PlotError>(())
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
/// use resurge::plot::{Curve, HeatMap, picture};
///
/// let curve = Curve { name: "central".into(), slope: None, points: vec![(0.1, 1e-2), (0.01, 1e-4)] };
/// let [rows, columns] = [vec!["zero".into()], vec!["sigmoid".into(), "atan".into()]];
/// let svg = picture(&[curve], &HeatMap { rows, columns, values: vec![vec![1e-12, f64::NAN]] })?;
/// assert!(["zero", "sigmoid", "atan"].iter().all(|name| svg.contains(name)));
/// # Ok::<(), resurge::plot::PlotError>(())
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

/// The picture could not be drawn.
///
/// ```
/// use resurge::plot::{HeatMap, picture};
///
/// let error = picture(&[], &HeatMap { rows: vec![], columns: vec![], values: vec![] }).unwrap_err();
/// assert!(error.to_string().ends_with("no curve has two points with a positive error"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be drawn: {0}")]
pub struct PlotError(String);

type Drawn = Result<(), PlotError>;

fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}

const WIDTH: u32 = 1280;
const CONVERGENCE_HEIGHT: u32 = 560;
const ROW_HEIGHT: u32 = 18;
const MARGIN: u32 = 150;

/// An SVG picture: error against step for each scheme, with a dashed line of its theoretical slope, above a heat
/// map of the errors of all cases.
///
/// # Errors
/// [`PlotError`] when there is nothing to draw.
///
/// ```
/// use resurge::plot::{Curve, HeatMap, picture};
///
/// let points = (1..8).map(|i| 10f64.powi(-i)).map(|h| (h, h * h)).collect();
/// let curve = Curve { name: "second order".into(), slope: Some(2.0), points };
/// let map = HeatMap { rows: vec!["zero".into()], columns: vec!["sigmoid".into()], values: vec![vec![1e-11]] };
/// assert!(picture(&[curve], &map)?.starts_with("<svg"));
/// # Ok::<(), resurge::plot::PlotError>(())
/// ```
pub fn picture(curves: &[Curve], map: &HeatMap) -> Result<String, PlotError> {
    let map_height = MARGIN + ROW_HEIGHT * map.rows.len() as u32 + 60;
    let mut svg = String::new();
    {
        let root =
            SVGBackend::with_string(&mut svg, (WIDTH, CONVERGENCE_HEIGHT + map_height)).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let (top, bottom) = root.split_vertically(CONVERGENCE_HEIGHT);
        convergence(&top, curves)?;
        heat_map(&bottom, map)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn convergence(area: &DrawingArea<SVGBackend<'_>, Shift>, curves: &[Curve]) -> Drawn {
    let all = || curves.iter().flat_map(|c| &c.points).filter(|(h, e)| *h > 0.0 && *e > 0.0);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let low = all().map(of).fold(f64::INFINITY, f64::min);
        let high = all().map(of).fold(0.0, f64::max);
        (low < high).then_some(low / 2.0..high * 2.0)
    };
    let (Some(steps), Some(errors)) = (range(|p| p.0), range(|p| p.1)) else {
        return Err(PlotError("no curve has two points with a positive error".into()));
    };
    let mut chart = ChartBuilder::on(area)
        .caption("Finite differences of the anchored program: error against step", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(steps.log_scale(), errors.clone().log_scale())
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc("step, in units of the direction")
        .y_desc("error / |derivative|")
        .x_label_formatter(&|x| format!("{x:.0e}"))
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(failed)?;
    for (i, curve) in curves.iter().enumerate() {
        let color = Palette99::pick(i).to_rgba();
        let mut points: Vec<(f64, f64)> =
            curve.points.iter().copied().filter(|(h, e)| *h > 0.0 && *e > 0.0).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut name = curve.name.clone();
        if let Some(slope) = curve.slope {
            let line = theoretical(&points, slope, errors.start);
            chart.draw_series(DashedLineSeries::new(line, 6, 5, color.mix(0.5).into())).map_err(failed)?;
            name.push_str(&format!(" (slope {slope})"));
        }
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)).point_size(3))
            .map_err(failed)?
            .label(name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()
        .map_err(failed)
}

/// The line with the scheme's slope, through the largest step around which the error falls with about that slope,
/// down to `floor`. Larger steps are too large for the slope to show, smaller ones drown in rounding.
fn theoretical(points: &[(f64, f64)], slope: f64, floor: f64) -> Vec<(f64, f64)> {
    let local = |a: (f64, f64), b: (f64, f64)| (b.1 / a.1).ln() / (b.0 / a.0).ln();
    let near = |a, b| (local(a, b) - slope).abs() < slope / 6.0;
    let falling = points.windows(3).rev().find(|w| near(w[0], w[1]) && near(w[1], w[2])).map(|w| w[1]);
    let Some((h0, e0)) = falling else { return Vec::new() };
    let line = |h: f64| (h, e0 * (h / h0).powf(slope));
    points.iter().map(|p| line(p.0)).filter(|p| p.1 >= floor && p.0 <= 4.0 * h0).collect()
}

fn heat_map(area: &DrawingArea<SVGBackend<'_>, Shift>, map: &HeatMap) -> Drawn {
    let title = TextStyle::from(("sans-serif", 20).into_font());
    area.draw_text("Finite-difference error / |gradient|, all cases", &title, (16, 8)).map_err(failed)?;
    let label = TextStyle::from(("sans-serif", 12).into_font());
    let (left, top) = (330_i32, 120_i32);
    let columns = map.columns.len().max(1) as i32;
    let cell = ((WIDTH as i32 - left - 180) / columns).clamp(14, 90);
    let row = ROW_HEIGHT as i32;
    for (j, name) in map.columns.iter().enumerate() {
        let style = label.transform(FontTransform::Rotate270);
        area.draw_text(name, &style, (left + j as i32 * cell + cell / 2 - 6, top - 6)).map_err(failed)?;
    }
    for (i, (name, values)) in map.rows.iter().zip(&map.values).enumerate() {
        let y = top + i as i32 * row;
        area.draw_text(name, &label, (16, y + 3)).map_err(failed)?;
        for (j, &value) in values.iter().enumerate() {
            let x = left + j as i32 * cell;
            let rectangle = Rectangle::new([(x, y), (x + cell - 1, y + row - 1)], shade(value).filled());
            area.draw(&rectangle).map_err(failed)?;
        }
    }
    scale(area, left + columns * cell + 24, top, &label)
}

/// The colours of the decades that the map covers.
fn scale(area: &DrawingArea<SVGBackend<'_>, Shift>, x: i32, y: i32, label: &TextStyle<'_>) -> Drawn {
    for (i, decade) in (-15..=-7).rev().enumerate() {
        let at = y + 18 * i as i32;
        let color = shade(10f64.powi(decade));
        area.draw(&Rectangle::new([(x, at), (x + 22, at + 16)], color.filled())).map_err(failed)?;
        area.draw_text(&format!("1e{decade}"), label, (x + 28, at + 2)).map_err(failed)?;
    }
    Ok(())
}

/// From light (1e-15 and below) to dark red (1e-7 and above); grey for what is not a positive number.
fn shade(value: f64) -> RGBColor {
    if value.is_nan() || value <= 0.0 {
        return RGBColor(224, 224, 224);
    }
    let t = ((value.log10() + 15.0) / 8.0).clamp(0.0, 1.0);
    let mix = |from: f64, to: f64| (from + (to - from) * t).round() as u8;
    RGBColor(mix(255.0, 140.0), mix(245.0, 10.0), mix(215.0, 20.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quadratic() -> Curve {
        let points = (1..9).map(|i| 10f64.powi(-i)).map(|h| (h, h * h + 1e-16 / h)).collect();
        Curve { name: "second order".into(), slope: Some(2.0), points }
    }

    fn map() -> HeatMap {
        HeatMap {
            rows: vec!["zero, full".into(), "none, full".into()],
            columns: vec!["sigmoid".into(), "atan".into()],
            values: vec![vec![1e-12, 1e-9], vec![f64::NAN, 0.0]],
        }
    }

    #[test]
    fn the_picture_names_its_curves_rows_and_columns() {
        let svg = picture(&[quadratic()], &map()).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in ["second order (slope 2)", "zero, full", "none, full", "sigmoid", "atan", "1e-7"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn the_theoretical_line_has_the_slope_of_the_order() {
        let mut points = quadratic().points;
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let line = theoretical(&points, 2.0, 1e-16);
        assert!(line.len() >= 2);
        for pair in line.windows(2) {
            let slope = (pair[1].1 / pair[0].1).ln() / (pair[1].0 / pair[0].0).ln();
            assert!((slope - 2.0).abs() < 1e-9, "{slope}");
        }
        assert!(theoretical(&[(1.0, 1.0)], 2.0, 0.1).is_empty());
    }

    #[test]
    fn darker_means_a_larger_error_and_nothing_is_grey() {
        assert!(shade(1e-8).1 < shade(1e-12).1);
        assert_eq!(shade(f64::NAN), shade(0.0));
        assert_eq!(shade(1.0), shade(f64::INFINITY));
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let flat = Curve { points: vec![(1.0, 0.0)], ..quadratic() };
        assert!(picture(&[flat], &map()).unwrap_err().to_string().contains("no curve"));
    }
}
