//! Figures of a sweep, as SVG.

use super::statistics::{LEARNT, USABLE};
use super::{Data, Panel, RuleSummary, STEPS, Summary, ToyError};
use resurge_report::plot::{Axes, Kind, Line, PlotError, Point, Strips, bars, grid, strips};
use resurge_report::statistics::Estimate;

/// The names of the figures.
///
/// ```
/// assert!(resurge_experiments::toy::FIGURES.iter().all(|name| name.ends_with(".svg")));
/// ```
pub const FIGURES: [&str; 5] = ["loss.svg", "divergence.svg", "windows.svg", "curves.svg", "rasters.svg"];

/// Draws [`FIGURES`], in this order.
///
/// # Errors
/// [`ToyError::Plot`] for data of which nothing can be drawn.
///
/// ```
/// use resurge_experiments::toy::{Data, FIGURES, Summary, figures};
///
/// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
/// let drawn = figures(&data, &Summary::of(&data))?;
/// assert!(drawn.iter().map(|(name, _)| *name).eq(FIGURES));
/// assert!(drawn.iter().all(|(_, svg)| svg.starts_with("<svg")));
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub fn figures(data: &Data, summary: &Summary) -> Result<Vec<(&'static str, String)>, ToyError> {
    let drawn =
        [loss(summary)?, divergence(summary)?, windows(summary)?, curves(data, summary)?, rasters(data)];
    Ok(FIGURES.into_iter().zip(drawn).collect())
}

/// A line of each rule of a panel.
fn lines_of(panel: &Panel, points: impl Fn(&RuleSummary) -> Vec<Point>) -> Vec<Line> {
    let line =
        |(color, rule): (usize, &RuleSummary)| Line { name: rule.rule.name(), color, points: points(rule) };
    panel.rules.iter().enumerate().map(line).collect()
}

fn banded(x: f64, estimate: Estimate) -> Point {
    (x, estimate.value, Some((estimate.low, estimate.high)))
}

fn loss(summary: &Summary) -> Result<String, PlotError> {
    let axes = |panel: &Panel| Axes {
        title: panel.name(),
        note: String::new(),
        x: "learning rate".into(),
        y: "mean final loss (band: 95\u{a0}%)".into(),
        x_kind: Kind::Log,
        y_kind: Kind::Log,
        level: Some(("silent neuron".into(), summary.silent_loss)),
        lines: lines_of(panel, |rule| rule.rates.iter().map(|at| banded(at.rate, at.loss)).collect()),
    };
    Ok(grid(&[summary.panels.iter().map(axes).collect()])?.svg())
}

fn divergence(summary: &Summary) -> Result<String, PlotError> {
    let row = |what: &str, share: fn(&super::Failures) -> f64| -> Vec<Axes> {
        let axes = |panel: &Panel| Axes {
            title: format!("{}: {what}", panel.name()),
            note: String::new(),
            x: "learning rate".into(),
            y: "share of trials".into(),
            x_kind: Kind::Log,
            y_kind: Kind::Linear,
            level: None,
            lines: lines_of(panel, |rule| {
                rule.rates.iter().map(|at| (at.rate, share(&at.failures), None)).collect()
            }),
        };
        summary.panels.iter().map(axes).collect()
    };
    let rows = [
        row("worse than at the start", |f| f.diverged),
        row("no better than a silent neuron", |f| f.no_better_than_silence),
    ];
    Ok(grid(&rows)?.svg())
}

fn windows(summary: &Summary) -> Result<String, PlotError> {
    let groups = |of: fn(&RuleSummary) -> Estimate| {
        let bar = |rule: &RuleSummary| {
            let Estimate { value, low, high } = of(rule);
            (rule.rule.name(), [value, low, high])
        };
        let group = |panel: &Panel| (panel.name(), panel.rules.iter().map(bar).collect());
        summary.panels.iter().map(group).collect::<Vec<_>>()
    };
    let sections = [
        (
            format!("Usable learning rates, decades (95\u{a0}%): within {USABLE} x the rule's own best loss"),
            groups(|rule| rule.own_window.decades),
        ),
        (
            format!(
                "Usable learning rates, decades (95\u{a0}%): within {USABLE} x the best loss of all rules"
            ),
            groups(|rule| rule.common_window.decades),
        ),
        (
            format!(
                "Learning rates that learn, decades (95\u{a0}%): within {LEARNT} x the loss of a silent neuron"
            ),
            groups(|rule| rule.learnt_window.decades),
        ),
    ];
    Ok(bars(&sections)?.svg())
}

fn curves(data: &Data, summary: &Summary) -> Result<String, PlotError> {
    let axes = |panel: &Panel| {
        let arms = data.panel(panel.optimiser, panel.scaling);
        let line = |(color, &arm): (usize, &usize)| {
            let curve = &data.curves[arm];
            let point = |&(updates, [mean, low, high]): &(usize, [f32; 3])| {
                (updates as f64, f64::from(mean), Some((f64::from(low), f64::from(high))))
            };
            Line { name: curve.arm.rule.name(), color, points: curve.points.iter().map(point).collect() }
        };
        let rates: Vec<String> = arms.iter().map(|&arm| data.curves[arm].rate.to_string()).collect();
        Axes {
            title: panel.name(),
            note: format!("best rates: {}", rates.join(", ")),
            x: "updates".into(),
            y: "mean loss (band: 95\u{a0}%)".into(),
            x_kind: Kind::Whole,
            y_kind: Kind::Log,
            level: Some(("silent neuron".into(), summary.silent_loss)),
            lines: arms.iter().enumerate().map(line).collect(),
        }
    };
    Ok(grid(&[summary.panels.iter().map(axes).collect()])?.svg())
}

fn rasters(data: &Data) -> String {
    let mut groups: Vec<(u64, Vec<Strips>)> = Vec::new();
    for raster in &data.rasters {
        let strip =
            Strips { name: raster.of.clone(), marks: raster.steps.iter().map(|&t| t.into()).collect() };
        match groups.iter_mut().find(|(seed, _)| *seed == raster.seed) {
            Some((_, strips)) => strips.push(strip),
            None => groups.push((raster.seed, vec![strip])),
        }
    }
    let groups =
        groups.into_iter().map(|(seed, strips)| (format!("seed {seed}"), strips)).collect::<Vec<_>>();
    strips(
        "Spikes of the target, of the neuron before training, and after training by each rule",
        &groups,
        STEPS,
    )
    .svg()
}
