//! Heat maps side by side, over one scale of colours.

use super::charts::draw;
use super::{HeatMap, PlotError, failed};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Heat maps of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HeatMaps {
    /// The title above all.
    pub(crate) title: String,
    /// What the columns are.
    pub(crate) x: String,
    /// What the rows are.
    pub(crate) y: String,
    /// What the colours are.
    pub(crate) scale: String,
    /// The values of the first and the last colour. What lies beyond has the colour of the end.
    pub(crate) range: (f64, f64),
    /// Rows of maps with their titles.
    pub(crate) maps: Vec<Vec<(String, HeatMap)>>,
}

const CELL: (i32, i32) = (44, 24);
const LEFT: i32 = 64;
const TOP: i32 = 44;
const GAP: (i32, i32) = (84, 86);
/// The least height of the scale of colours: room for its three labels.
const LEAST_SCALE: i32 = 60;

/// Draws heat maps: a colour bar, and the value in each cell, so that it can be read without colours, too. What is not a
/// finite number is crossed out.
///
/// # Errors
/// [`PlotError`] when no map has a cell, or the range is empty.
pub(crate) fn heat_maps(of: &HeatMaps) -> Result<String, PlotError> {
    let all = || of.maps.iter().flatten().map(|(_, map)| map);
    let widest = |size: fn(&HeatMap) -> usize| all().map(size).max().unwrap_or(0) as i32;
    let (columns, rows) = (widest(|map| map.columns.len()), widest(|map| map.rows.len()));
    if columns * rows == 0 {
        return Err(PlotError("no map has a cell".into()));
    }
    if of.range.0 >= of.range.1 || !(of.range.1 - of.range.0).is_finite() {
        return Err(PlotError(format!("the colours go from {} to {}", of.range.0, of.range.1)));
    }
    let panel = (columns * CELL.0 + GAP.0, rows * CELL.1 + GAP.1);
    let across = of.maps.iter().map(Vec::len).max().unwrap_or(1) as i32;
    // Room for the maps, for the title (at nine pixels a letter) and for the scale.
    let width = (LEFT + across * panel.0 + 60).max(32 + 9 * of.title.chars().count() as i32);
    let size = (width, TOP + (of.maps.len() as i32 * panel.1).max(LEAST_SCALE + 60) + 10);
    let small = ("sans-serif", 12).into_font();
    let middle = TextStyle::from(small.clone()).pos(Pos::new(HPos::Center, VPos::Center));
    let right = TextStyle::from(small.clone()).pos(Pos::new(HPos::Right, VPos::Center));
    draw((size.0 as u32, size.1 as u32), |root| {
        let text = |text: &str, style: &TextStyle<'_>, at: (i32, i32)| {
            root.draw_text(text, style, at).map_err(failed)
        };
        text(&of.title, &TextStyle::from(("sans-serif", 17)), (16, 10))?;
        for (down, row) in of.maps.iter().enumerate() {
            for (along, (title, map)) in row.iter().enumerate() {
                let (left, top) = (LEFT + along as i32 * panel.0, TOP + 22 + down as i32 * panel.1);
                text(title, &middle, (left + columns * CELL.0 / 2, top - 12))?;
                for (i, name) in map.rows.iter().enumerate() {
                    text(name, &right, (left - 6, top + i as i32 * CELL.1 + CELL.1 / 2))?;
                }
                let bottom = top + map.rows.len() as i32 * CELL.1;
                for (j, name) in map.columns.iter().enumerate() {
                    text(name, &middle, (left + j as i32 * CELL.0 + CELL.0 / 2, bottom + 11))?;
                }
                text(&of.x, &middle, (left + columns * CELL.0 / 2, bottom + 28))?;
                let turned = middle.transform(FontTransform::Rotate270);
                text(&of.y, &turned, (left - 46, (top + bottom) / 2))?;
                for (i, values) in map.values.iter().enumerate() {
                    for (j, &value) in values.iter().enumerate() {
                        let at = (left + j as i32 * CELL.0, top + i as i32 * CELL.1);
                        let ends = [at, (at.0 + CELL.0 - 1, at.1 + CELL.1 - 1)];
                        if !value.is_finite() {
                            root.draw(&Rectangle::new(ends, BLACK.mix(0.3))).map_err(failed)?;
                            root.draw(&PathElement::new(ends, BLACK.mix(0.3))).map_err(failed)?;
                            let other = [(ends[0].0, ends[1].1), (ends[1].0, ends[0].1)];
                            root.draw(&PathElement::new(other, BLACK.mix(0.3))).map_err(failed)?;
                            continue;
                        }
                        let color = color((value - of.range.0) / (of.range.1 - of.range.0));
                        root.draw(&Rectangle::new(ends, color.filled())).map_err(failed)?;
                        let ink = if luminance(color) > 0.5 { BLACK } else { WHITE };
                        let centre = (at.0 + CELL.0 / 2, at.1 + CELL.1 / 2);
                        text(&short(value), &middle.color(&ink), centre)?;
                    }
                }
            }
        }
        let (x, high) = (LEFT + across * panel.0 - 20, (rows * CELL.1).max(LEAST_SCALE));
        for i in 0..high {
            let color = color(1.0 - f64::from(i) / f64::from((high - 1).max(1)));
            let line = Rectangle::new([(x, TOP + 22 + i), (x + 16, TOP + 23 + i)], color.filled());
            root.draw(&line).map_err(failed)?;
        }
        let label = TextStyle::from(small.clone());
        let beyond = |side: fn(f64, f64) -> bool, end: f64| {
            all().flat_map(|map| map.values.iter().flatten()).any(|&value| side(value, end))
        };
        let (low, high_end) = of.range;
        let above = if beyond(|value, end| value > end, high_end) { "\u{2265} " } else { "" };
        let below = if beyond(|value, end| value < end, low) { "\u{2264} " } else { "" };
        for (mark, value, at) in
            [(above, high_end, 0), ("", 0.5 * (low + high_end), high / 2), (below, low, high - 8)]
        {
            text(&format!("{mark}{}", short(value)), &label, (x + 20, TOP + 20 + at))?;
        }
        text(&of.scale, &right, (x + 70, TOP + 22 + high + 14))
    })
}

