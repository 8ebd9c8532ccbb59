//! Learning curves.

use super::Comparison;
use crate::Rule;
use crate::train::EpochRow;
use resurge_report::plot::{Axes, Kind, Line, PlotError, Point, grid};

type Measure = fn(&EpochRow) -> f64;

/// Learning curves of each rule, as SVG: error and loss on the test set and in training, the mean over the seeds that
/// reached an epoch, with the smallest and the largest. A subset and unverified files are marked in every title.
///
/// # Errors
/// [`PlotError`] where no trial has an epoch.
pub(super) fn figure(comparison: &Comparison) -> Result<String, PlotError> {
    let row = |y: &str, of: [(&str, Measure); 2]| -> Vec<Axes> {
        // A logarithmic axis shows what is left when nearly all is learnt, but no 0.
        let rows = || comparison.trials.iter().flat_map(|trial| &trial.log.epochs);
        let log = of.iter().all(|(_, measure)| rows().all(|row| measure(row) > 0.0));
        let axes = |(name, measure): (&str, Measure)| Axes {
            title: format!("{}, {name}: {y}{}", comparison.plan.origin.dataset, comparison.mark()),
            note: String::new(),
            x: "epoch".into(),
            y: format!("{y} (band: all seeds)"),
            x_kind: Kind::Whole,
            y_kind: if log { Kind::Log } else { Kind::Linear },
            level: None,
            lines: lines(comparison, measure),
        };
        of.map(axes).into()
    };
    let error =
        row("error", [("test", |row| 1.0 - row.test_accuracy), ("training", |row| 1.0 - row.train_accuracy)]);
    let loss = row("loss a sample", [("test", |row| row.test_loss), ("training", |row| row.train_loss)]);
    Ok(grid(&[error, loss])?.svg())
}

fn lines(comparison: &Comparison, measure: Measure) -> Vec<Line> {
    let line = |(color, &rule): (usize, &Rule)| {
        let of_rule = comparison.trials.iter().filter(|trial| trial.id.rule == rule);
        let trials: Vec<&[EpochRow]> = of_rule.map(|trial| &trial.log.epochs[..]).collect();
        let point = |epoch: usize| -> Option<Point> {
            let values: Vec<f64> = trials.iter().filter_map(|rows| rows.get(epoch)).map(measure).collect();
            let low = values.iter().copied().reduce(f64::min)?;
            let high = values.iter().copied().reduce(f64::max)?;
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            Some(((epoch + 1) as f64, mean, Some((low, high))))
        };
        let points = (0..).map_while(point).collect();
        let seeds = trials.len();
        Line { name: format!("{rule}, {seeds} seed{}", if seeds == 1 { "" } else { "s" }), color, points }
    };
    comparison.plan.rules.iter().enumerate().map(line).collect()
}
