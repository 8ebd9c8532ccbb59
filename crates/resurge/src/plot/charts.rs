//! Charts of lines, of bars and of spikes.

use super::axis::{Axis, label};
use super::{PlotError, failed};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::ops::Range;

/// x, y, and the ends of an interval of y.
pub(crate) type Point = (f64, f64, Option<(f64, f64)>);

/// A line through points, each with an interval where it has one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// Its name in the legend.
    pub(crate) name: String,
    /// The number of its colour.
    pub(crate) color: usize,
    /// The points. One that is not finite, or not positive on a logarithmic axis, is
    /// left out.
    pub(crate) points: Vec<Point>,
}

/// Lines over the same axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axes {
    /// The title.
    pub(crate) title: String,
    /// What x is.
    pub(crate) x: String,
    /// What y is.
    pub(crate) y: String,
    /// Whether x is logarithmic.
    pub(crate) x_log: bool,
    /// Whether y is logarithmic.
    pub(crate) y_log: bool,
    /// A dashed horizontal line: its name and y.
    pub(crate) level: Option<(String, f64)>,
    /// The lines.
    pub(crate) lines: Vec<Line>,
}

/// Marks on a strip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strips {
    /// Its name.
    pub(crate) name: String,
    /// Where the marks are.
    pub(crate) marks: Vec<usize>,
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Colours that people with any kind of colour vision can tell apart (Okabe and Ito).
fn color(i: usize) -> RGBColor {
    const COLORS: [RGBColor; 6] = [
        RGBColor(0, 114, 178),
        RGBColor(213, 94, 0),
        RGBColor(0, 158, 115),
        RGBColor(204, 121, 167),
        RGBColor(86, 180, 233),
        RGBColor(230, 159, 0),
    ];
    COLORS[i % COLORS.len()]
}

pub(super) fn draw(
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        draw(&root)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

/// Charts in rows and columns, all of a row over the same range of y.
///
/// # Errors
/// [`PlotError`] when a row has nothing to draw.
pub(crate) fn grid(rows: &[Vec<Axes>]) -> Result<String, PlotError> {
    const PANEL: (u32, u32) = (460, 390);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let legend = rows.iter().flatten().map(legend_height).max().unwrap_or(0);
    let size = (PANEL.0 * columns as u32, (PANEL.1 + legend) * rows.len().max(1) as u32);
    draw(size, |root| {
        let areas = root.split_evenly((rows.len().max(1), columns));
        for (row, areas) in rows.iter().zip(areas.chunks(columns)) {
            let y_log = row.iter().any(|axes| axes.y_log);
            let ys = row.iter().flat_map(|axes| {
                let ends = axes.lines.iter().flat_map(|line| &line.points).flat_map(|(_, y, band)| {
                    let (low, high) = band.unwrap_or((*y, *y));
                    [*y, low, high]
                });
                ends.chain(axes.level.iter().map(|level| level.1))
            });
            let y = range(ys, y_log)?;
            for (axes, area) in row.iter().zip(areas) {
                // A panel without a point has the range of its row.
                let x =
                    range(xs(axes), axes.x_log).or_else(|_| range(row.iter().flat_map(xs), axes.x_log))?;
                let (area, below) = area.split_vertically(PANEL.1);
                let x = Axis { range: x, log: axes.x_log };
                chart(&area, axes, x, Axis { range: y.clone(), log: y_log })?;
                draw_legend(&below, axes)?;
            }
        }
        Ok(())
    })
}

/// Where the points of lines are, by x.
fn xs(axes: &Axes) -> impl Iterator<Item = f64> {
    axes.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0))
}

/// What the values cover, with a margin on a logarithmic axis and from 0 on a linear one.
fn range(values: impl Iterator<Item = f64>, log: bool) -> Result<Range<f64>, PlotError> {
    let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite() && (!log || *value > 0.0)) {
        ends = (ends.0.min(value), ends.1.max(value));
    }
    match ends {
        (low, high) if low > high => Err(PlotError("no point can be drawn".into())),
        (low, high) if log => Ok(low / 1.15..high * 1.15),
        (low, high) if low >= 0.0 => Ok(0.0..if high > 0.0 { high * 1.05 } else { 1.0 }),
        (low, high) => Ok(low..high.max(low + 1.0)),
    }
}

/// Rows of a legend hold so many names.
const NAMES_A_ROW: usize = 2;
const LEGEND_ROW: u32 = 18;

fn legend_height(axes: &Axes) -> u32 {
    let names = axes.lines.len() + usize::from(axes.level.is_some());
    names.div_ceil(NAMES_A_ROW) as u32 * LEGEND_ROW
}

