//! Charts of lines.

use super::axis::{Axis, Kind, label};
use super::color::Paint;
use super::font;
use super::scene::{Anchor, At, COLUMN, LETTERS, PAGE, Scene, Stroke, TITLE};
use super::{Picture, PlotError, failed};
use super::{legend, marks};

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

/// No more panels beside each other stay readable.
const MOST_BESIDE: usize = 3;
const GAP: f64 = 8.0;
/// Between panels beside each other, and how far a text of an axis may reach into it.
const BESIDE: f64 = 14.0;
const REACH: f64 = 6.0;
const LEAST_TALL: f64 = 105.0;
const FRAME: f64 = 0.6;
/// From an axis to the text beside it.
const OFF: f64 = 3.0;
pub(super) const LEVEL: Stroke = Stroke { paint: Paint::Ink, width: 0.8, dashes: &[3.0, 2.0] };

/// Charts in rows and columns, all of a row over the same range of y; below them one legend.
///
/// # Errors
/// [`PlotError`] when a row has nothing to draw.
///
/// ```
/// use resurge_report::plot::{Axes, Kind, Line, grid};
///
/// let axes = |title: &str, y: f64| Axes {
///     title: title.into(),
///     note: String::new(),
///     x: "epoch".into(),
///     y: "loss".into(),
///     x_kind: Kind::Whole,
///     y_kind: Kind::Log,
///     level: Some(("chance".into(), 2.3)),
///     lines: vec![Line { name: "full".into(), color: 0, points: vec![(1.0, y, None)] }],
/// };
/// let picture = grid(&[vec![axes("Training", 0.1), axes("Test", 0.2)]])?;
/// assert!(picture.svg().contains("Training") && picture.svg().contains("Test"));
/// assert!(grid(&[vec![axes("Nothing", f64::NAN)]]).is_ok(), "the level is there to be drawn");
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
pub fn grid(rows: &[Vec<Axes>]) -> Result<Picture, PlotError> {
    let beside = rows.iter().map(Vec::len).max().unwrap_or(0).clamp(1, MOST_BESIDE);
    let mut names: Vec<&str> = Vec::new();
    for axes in rows.iter().flatten() {
        if !names.contains(&axes.title.as_str()) {
            names.push(&axes.title);
        }
    }
    let width = if beside == 1 { COLUMN } else { PAGE };
    let mut scene = Scene::new(width, names.join("; "));
    let folded = folded(rows, beside)?;
    let layout = Layout::of(width, &folded, beside);
    for (row, y) in folded {
        draw_row(&mut scene, row, &y, &layout)?;
    }
    legend::draw(&mut scene, rows.iter().flatten(), GAP);
    scene.height += GAP;
    Ok(Picture(scene))
}

/// Rows that are no longer than this, with their axes of y: panels that stood below each other still do.
fn folded(rows: &[Vec<Axes>], beside: usize) -> Result<Vec<(&[Axes], Axis)>, PlotError> {
    let axes: Vec<Axis> = rows.iter().map(|row| y_axis(row)).collect::<Result<_, _>>()?;
    let parts = rows.iter().map(|row| row.len().div_ceil(beside)).max().unwrap_or(0);
    let part = |i: usize| {
        let of_row = move |(row, axis): (&'_ Vec<Axes>, &Axis)| {
            Some((i * beside, row.len().min((i + 1) * beside), axis.clone()))
                .filter(|(from, to, _)| from < to)
        };
        rows.iter().zip(&axes).filter_map(move |(row, axis)| {
            let (from, to, axis) = of_row((row, axis))?;
            Some((&row[from..to], axis))
        })
    };
    Ok((0..parts).flat_map(part).collect())
}

fn y_axis(row: &[Axes]) -> Result<Axis, PlotError> {
    let log = row.iter().any(|axes| axes.y_kind == Kind::Log);
    let kind = if log { Kind::Log } else { row.first().map_or(Kind::Linear, |axes| axes.y_kind) };
    let ys = row.iter().flat_map(|axes| {
        let named = axes.lines.iter().filter(|line| !line.name.is_empty());
        let ends = named.flat_map(|line| &line.points).flat_map(|(_, y, band)| {
            let (low, high) = band.unwrap_or((*y, *y));
            [*y, low, high]
        });
        ends.chain(axes.level.iter().map(|level| level.1))
    });
    Axis::covering(ys, kind).ok_or_else(|| failed("no point can be drawn"))
}

/// Where the points of lines are, by x.
fn xs(axes: &Axes) -> impl Iterator<Item = f64> {
    axes.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0))
}