/// Two decimals where there is room for them.
fn short(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 999.5 => format!("{value:.0}"),
        _ => format!("{value:.0e}"),
    }
}

/// From dark blue over green to yellow, ever lighter: linear between five stops of matplotlib's viridis (Smith and van
/// der Walt 2015), which is uniform to the eye and keeps its order in grey.
fn color(share: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 5] = [
        [68.0, 1.0, 84.0],
        [59.0, 82.0, 139.0],
        [33.0, 145.0, 140.0],
        [94.0, 201.0, 98.0],
        [253.0, 231.0, 37.0],
    ];
    let at = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let below = (at as usize).min(STOPS.len() - 2);
    let mix = |i: usize| {
        (STOPS[below][i] + (STOPS[below + 1][i] - STOPS[below][i]) * (at - below as f64)).round() as u8
    };
    RGBColor(mix(0), mix(1), mix(2))
}

/// Relative luminance, Rec. 709 weights on linear light, brought back to the lightness of a grey.
fn luminance(RGBColor(r, g, b): RGBColor) -> f64 {
    let linear = |x: u8| (f64::from(x) / 255.0).powf(2.2);
    (0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)).powf(1.0 / 2.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_get_lighter_with_the_value_so_that_greys_keep_the_order() {
        let greys: Vec<f64> = (0..=100).map(|i| luminance(color(f64::from(i) / 100.0))).collect();
        assert!(greys.windows(2).all(|pair| pair[1] > pair[0]), "{greys:?}");
        assert!(greys[0] < 0.2 && greys[100] > 0.85);
        assert_eq!(color(-3.0), color(0.0));
        assert_eq!(color(7.0), color(1.0));
    }

    fn maps(values: Vec<Vec<f64>>, range: (f64, f64)) -> HeatMaps {
        let names = |n: usize, of: &str| (0..n).map(|i| format!("{of}{i}")).collect();
        let map = HeatMap { rows: names(values.len(), "r"), columns: names(values[0].len(), "c"), values };
        let (title, x, y, scale) = ("the title".into(), "the x".into(), "the y".into(), "the scale".into());
        HeatMaps { title, x, y, scale, range, maps: vec![vec![("the panel".into(), map)]] }
    }

    #[test]
    fn a_map_names_what_it_shows_and_crosses_out_what_there_is_not() {
        let svg = heat_maps(&maps(vec![vec![0.25, f64::NAN], vec![12.4, -0.5]], (0.0, 1.0))).unwrap();
        for text in
            ["the title", "the x", "the y", "the scale", "the panel", "r1", "c1", "0.25", "-0.50", ">\n12\n<"]
        {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("NaN"));
        let crosses = |svg: &str| svg.matches("<polyline").count();
        let whole = heat_maps(&maps(vec![vec![0.25, 0.1], vec![12.4, -0.5]], (0.0, 1.0))).unwrap();
        assert_eq!((crosses(&svg), crosses(&whole)), (2, 0));
        assert!(
            whole.contains("\u{2265} 1.00") && whole.contains("\u{2264} 0.00"),
            "values lie beyond both ends"
        );
        let inside = heat_maps(&maps(vec![vec![0.0, 1.0]], (0.0, 1.0))).unwrap();
        assert!(!inside.contains('\u{2265}') && !inside.contains('\u{2264}'));
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        assert!(
            heat_maps(&maps(vec![vec![]], (0.0, 1.0))).unwrap_err().to_string().contains("no map has a cell")
        );
        assert!(
            heat_maps(&maps(vec![vec![1.0]], (1.0, 1.0))).unwrap_err().to_string().contains("from 1 to 1")
        );
    }
}