/// Names below a chart, where they cover nothing of it.
fn draw_legend(area: &Area<'_>, axes: &Axes) -> Result<(), PlotError> {
    let (left, wide) = (70, 195);
    let lines = axes.lines.iter().map(|line| (&line.name, color(line.color).stroke_width(3)));
    let names = lines.chain(axes.level.iter().map(|(name, _)| (name, level_style())));
    for (i, (name, style)) in names.enumerate() {
        let x = left + wide * (i % NAMES_A_ROW) as i32;
        let y = LEGEND_ROW as i32 * (i / NAMES_A_ROW) as i32 + 6;
        area.draw(&PathElement::new([(x, y), (x + 18, y)], style)).map_err(failed)?;
        let text = TextStyle::from(("sans-serif", 12).into_font());
        area.draw_text(name, &text, (x + 24, y - 6)).map_err(failed)?;
    }
    Ok(())
}

fn level_style() -> ShapeStyle {
    BLACK.mix(0.6).stroke_width(1)
}

fn chart(area: &Area<'_>, axes: &Axes, x: Axis, y: Axis) -> Result<(), PlotError> {
    let mut chart = ChartBuilder::on(area)
        .caption(&axes.title, ("sans-serif", 17))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(58)
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc(&axes.x)
        .y_desc(&axes.y)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1))
        .draw()
        .map_err(failed)?;
    let seen = |x: f64, y: f64| {
        x.is_finite() && y.is_finite() && (!axes.x_log || x > 0.0) && (!axes.y_log || y > 0.0)
    };
    for line in &axes.lines {
        let color = color(line.color);
        let band = line.points.iter().filter_map(|&(x, _, band)| Some((x, band?)));
        let band: Vec<_> = band.filter(|&(x, (low, high))| seen(x, low) && seen(x, high)).collect();
        let high = band.iter().map(|&(x, (_, high))| (x, high));
        let outline: Vec<_> = high.chain(band.iter().rev().map(|&(x, (low, _))| (x, low))).collect();
        if outline.len() > 2 {
            let area = Polygon::new(outline, color.mix(0.18).filled());
            chart.draw_series(std::iter::once(area)).map_err(failed)?;
        }
        let points = line.points.iter().map(|&(x, y, _)| (x, y)).filter(|&(x, y)| seen(x, y));
        let points: Vec<_> = points.collect();
        // A single point has no line that shows it.
        let mark = if points.len() == 1 { 4 } else { 0 };
        let series = LineSeries::new(points, color.stroke_width(2)).point_size(mark);
        chart.draw_series(series).map_err(failed)?;
    }
    if let Some((_, y)) = axes.level.as_ref().filter(|level| seen(1.0, level.1)) {
        let ends = xs(axes).fold((f64::INFINITY, f64::NEG_INFINITY), |e, x| (e.0.min(x), e.1.max(x)));
        let line = DashedLineSeries::new([(ends.0, *y), (ends.1, *y)], 5, 4, level_style());
        chart.draw_series(line).map_err(failed)?;
    }
    Ok(())
}

/// Named groups of bars, each bar with its name, value and interval.
pub(crate) type Groups = Vec<(String, Vec<(String, [f64; 3])>)>;

/// Horizontal bars with intervals, in titled sections of groups, all to the same scale from 0.
///
/// # Errors
/// [`PlotError`] when there is no bar of a positive length.
pub(crate) fn bars(sections: &[(String, Groups)]) -> Result<String, PlotError> {
    const ROW: i32 = 20;
    let all = sections.iter().flat_map(|s| &s.1).flat_map(|group| &group.1);
    let longest = all.flat_map(|bar| bar.1).filter(|x| x.is_finite()).fold(0.0, f64::max);
    if longest <= 0.0 {
        return Err(PlotError("no bar has a length".into()));
    }
    let rows = |groups: &Groups| groups.iter().map(|group| group.1.len() as i32 + 1).sum::<i32>();
    let height: i32 = sections.iter().map(|s| 64 + ROW * rows(&s.1)).sum();
    draw((900, height as u32 + 10), |root| {
        let (title, label) = (("sans-serif", 17).into_font(), ("sans-serif", 13).into_font());
        let (left, wide) = (190, 600.0);
        let at = |value: f64| left + (value / longest * wide).round() as i32;
        let text = |text: &str, font: &FontDesc<'_>, x: i32, y: i32| {
            root.draw_text(text, &TextStyle::from(font.clone()), (x, y)).map_err(failed)
        };
        let mut y = 12;
        for (name, groups) in sections {
            text(name, &title, 16, y)?;
            y += 28;
            let bottom = y + ROW * rows(groups);
            let step = if longest > 4.0 { 1.0 } else { 0.5 };
            for tick in (0..).map(|i| f64::from(i) * step).take_while(|&tick| tick <= longest) {
                let line = PathElement::new([(at(tick), y), (at(tick), bottom)], BLACK.mix(0.15));
                root.draw(&line).map_err(failed)?;
                text(&tick.to_string(), &label, at(tick) - 8, bottom + 2)?;
            }
            for (group, of_group) in groups {
                text(group, &label, 16, y + 2)?;
                y += ROW;
                for (i, (name, [value, low, high])) in of_group.iter().enumerate() {
                    text(name, &label, 60, y + 2)?;
                    let bar = Rectangle::new(
                        [(left, y + 3), (at(*value), y + ROW - 4)],
                        color(i).mix(0.6).filled(),
                    );
                    root.draw(&bar).map_err(failed)?;
                    let middle = y + ROW / 2;
                    let ends = [*low, *high].map(at);
                    let interval = [(ends[0], middle), (ends[1], middle)];
                    root.draw(&PathElement::new(interval, BLACK.stroke_width(2))).map_err(failed)?;
                    let figures = format!("{value:.2} ({low:.2} to {high:.2})");
                    text(&figures, &label, ends[1].max(at(*value)) + 8, y + 2)?;
                    y += ROW;
                }
            }
            y += 36;
        }
        Ok(())
    })
}

