//! Heat maps side by side, over one scale of colours.

use super::color::{Paint, Rgb, Scale, luminance};
use super::font;
use super::scene::{Anchor, At, COLUMN, Item, LETTERS, Scene, Stroke, TITLE};
use super::{HeatMap, Picture, PlotError, failed};

/// Heat maps of one quantity.
///
/// ```
/// use resurge_report::plot::{HeatMap, HeatMaps, heat_maps};
///
/// let values = vec![vec![0.9, -0.2]];
/// let map = HeatMap { rows: vec!["0.1".into()], columns: vec!["0.5".into(), "0.9".into()], values };
/// let maps = HeatMaps {
///     title: "Cosine".into(),
///     x: "decay".into(),
///     y: "width".into(),
///     scale: "cosine".into(),
///     range: (-1.0, 1.0),
///     line_at_zero: true,
///     maps: vec![(String::new(), vec![("detached".into(), map)])],
/// };
/// assert!(heat_maps(&maps)?.svg().contains("detached"));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMaps {
    /// The title above all.
    pub title: String,
    /// What the columns are.
    pub x: String,
    /// What the rows are.
    pub y: String,
    /// What the colours are.
    pub scale: String,
    /// The values of the first and the last colour. What lies beyond has the colour of the end. Where 0 is in the middle
    /// it is neutral, with one colour for less and one for more.
    pub range: (f64, f64),
    /// Whether a line is drawn between cells of unlike sign, which colours in grey do not show.
    pub line_at_zero: bool,
    /// Rows of maps, all over the same rows and columns: what a row shows, and of each map the title.
    pub maps: Vec<(String, Vec<(String, HeatMap)>)>,
}

const EDGE: f64 = 6.0;
const GAP: f64 = 7.0;
const REACH: f64 = 3.0;
const LEAST_ROW: f64 = 9.5;
const BAR: At = (110.0, 8.0);

impl HeatMaps {
    /// The same maps in rows that fit beside each other in a column of a paper: two of a single row, or what stood below
    /// each other.
    fn arranged(&self) -> Vec<Vec<&(String, HeatMap)>> {
        match &self.maps[..] {
            [(_, row)] => row.chunks(2).map(|pair| pair.iter().collect()).collect(),
            rows => {
                let across = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
                (0..across).map(|i| rows.iter().filter_map(|row| row.1.get(i)).collect()).collect()
            }
        }
    }

    fn diverging(&self) -> bool {
        self.range.0 == -self.range.1
    }

    fn colors(&self) -> Scale {
        if self.diverging() { Scale::Diverging } else { Scale::Sequential }
    }

    fn color(&self, value: f64) -> Rgb {
        self.colors().at((value - self.range.0) / (self.range.1 - self.range.0))
    }

    fn all(&self) -> impl Iterator<Item = &HeatMap> {
        self.maps.iter().flat_map(|row| &row.1).map(|(_, map)| map)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.all().flat_map(|map| map.values.iter().flatten().copied())
    }
}