fn x_axis(axes: &Axes, row: &[Axes]) -> Result<Axis, PlotError> {
    // What has no logarithm does not widen the axis of x: such a point is left out.
    let seen = |x: &f64| axes.x_kind != Kind::Log || *x > 0.0;
    let of = |axes: &Axes| xs(axes).filter(seen).collect::<Vec<_>>();
    // A panel without a point has the range of its row.
    Axis::covering(of(axes).into_iter(), axes.x_kind)
        .or_else(|| Axis::covering(row.iter().flat_map(of), axes.x_kind))
        .ok_or_else(|| failed("no point can be drawn"))
}

/// The sizes of panels, the same in all rows, so that those below each other are in line.
struct Layout {
    /// Left of the first panel: what y is, and its ticks. Panels beside it have the same axis.
    left: f64,
    panel: f64,
    tall: f64,
}

impl Layout {
    /// With names of y in at most so many lines.
    fn new(width: f64, rows: &[(&[Axes], Axis)], beside: usize, lines: usize) -> Self {
        let ticks = rows.iter().flat_map(|(_, y)| y.ticks()).map(|tick| font::width(&label(&tick), LETTERS));
        let left = GAP / 2.0 + lines as f64 * LETTERS * 1.2 + ticks.fold(0.0, f64::max) + OFF + 2.0;
        let panel = (width - left - GAP + BESIDE) / beside as f64 - BESIDE;
        Self { left, panel, tall: (panel * 0.8).clamp(LEAST_TALL, 150.0) }
    }

    /// With as many lines as the names of y need.
    fn of(width: f64, rows: &[(&[Axes], Axis)], beside: usize) -> Self {
        let lines = |tall: f64| rows.iter().map(|(row, _)| y_name(row, tall).len()).max().unwrap_or(1);
        match Self::new(width, rows, beside, 1) {
            one if lines(one.tall) <= 1 => one,
            _ => Self::new(width, rows, beside, lines(LEAST_TALL)),
        }
    }
}

/// What the y of a row is, in lines that are no longer than a panel is high.
fn y_name(row: &[Axes], tall: f64) -> Vec<String> {
    font::wrap(row.first().map_or("", |axes| &axes.y), LETTERS, tall)
}

fn draw_row(scene: &mut Scene, row: &[Axes], y: &Axis, layout: &Layout) -> Result<(), PlotError> {
    let &Layout { left, panel, tall } = layout;
    let top = scene.height + GAP;
    let heads = row.iter().map(|axes| {
        let lines = |text: &str, size: f64| font::wrap(text, size, panel).len() as f64 * size * 1.25;
        lines(&axes.title, TITLE) + lines(&axes.note, LETTERS)
    });
    let top = top + heads.fold(0.0, f64::max) + 2.0;
    let mut bottom = top + tall;
    for (i, axes) in row.iter().enumerate() {
        let frame = Frame {
            corner: (left + i as f64 * (panel + BESIDE), top),
            size: (panel, tall),
            x: x_axis(axes, row)?,
            y: y.clone(),
        };
        frame.heading(scene, axes);
        frame.axes(scene, i == 0);
        frame.lines(scene, axes);
        let below = top + tall + OFF + LETTERS * 1.25 + 2.0;
        let middle = (frame.corner.0 + panel / 2.0, below);
        bottom = bottom.max(scene.paragraph(&axes.x, middle, LETTERS, panel, Anchor::Middle));
    }
    let ticks = y.ticks().iter().map(|tick| font::width(&label(tick), LETTERS)).fold(0.0, f64::max);
    let names = y_name(row, tall);
    for (i, name) in names.iter().enumerate() {
        // The last line is next to the ticks.
        let x = left - ticks - OFF - 2.0 - LETTERS * (0.7 + 1.2 * (names.len() - 1 - i) as f64);
        scene.upright(name, (x, top + tall / 2.0), Anchor::Middle);
    }
    scene.height = bottom;
    Ok(())
}

/// A panel's place and axes.
struct Frame {
    corner: At,
    size: At,
    x: Axis,
    y: Axis,
}

impl Frame {
    fn at(&self, x: f64, y: f64) -> Option<At> {
        if self.x.kind == Kind::Log && x <= 0.0 {
            return None;
        }
        let (x, y) = (self.x.share(x)?, self.y.share(y)?);
        Some((self.corner.0 + x * self.size.0, self.corner.1 + (1.0 - y) * self.size.1))
    }