/// Strips of marks at steps `0..steps`, in groups.
///
/// # Errors
/// [`PlotError`] when the drawing fails.
pub(crate) fn strips(
    title: &str,
    groups: &[(String, Vec<Strips>)],
    steps: usize,
) -> Result<String, PlotError> {
    const ROW: i32 = 16;
    let rows: usize = groups.iter().map(|group| group.1.len()).sum();
    let height = 60 + ROW * rows as i32 + 14 * groups.len() as i32;
    draw((900, height as u32), |root| {
        let (large, small) = (("sans-serif", 17).into_font(), ("sans-serif", 12).into_font());
        let text = |text: &str, font: &FontDesc<'_>, x: i32, y: i32| {
            root.draw_text(text, &TextStyle::from(font.clone()), (x, y)).map_err(failed)
        };
        let (left, wide) = (180, 700.0);
        let at = |step: usize| left + ((step as f64 + 0.5) / steps.max(1) as f64 * wide).round() as i32;
        text(title, &large, 16, 10)?;
        let mut y = 40;
        for (group, strips) in groups {
            text(group, &small, 16, y + 1)?;
            for (i, strip) in strips.iter().enumerate() {
                // The first two are what is to be reached and what there was.
                let color = i.checked_sub(2).map_or(BLACK, color);
                text(&strip.name, &small, 80, y + 1)?;
                let base = PathElement::new(
                    [(left, y + ROW - 3), (left + wide as i32, y + ROW - 3)],
                    BLACK.mix(0.12),
                );
                root.draw(&base).map_err(failed)?;
                for &step in strip.marks.iter().filter(|&&step| step < steps) {
                    let mark =
                        PathElement::new([(at(step), y + 2), (at(step), y + ROW - 3)], color.stroke_width(2));
                    root.draw(&mark).map_err(failed)?;
                }
                y += ROW;
            }
            y += 14;
        }
        text(&format!("steps 0 to {}", steps.saturating_sub(1)), &small, left, y - 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(points: Vec<Point>) -> Axes {
        let lines = vec![Line { name: "the line".into(), color: 1, points }];
        let (title, x, y) = ("the title".into(), "the x".into(), "the y".into());
        Axes { title, x, y, x_log: true, y_log: true, level: Some(("the level".into(), 2.0)), lines }
    }

    #[test]
    fn charts_name_what_they_show_and_leave_out_what_cannot_be_drawn() {
        let good = vec![(0.1, 1.0, Some((0.5, 2.0))), (1.0, 3.0, None), (10.0, f64::INFINITY, None)];
        let svg = grid(&[vec![axes(good)]]).unwrap();
        for text in ["the line", "the title", "the x", "the y", "the level"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let empty = Axes { lines: Vec::new(), level: None, ..axes(Vec::new()) };
        assert!(
            grid(&[vec![axes(vec![(1.0, 3.0, None)]), empty]]).unwrap().contains("<circle"),
            "a single point"
        );
        let none = Axes { level: None, ..axes(vec![(1.0, 0.0, None), (2.0, -1.0, None)]) };
        assert!(grid(&[vec![none]]).unwrap_err().to_string().contains("no point"));
    }

    #[test]
    fn bars_and_strips_name_what_they_show() {
        let group =
            |length| vec![("group".to_owned(), vec![("bar".to_owned(), [length, 0.0, length * 2.0])])];
        let svg = bars(&[("section".into(), group(1.5))]).unwrap();
        for text in ["section", "group", "bar", "1.50 (0.00 to 3.00)"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(bars(&[("section".into(), group(0.0))]).is_err());
        let strip = |marks: &[usize]| {
            vec![("seed".to_owned(), vec![Strips { name: "s".into(), marks: marks.to_vec() }])]
        };
        let marks = |svg: String| svg.matches("<polyline").count();
        let [none, some] = [&[][..], &[1, 7, 99][..]].map(|m| marks(strips("title", &strip(m), 10).unwrap()));
        assert_eq!(some - none, 2);
    }
}