/// Draws heat maps as wide as a column of a paper, with a bar of the colours. A value is written into its cell where
/// there is room in all of them. What is not a finite number is crossed out.
///
/// # Errors
/// [`PlotError`] when no map has a cell, or the range is empty.
///
/// ```
/// use resurge_report::plot::{HeatMap, HeatMaps, heat_maps};
///
/// let values = vec![vec![0.9, f64::NAN]]; // one is crossed out
/// let map = HeatMap { rows: vec!["0.1".into()], columns: vec!["0.5".into(), "0.9".into()], values };
/// let maps = HeatMaps {
///     title: "Cosine".into(),
///     x: "decay".into(),
///     y: "width".into(),
///     scale: "cosine".into(),
///     range: (-1.0, 1.0),
///     line_at_zero: true,
///     maps: vec![(String::new(), vec![("detached".into(), map)])],
/// };
/// assert!(heat_maps(&maps)?.svg().starts_with("<svg"));
/// assert!(heat_maps(&HeatMaps { range: (1.0, 1.0), ..maps }).is_err());
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
pub fn heat_maps(of: &HeatMaps) -> Result<Picture, PlotError> {
    let widest = |size: fn(&HeatMap) -> usize| of.all().map(size).max().unwrap_or(0);
    let (columns, rows) = (widest(|map| map.columns.len()), widest(|map| map.rows.len()));
    if columns * rows == 0 {
        return Err(failed("no map has a cell"));
    }
    if of.range.0 >= of.range.1 || !(of.range.1 - of.range.0).is_finite() {
        return Err(failed(format!("the colours go from {} to {}", of.range.0, of.range.1)));
    }
    let arranged = of.arranged();
    let names = of.all().flat_map(|map| &map.rows).map(|name| font::width(name, LETTERS));
    let left = EDGE + LETTERS * 1.3 + names.fold(0.0, f64::max) + 3.0;
    let beside = arranged.iter().map(Vec::len).max().unwrap_or(1);
    let panel = (COLUMN - left - EDGE + GAP) / beside as f64 - GAP;
    let values = of.values().filter(|value| value.is_finite());
    let number = values.map(|value| font::width(&short(value), LETTERS)).fold(0.0, f64::max);
    let cell = (panel / columns as f64, LEAST_ROW);
    let layout = Layout { of, cell, written: number + 2.0 <= cell.0 };
    let mut scene = Scene::new(COLUMN, &of.title);
    let room = COLUMN - 2.0 * EDGE;
    scene.height = scene.paragraph(&of.title, (COLUMN / 2.0, 6.0), TITLE, room, Anchor::Middle);
    // What each column of maps shows, above the first.
    let top = scene.height + 3.0;
    for (i, (what, _)) in of.maps.iter().enumerate() {
        let middle = left + i as f64 * (panel + GAP) + panel / 2.0;
        let below = scene.paragraph(what, (middle, top), LETTERS, panel, Anchor::Middle);
        scene.height = scene.height.max(below);
    }
    for (down, row) in arranged.iter().enumerate() {
        let heads = row.iter().map(|(title, _)| font::wrap(title, LETTERS, panel).len());
        let top = scene.height + 4.0 + heads.max().unwrap_or(0) as f64 * LETTERS * 1.25;
        let mut bottom = top;
        for (along, (title, map)) in row.iter().enumerate() {
            let corner = (left + along as f64 * (panel + GAP), top);
            let lines = font::wrap(title, LETTERS, panel).len() as f64;
            let head = (corner.0 + panel / 2.0, top - 1.0 - lines * LETTERS * 1.25);
            scene.paragraph(title, head, LETTERS, panel, Anchor::Middle);
            layout.cells(&mut scene, map, corner);
            if along == 0 {
                layout.rows(&mut scene, map, corner);
            }
            // Names of columns below the last map of each column of maps.
            let last = arranged.get(down + 1).is_none_or(|row| row.len() <= along);
            bottom = bottom.max(match last {
                true => layout.columns(&mut scene, map, corner),
                false => top + map.rows.len() as f64 * cell.1,
            });
        }
        scene.height = bottom;
    }
    scene.height = scene.paragraph(&of.x, (COLUMN / 2.0, scene.height + 3.0), LETTERS, room, Anchor::Middle);
    color_bar(&mut scene, of);
    Ok(Picture(scene))
}

struct Layout<'a> {
    of: &'a HeatMaps,
    cell: At,
    /// Whether values are written into the cells.
    written: bool,
}

impl Layout<'_> {
    fn cells(&self, scene: &mut Scene, map: &HeatMap, corner: At) {
        let at = |i: usize, j: usize| (corner.0 + j as f64 * self.cell.0, corner.1 + i as f64 * self.cell.1);
        for (i, values) in map.values.iter().enumerate() {
            for (j, &value) in values.iter().enumerate() {
                let (x, y) = at(i, j);
                let (right, bottom) = at(i + 1, j + 1);
                if !value.is_finite() {
                    let stroke = Stroke::new(Paint::Ink, 0.4);
                    scene.line([(x, y), (right, bottom)], stroke);
                    scene.line([(x, bottom), (right, y)], stroke);
                    continue;
                }
                let color = self.of.color(value);
                // To the edge of the map: the next cells cover the rest, and no gap is left between them.
                let size = (corner.0 + self.cell.0 * values.len() as f64 - x, self.cell.1);
                scene.rectangle((x, y), size, Paint::Fixed(color));
                if self.written {
                    // On which black and white stand out alike.
                    let ink = if luminance(color) > 0.179 { [0, 0, 0] } else { [255, 255, 255] };
                    let foot = ((x + right) / 2.0, (y + bottom + LETTERS * font::CAPITAL) / 2.0);
                    scene.sized(short(value), foot, LETTERS, Anchor::Middle, Paint::Fixed(ink));
                }
            }
        }
        if self.of.line_at_zero {
            let stroke = Stroke::new(Paint::Fixed([0, 0, 0]), 0.9);
            for (i, j, below) in borders(&map.values) {
                let (from, to) = (at(i, j), at(i + 1, j + 1));
                let start = if below { (from.0, to.1) } else { (to.0, from.1) };
                scene.line([start, to], stroke);
            }
        }
        let (right, bottom) = at(map.rows.len(), map.columns.len());
        let (x, y) = corner;
        let frame = [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)];
        scene.line(frame, Stroke::new(Paint::Ink, 0.5));
    }

    /// The names of the rows, and what they are.
    fn rows(&self, scene: &mut Scene, map: &HeatMap, corner: At) {
        let middle = |i: usize| corner.1 + (i as f64 + 0.5) * self.cell.1;
        for (i, name) in map.rows.iter().enumerate() {
            scene.label(name, (corner.0 - 3.0, middle(i)), Anchor::End);
        }
        let centre = corner.1 + map.rows.len() as f64 * self.cell.1 / 2.0;
        scene.upright(&self.of.y, (EDGE + LETTERS / 2.0, centre), Anchor::Middle);
    }

    /// The names of the columns, as many as there is room for. Gives the height below them.
    fn columns(&self, scene: &mut Scene, map: &HeatMap, corner: At) -> f64 {
        let widest = map.columns.iter().map(|name| font::width(name, LETTERS)).fold(0.0, f64::max);
        let every = ((widest + 3.0) / self.cell.0).ceil().max(1.0) as usize;
        let bottom = corner.1 + map.rows.len() as f64 * self.cell.1;
        let right = corner.0 + map.columns.len() as f64 * self.cell.0;
        for (j, name) in map.columns.iter().enumerate().step_by(every) {
            let half = font::width(name, LETTERS) / 2.0;
            let x = corner.0 + (j as f64 + 0.5) * self.cell.0;
            scene.line([(x, bottom), (x, bottom + 2.0)], Stroke::new(Paint::Ink, 0.5));
            // A name does not reach into the next map.
            let middle = x.min(right + REACH - half).max(corner.0 - REACH + half);
            scene.text(name, (middle, bottom + 3.0 + LETTERS), Anchor::Middle);
        }
        bottom + 3.0 + LETTERS * 1.25
    }
}