    fn heading(&self, scene: &mut Scene, axes: &Axes) {
        let middle = self.corner.0 + self.size.0 / 2.0;
        let lines = |text: &str, size: f64| font::wrap(text, size, self.size.0).len() as f64 * size * 1.25;
        let y = self.corner.1 - 2.0 - lines(&axes.title, TITLE) - lines(&axes.note, LETTERS);
        let y = scene.paragraph(&axes.title, (middle, y), TITLE, self.size.0, Anchor::Middle);
        scene.paragraph(&axes.note, (middle, y), LETTERS, self.size.0, Anchor::Middle);
    }

    /// The frame, the ticks of x, and those of y where they are to be read.
    fn axes(&self, scene: &mut Scene, first: bool) {
        let (left, top) = self.corner;
        let (right, bottom) = (left + self.size.0, top + self.size.1);
        let (faint, ink) = (Stroke::new(Paint::Faint, 0.5), Stroke::new(Paint::Ink, FRAME));
        for tick in self.y.ticks() {
            let Some(share) = self.y.share(tick) else { continue };
            let y = bottom - share * self.size.1;
            scene.line([(left, y), (right, y)], faint);
            scene.line([(left - 2.0, y), (left, y)], ink);
            if first {
                scene.label(label(&tick), (left - OFF, y), Anchor::End);
            }
        }
        // Texts of neighbouring ticks must not touch: then there is one on every second, third, ... tick.
        let ticks = self.x.ticks();
        let widest = ticks.iter().map(|tick| font::width(&label(tick), LETTERS)).fold(0.0, f64::max);
        let room = self.size.0 / (ticks.len().max(2) - 1) as f64;
        let every = ((widest + LETTERS * 0.6) / room).ceil().max(1.0) as usize;
        for (i, tick) in ticks.iter().enumerate() {
            let Some(share) = self.x.share(*tick) else { continue };
            let x = left + share * self.size.0;
            scene.line([(x, top), (x, bottom)], faint);
            scene.line([(x, bottom), (x, bottom + 2.0)], ink);
            if i % every == 0 {
                let half = font::width(&label(tick), LETTERS) / 2.0;
                let middle = x.min(right + REACH - half).max(left - REACH + half);
                scene.text(label(tick), (middle, bottom + OFF + LETTERS), Anchor::Middle);
            }
        }
        scene.line([(left, top), (left, bottom), (right, bottom)], ink);
    }

    fn lines(&self, scene: &mut Scene, axes: &Axes) {
        for line in &axes.lines {
            self.band(scene, line);
        }
        if let Some(y) = axes.level.as_ref().and_then(|level| self.y.share(level.1)) {
            let y = self.corner.1 + (1.0 - y) * self.size.1;
            scene.line([(self.corner.0, y), (self.corner.0 + self.size.0, y)], LEVEL);
        }
        for line in &axes.lines {
            let places: Vec<Option<At>> = line.points.iter().map(|&(x, y, _)| self.at(x, y)).collect();
            let stroke = match line.name.is_empty() {
                true => marks::guide(line.color),
                false => marks::stroke(line.color),
            };
            for part in places.split(Option::is_none).filter(|part| part.len() > 1) {
                scene.line(part.iter().flatten().copied().collect::<Vec<_>>(), stroke);
            }
            if !line.name.is_empty() {
                let seen: Vec<At> = places.into_iter().flatten().collect();
                marks::along(scene, line.color, &seen);
            }
        }
    }

