//! The picture of a verification: how differences converge and where errors are.

use super::axis::Kind;
use super::charts::{Axes, Line, grid};
use super::color::{Paint, Scale};
use super::font;
use super::heat;
use super::scene::{Anchor, LETTERS, PAGE, Scene, TITLE};
use super::{Curve, HeatMap, Picture, PlotError, failed};

/// Errors of the first and the last colour, as powers of ten.
const DECADES: (i32, i32) = (-15, -7);

pub(super) fn draw(curves: &[Curve], map: &HeatMap) -> Result<Picture, PlotError> {
    let Picture(mut scene) = grid(&[vec![convergence(curves)?]])?;
    if map.rows.is_empty() || map.columns.is_empty() {
        return Ok(Picture(scene));
    }
    // The chart stands in the middle above a map that may be wider.
    heat_map(&mut scene, map);
    Ok(Picture(scene))
}

fn convergence(curves: &[Curve]) -> Result<Axes, PlotError> {
    let positive = |curve: &Curve| {
        let mut points = curve.points.clone();
        points.retain(|(h, e)| *h > 0.0 && *e > 0.0 && h.is_finite() && e.is_finite());
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let all = || curves.iter().flat_map(positive);
    let differ = |of: fn(&(f64, f64)) -> f64| {
        let low = all().map(|p| of(&p)).fold(f64::INFINITY, f64::min);
        low < all().map(|p| of(&p)).fold(0.0, f64::max)
    };
    if !(differ(|p| p.0) && differ(|p| p.1)) {
        return Err(failed("no curve has two points with a positive error"));
    }
    let least = all().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let line = |name: String, color: usize, points: Vec<(f64, f64)>| Line {
        name,
        color,
        points: points.into_iter().map(|(h, e)| (h, e, None)).collect(),
    };
    let mut lines = Vec::new();
    for (i, curve) in curves.iter().enumerate() {
        let points = positive(curve);
        let mut name = curve.name.clone();
        if let Some(slope) = curve.slope {
            lines.push(line(String::new(), i, theoretical(&points, slope, least)));
            name.push_str(&format!(" (slope {slope})"));
        }
        lines.push(line(name, i, points));
    }
    Ok(Axes {
        title: "Finite differences of the anchored program: error against step".into(),
        note: "dotted: the slope of each order".into(),
        x: "step, in units of the direction".into(),
        y: "error / |derivative|".into(),
        x_kind: Kind::Log,
        y_kind: Kind::Log,
        level: None,
        lines,
    })
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

/// Below the chart: the scale of colours, the names of the columns, and a row for each case.
fn heat_map(scene: &mut Scene, map: &HeatMap) {
    const EDGE: f64 = 8.0;
    const ROW: f64 = 10.0;
    let widest = |names: &[String]| names.iter().map(|name| font::width(name, LETTERS)).fold(0.0, f64::max);
    let left = EDGE + widest(&map.rows) + 5.0;
    let columns = map.columns.len() as f64;
    let cell = ((PAGE - left - EDGE) / columns).clamp(ROW, 40.0);
    let wide = (left + columns * cell + EDGE).max(scene.width);
    widen(scene, wide);
    let title = "Finite-difference error / |gradient|, all cases";
    let (middle, top) = (wide / 2.0, scene.height + 8.0);
    let top = scene.paragraph(title, (middle, top), TITLE, wide - 2.0 * EDGE, Anchor::Middle) + 3.0;
    let (low, high) = DECADES;
    let share = |decade: i32| f64::from(decade - low) / f64::from(high - low);
    let marks = (low..=high).step_by(4).map(|decade| (format!("1e{decade}"), share(decade)));
    heat::bar(scene, (middle, top), Scale::Reds, &marks.collect::<Vec<_>>());
    let top = scene.height + 2.0;
    let blank = "grey: nothing to compare";
    let top = match map.values.iter().flatten().any(|&value| share_of(value).is_none()) {
        true => scene.paragraph(blank, (middle, top), LETTERS, wide, Anchor::Middle) + 3.0,
        false => top,
    };
    let top = top + widest(&map.columns) + 4.0;
    for (j, name) in map.columns.iter().enumerate() {
        scene.upright(name, (left + (j as f64 + 0.5) * cell, top - 3.0), Anchor::Start);
    }
    for (i, (name, values)) in map.rows.iter().zip(&map.values).enumerate() {
        let y = top + i as f64 * ROW;
        scene.label(name, (EDGE, y + ROW / 2.0), Anchor::Start);
        for (j, &value) in values.iter().enumerate() {
            let corner = (left + j as f64 * cell, y);
            scene.rectangle(corner, (cell - 0.5, ROW - 0.5), shade(value));
        }
    }
    scene.height = top + map.rows.len() as f64 * ROW + EDGE;
}

/// Makes a scene wider, what it shows in the middle.
fn widen(scene: &mut Scene, width: f64) {
    let by = (width - scene.width) / 2.0;
    scene.width = width;
    scene.items.iter_mut().for_each(|item| item.shift(by));
}

/// The share of the way from the first to the last colour; none for what is not a positive number.
fn share_of(value: f64) -> Option<f64> {
    let (low, high) = DECADES;
    let share = (value.log10() - f64::from(low)) / f64::from(high - low);
    (value > 0.0).then_some(share)
}

/// From light (1e-15 and below) to dark red (1e-7 and above); grey for what is not a positive number.
fn shade(value: f64) -> Paint {
    share_of(value).map_or(Paint::Faint, |share| Paint::Fixed(Scale::Reds.at(share)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::color::luminance;
    use crate::plot::tests::{map, quadratic, within};

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
        let grey = |value| luminance(shade(value).colors().0);
        assert!(grey(1e-8) < grey(1e-12));
        assert_eq!(shade(f64::NAN), Paint::Faint);
        assert_eq!(shade(0.0), Paint::Faint);
        assert_eq!(shade(1.0), shade(f64::INFINITY));
    }

    #[test]
    fn the_map_is_as_wide_as_its_names_need_and_nothing_leaves_it() {
        let long = HeatMap {
            rows: vec!["a long name of a case, and of all that makes it another one than the others".into()],
            columns: (0..40).map(|i| format!("surrogate {i}")).collect(),
            values: vec![vec![1e-12; 40]],
        };
        for map in [map(), long] {
            within(&draw(&[quadratic()], &map).unwrap().0);
        }
        let none = HeatMap { rows: Vec::new(), columns: Vec::new(), values: Vec::new() };
        assert!(!draw(&[quadratic()], &none).unwrap().svg().contains("all cases"));
    }
}