/// Cells whose right or lower (`true`) neighbour has another sign.
fn borders(values: &[Vec<f64>]) -> Vec<(usize, usize, bool)> {
    let sign = |i: usize, j: usize| {
        values.get(i).and_then(|row| row.get(j)).filter(|value| value.is_finite()).map(|&value| value > 0.0)
    };
    let cells = values.iter().enumerate().flat_map(|(i, row)| (0..row.len()).map(move |j| (i, j)));
    let both = cells.flat_map(|(i, j)| [(i, j, false), (i, j, true)]);
    let differs = |&(i, j, below): &(usize, usize, bool)| {
        let next = if below { sign(i + 1, j) } else { sign(i, j + 1) };
        matches!((sign(i, j), next), (Some(here), Some(next)) if here != next)
    };
    both.filter(differs).collect()
}

/// The colours from the left to the right, their values, and what they are.
fn color_bar(scene: &mut Scene, of: &HeatMaps) {
    let beyond = |side: fn(f64, f64) -> bool, end: f64| of.values().any(|value| side(value, end));
    let (low, high) = of.range;
    let above = if beyond(|value, end| value > end, high) { "\u{2265} " } else { "" };
    let below = if beyond(|value, end| value < end, low) { "\u{2264} " } else { "" };
    let sign = of.line_at_zero && of.all().any(|map| !borders(&map.values).is_empty());
    let words = format!("{}{}", of.scale, if sign { "; black line: 0" } else { "" });
    let marks = [(below, low, 0.0), ("", 0.5 * (low + high), 0.5), (above, high, 1.0)];
    let top = scene.height + 4.0;
    bar(
        scene,
        (COLUMN / 2.0, top),
        of.colors(),
        &marks.map(|(mark, value, share)| (format!("{mark}{}", short(value)), share)),
    );
    let room = COLUMN - 2.0 * EDGE;
    scene.height = scene.paragraph(&words, (COLUMN / 2.0, scene.height), LETTERS, room, Anchor::Middle) + 5.0;
}

/// One rectangle of all colours, the middle of its upper side at `at`, with texts at shares of its width.
pub(super) fn bar(scene: &mut Scene, at: At, colors: Scale, marks: &[(String, f64)]) {
    let corner = (at.0 - BAR.0 / 2.0, at.1);
    scene.items.push(Item::Gradient { corner, size: BAR, stops: colors.stops() });
    for (text, share) in marks {
        let (x, y) = (corner.0 + share * BAR.0, corner.1 + BAR.1);
        scene.line([(x, y), (x, y + 2.0)], Stroke::new(Paint::Ink, 0.5));
        scene.text(text, (x, y + 3.0 + LETTERS), Anchor::Middle);
    }
    scene.height = corner.1 + BAR.1 + 4.0 + LETTERS * 1.25;
}