    /// The intervals of a line's points: the area between their ends.
    fn band(&self, scene: &mut Scene, line: &Line) {
        let ends = |&(x, _, band): &Point| {
            let (low, high) = band?;
            Some((self.at(x, low)?, self.at(x, high)?))
        };
        let ends: Vec<Option<(At, At)>> = line.points.iter().map(ends).collect();
        for part in ends.split(Option::is_none).filter(|part| part.len() > 1) {
            let part: Vec<(At, At)> = part.iter().flatten().copied().collect();
            let outline = part.iter().map(|end| end.1).chain(part.iter().rev().map(|end| end.0));
            scene.area(outline.collect(), Paint::Series(line.color), 0.18);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::scene::Item;

    fn line(color: usize, points: Vec<Point>) -> Line {
        Line { name: format!("line {color}"), color, points }
    }

    fn axes(lines: Vec<Line>) -> Axes {
        let (title, x, y) = ("the title".into(), "the x".into(), "the y".into());
        let (x_kind, y_kind) = (Kind::Log, Kind::Log);
        let level = Some(("the level".into(), 2.0));
        Axes { title, note: "the note".into(), x, y, x_kind, y_kind, level, lines }
    }

    fn items(rows: &[Vec<Axes>], keep: fn(&Item) -> bool) -> Vec<Item> {
        grid(rows).unwrap().0.items.into_iter().filter(keep).collect()
    }

    fn areas(item: &Item) -> bool {
        matches!(item, Item::Area { opacity, .. } if *opacity < 1.0)
    }

    #[test]
    fn charts_name_what_they_show_and_leave_out_what_cannot_be_drawn() {
        let good = vec![(0.1, 1.0, Some((0.5, 2.0))), (1.0, 3.0, None), (10.0, f64::INFINITY, None)];
        let svg = grid(&[vec![axes(vec![line(1, good)])]]).unwrap().svg();
        for text in ["line 1", "the title", "the note", "the x", "the y", "the level"] {
            assert!(svg.contains(&format!(">{text}<")), "{text}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let empty = Axes { level: None, ..axes(Vec::new()) };
        let one = axes(vec![line(0, vec![(1.0, 3.0, None)])]);
        assert!(grid(&[vec![one, empty]]).unwrap().svg().contains("<circle"), "a single point");
        let none = Axes { level: None, ..axes(vec![line(0, vec![(1.0, 0.0, None), (2.0, -1.0, None)])]) };
        assert!(grid(&[vec![none]]).unwrap_err().to_string().contains("no point"));
    }

    #[test]
    fn a_band_down_to_zero_reaches_the_floor_of_a_logarithmic_axis() {
        let band = |low| Some((low, 4.0));
        let points = vec![(1.0, 2.0, band(1.0)), (2.0, 2.0, band(0.0)), (3.0, 2.0, band(-1.0))];
        let found = items(&[vec![axes(vec![line(0, points)])]], areas);
        let Item::Area { points, .. } = &found[0] else { unreachable!() };
        assert_eq!((found.len(), points.len()), (1, 6), "no point of the band is left out");
        let lowest = points.iter().map(|at| at.1).fold(0.0, f64::max);
        assert_eq!([points[3].1, points[4].1], [lowest; 2], "below 0 and at 0: on the floor");
        assert!(points[5].1 < lowest - 5.0, "the smallest positive one lies well above");
    }

    #[test]
    fn a_line_is_broken_where_a_point_is_no_number() {
        let points = [1.0, 2.0, f64::NAN, 3.0, 4.0, 5.0].into_iter().zip(1..);
        let points = points.map(|(y, x)| (f64::from(x), y, None)).collect();
        let thick = |item: &Item| matches!(item, Item::Line { stroke, .. } if stroke.width > 1.0);
        let found = items(&[vec![axes(vec![line(0, points)])]], thick);
        let lengths = found.iter().map(|item| match item {
            Item::Line { points, .. } => points.len(),
            _ => 0,
        });
        // The last is that of the legend.
        assert_eq!(lengths.collect::<Vec<_>>(), [2, 3, 2]);
    }

    #[test]
    fn one_legend_names_each_line_once_and_rows_are_folded() {
        let points = vec![(1.0, 1.0, None), (2.0, 2.0, None)];
        let panel = |title: &str| Axes { title: title.into(), ..axes(vec![line(0, points.clone())]) };
        let row = |name: &str| (1..=4).map(|i| panel(&format!("{name}{i}"))).collect::<Vec<_>>();
        let picture = grid(&[row("a"), row("b")]).unwrap();
        let svg = picture.svg();
        assert_eq!((svg.matches(">line 0<").count(), svg.matches(">the level<").count()), (1, 1));
        // Each below its own: a4 and b4 come after b1 to b3.
        let order = ["a1", "a3", "b1", "b3", "a4", "b4"].map(|name| svg.find(&format!(">{name}<")).unwrap());
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(picture.0.width, PAGE);
        assert_eq!(grid(&[vec![panel("a")]]).unwrap().0.width, COLUMN);
    }

    #[test]
    fn no_text_is_smaller_than_journals_ask_or_leaves_the_figure() {
        let points = vec![(1e-5, 1e-9, None), (1.0, 2.0, None)];
        let panel = Axes { y: "a long name of what y is, ".repeat(2), ..axes(vec![line(0, points)]) };
        for rows in [vec![vec![panel.clone()]], vec![vec![panel.clone(); 3], vec![panel; 3]]] {
            let scene = grid(&rows).unwrap().0;
            crate::plot::tests::within(&scene);
        }
    }
}