/// Two decimals where there is room for them.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 999.5 => format!("{value:.0}"),
        _ => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::within;

    fn maps(values: Vec<Vec<f64>>, range: (f64, f64)) -> HeatMaps {
        let names = |n: usize, of: &str| (0..n).map(|i| format!("{of}{i}")).collect();
        let map = HeatMap { rows: names(values.len(), "r"), columns: names(values[0].len(), "c"), values };
        let (title, x, y, scale) = ("the title".into(), "the x".into(), "the y".into(), "the scale".into());
        let line_at_zero = range.0 < 0.0;
        HeatMaps {
            title,
            x,
            y,
            scale,
            range,
            line_at_zero,
            maps: vec![("the row".into(), vec![("the panel".into(), map)])],
        }
    }

    fn drawn(values: Vec<Vec<f64>>, range: (f64, f64)) -> String {
        heat_maps(&maps(values, range)).unwrap().svg()
    }

    #[test]
    fn a_map_names_what_it_shows_and_crosses_out_what_there_is_not() {
        let svg = drawn(vec![vec![0.25, f64::NAN], vec![12.4, -0.5]], (0.0, 1.0));
        for text in [
            "the title",
            "the x",
            "the y",
            "the scale",
            "the row",
            "the panel",
            "r1",
            "c1",
            "0.25",
            "-0.50",
            "12",
        ] {
            assert!(svg.contains(&format!(">{text}<")), "{text}");
        }
        assert!(!svg.contains("NaN"));
        let lines = |svg: &str| svg.matches("<polyline").count();
        let whole = drawn(vec![vec![0.25, 0.1], vec![12.4, -0.5]], (0.0, 1.0));
        assert_eq!(lines(&svg) - lines(&whole), 2);
        assert!(
            whole.contains("\u{2265} 1.00") && whole.contains("\u{2264} 0<"),
            "values lie beyond both ends"
        );
        let inside = drawn(vec![vec![0.0, 1.0]], (0.0, 1.0));
        assert!(!inside.contains('\u{2265}') && !inside.contains('\u{2264}'));
    }

    #[test]
    fn zero_is_neutral_where_it_is_in_the_middle() {
        let of = maps(vec![vec![0.0, -0.6, 0.6]], (-1.0, 1.0));
        let [zero, less, more] = [0.0, -0.6, 0.6].map(|value| of.color(value));
        assert_eq!(zero, Scale::Diverging.at(0.5));
        assert!(less[2] > less[0] && more[0] > more[2]);
        assert!(drawn(vec![vec![-0.6, 0.6]], (-1.0, 1.0)).contains("black line"));
        assert!(!drawn(vec![vec![0.5, 0.6]], (-1.0, 1.0)).contains("black line"));
        assert_eq!(
            borders(&[vec![1.0, -1.0], vec![1.0, f64::NAN], vec![-1.0, 2.0]]),
            [(0, 0, false), (1, 0, true), (2, 0, false)]
        );
    }

    #[test]
    fn the_bar_of_colours_is_one_rectangle() {
        let svg = drawn(vec![vec![0.5]], (0.0, 1.0));
        // The background, the cell and the bar.
        assert_eq!((svg.matches("<rect").count(), svg.matches("<linearGradient").count()), (3, 1));
    }

    #[test]
    fn maps_fit_a_column_of_a_paper_with_letters_that_can_be_read() {
        let mut wide = maps(vec![vec![-0.25; 7]; 9], (-1.0, 1.0)).maps.remove(0).1.remove(0);
        wide.1.columns.iter_mut().for_each(|name| *name = format!("0.0{name}"));
        for (across, down) in [(1, 1), (5, 1), (5, 3), (2, 2)] {
            let of = HeatMaps {
                maps: vec![("full\nln rms J".into(), vec![wide.clone(); across]); down],
                title: "A long title that says what all of the maps below it show to those who look".into(),
                ..maps(vec![vec![0.0]], (-1.0, 1.0))
            };
            let scene = heat_maps(&of).unwrap().0;
            assert_eq!(scene.width, 240.0);
            within(&scene);
        }
        // Numbers are written where there is room for them.
        assert!(drawn(vec![vec![0.25; 7]], (0.0, 1.0)).contains(">0.25<"));
        assert!(!drawn(vec![vec![0.25; 20]], (0.0, 1.0)).contains(">0.25<"));
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let error = |values, range| heat_maps(&maps(values, range)).unwrap_err().to_string();
        assert!(error(vec![vec![]], (0.0, 1.0)).contains("no map has a cell"));
        assert!(error(vec![vec![1.0]], (1.0, 1.0)).contains("from 1 to 1"));
    }
}
