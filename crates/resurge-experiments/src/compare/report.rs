//! A comparison as CSV and as Markdown.

use super::summary::mark;
use super::{Comparison, CostSummary, Memory, PairSummary, Paired, Spread, Summary, WallTime};
use crate::train::{Config, Preset, fields};
use resurge_report::counted;
use resurge_report::statistics::Estimate;
use std::fmt::Write;

/// A row for each trial and epoch, a subset, unverified files and trials that diverged marked in each.
pub(super) fn csv(comparison: &Comparison) -> String {
    let mut text = String::from(
        "trial,reset_gradient,seed,diverged,dataset,subset,verified,epoch,updates,train_loss,train_accuracy,test_loss,test_accuracy,\
         gradient_norm",
    );
    for layer in comparison.trials.first().map(|record| &record.log.layers[..]).unwrap_or_default() {
        // Writing to a string does not fail.
        let _ = write!(text, ",rate_{layer}");
    }
    text.push('\n');
    let origin = &comparison.plan.origin;
    let subset = origin.limit.map_or("full".to_owned(), |limit| limit.to_string());
    for record in &comparison.trials {
        let (id, diverged) = (record.id, record.diverged.is_some());
        for row in &record.log.epochs {
            let (rule, seed, fields) = (id.rule, id.seed, fields(row));
            let (dataset, verified) = (&origin.dataset, origin.verified);
            let _ = writeln!(text, "{id},{rule},{seed},{diverged},{dataset},{subset},{verified},{fields}");
        }
    }
    text
}

/// What others cite as the paper's accuracies, in percent: the larger and the smaller of its table.
const CITED: [(&str, f64, f64); 3] =
    [("nmnist", 99.29, 99.28), ("mnist", 99.49, 99.50), ("cifar10", 88.96, 88.98)];

/// A summary as Markdown: what was run, the table of rules, paired differences, trials, costs.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary, markdown};
///
/// let text = markdown(&Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?));
/// assert!(text.starts_with("# mnist by gradient of the reset [subset of 20]"));
/// assert!(text.contains("| full less detached | test accuracy, last epoch, points |"));
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
pub fn markdown(summary: &Summary) -> String {
    let mut text = format!("# {} by gradient of the reset{}\n\n", summary.origin.dataset, summary.mark());
    let _ = writeln!(text, "{}\n", heading(summary));
    text.push_str(
        "| gradient | seeds | test accuracy, last epoch, % | best epoch, % | test loss, last epoch |\n|---|---|---|---|---|\n",
    );
    for rule in &summary.rules {
        let mut seeds = rule.seeds.len().to_string();
        if !rule.diverged.is_empty() {
            let _ = write!(seeds, " ({} diverged)", rule.diverged.len());
        }
        let _ = writeln!(
            text,
            "| {} | {seeds} | {} | {} | {} |",
            rule.rule,
            spread(&rule.last_accuracy, 100.0, 2),
            spread(&rule.best_accuracy, 100.0, 2),
            spread(&rule.last_loss, 1.0, 4)
        );
    }
    text.push_str(
        "\nMean ± standard deviation over seeds. The best epoch is chosen on the test set: it is too good, for each rule \
         alike.\n",
    );
    for (dataset, first, second) in CITED {
        if dataset == summary.origin.dataset && is_the_papers(summary) {
            let _ = writeln!(
                text,
                "For arXiv 2011.09964, {first:.2} % and {second:.2} % are cited by others. The second equals a figure published \
                 for TSSL-BP: they may not be a pair with and without the term."
            );
        }
    }
    if !summary.pairs.is_empty() {
        text.push_str(PAIRED);
        summary.pairs.iter().for_each(|pair| pair_rows(&mut text, pair));
        notes(&mut text, summary);
    }
    trials(&mut text, summary);
    costs(&mut text, summary);
    text
}

/// Whether what was trained is the network of the paper for the data set, on all of the official files: with anything else
/// its accuracies have nothing to do.
fn is_the_papers(summary: &Summary) -> bool {
    let (origin, config) = (&summary.origin, &summary.config);
    let Ok(dataset) = origin.dataset.parse() else { return false };
    let papers = Config::preset(Preset::of(dataset));
    let network = |config: &Config| (config.layers.clone(), config.steps);
    origin.limit.is_none() && origin.verified && network(config) == network(&papers)
}

fn heading(summary: &Summary) -> String {
    let (origin, config) = (&summary.origin, &summary.config);
    let layers: Vec<String> = config.layers.iter().map(ToString::to_string).collect();
    let whose = match (origin.limit, origin.verified) {
        (None, true) => "the official files, all of them".to_owned(),
        (Some(limit), true) => format!("a subset of at most {limit} of each split of the official files"),
        (None, false) => "files that are not the official ones".to_owned(),
        (Some(limit), false) => {
            format!("a subset of at most {limit} of each split of files that are not the official ones")
        }
    };
    format!(
        "{} training and {}: {whose}. {}; {}, {}, batch {}, learning rate {} ({}), {} surrogate, \
         reset {}. Resurge {}. Trials of the same seed have the same initial weights and batches.",
        origin.train_samples,
        counted(origin.test_samples, "test sample"),
        layers.join(", "),
        counted(config.steps, "step"),
        counted(config.epochs, "epoch"),
        config.batch,
        config.learning_rate,
        config.schedule,
        config.surrogate,
        config.reset,
        summary.version
    )
}

const PAIRED: &str = "\n## Paired differences\n\n| difference | of | mean | 95 % by t | 95 % by bootstrap | p |\n|---|---|---|---|---|---|\n";

fn pair_rows(text: &mut String, pair: &PairSummary) {
    let name = format!("{} less {}", pair.rule, pair.less);
    let mut row = |of: &str, paired: &Option<Paired>, factor: f64, digits: usize| {
        let Some(paired) = paired else {
            let _ = writeln!(text, "| {name} | {of} | no pair of trials | | | |");
            return;
        };
        let _ = writeln!(
            text,
            "| {name} | {of} | {} | {} | {} | {:.4} |",
            signed(factor * paired.t.value, digits),
            interval(&paired.t, factor, digits),
            interval(&paired.bootstrap, factor, digits),
            paired.p_value
        );
    };
    row("test accuracy, last epoch, points", &pair.last_accuracy, 100.0, 3);
    row("test accuracy, best epochs, points", &pair.best_accuracy, 100.0, 3);
    row("test loss, last epoch", &pair.last_loss, 1.0, 5);
}

fn notes(text: &mut String, summary: &Summary) {
    text.push_str(
        "\np: two-sided, of the mean difference under flips of signs. Not corrected for several comparisons.\n",
    );
    let mut seen = Vec::new();
    for pair in &summary.pairs {
        let (seeds, smallest) = (pair.seeds.len(), pair.smallest_p_value);
        if seen.contains(&seeds) {
            continue;
        }
        seen.push(seeds);
        let exact =
            if smallest > 1e-4 { format!(": all {} flips are tried", 1_u64 << seeds) } else { String::new() };
        let _ = writeln!(text, "With n = {}, p is at least {smallest:.4}{exact}.", counted(seeds, "seed"));
    }
    text.push_str(
        "The bootstrap is too narrow for few seeds; the interval by t takes differences to be normal.\n",
    );
}

fn trials(text: &mut String, summary: &Summary) {
    text.push_str(
        "\n## Trials\n\n| trial | epochs | test accuracy, last epoch, % | best, % | in epoch | test loss, last epoch |\n\
         |---|---|---|---|---|---|\n",
    );
    let or_none = |value: Option<f64>, digits: usize| value.map_or("n/a".into(), |x| format!("{x:.digits$}"));
    for trial in &summary.trials {
        let mut name = trial.id.clone();
        if let Some(at) = &trial.diverged {
            let _ = write!(name, " (**diverged** in epoch {}, batch {}: {})", at.epoch, at.batch, at.value);
        }
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} |",
            trial.epochs,
            or_none(trial.last_accuracy.map(|x| 100.0 * x), 2),
            or_none(trial.best_accuracy.map(|x| 100.0 * x), 2),
            trial.best_epoch.map_or("n/a".into(), |epoch| epoch.to_string()),
            or_none(trial.last_loss, 4)
        );
    }
}

fn costs(text: &mut String, summary: &Summary) {
    if let Some(cost) = &summary.cost {
        step_costs(text, cost);
    }
    if summary.wall_time.is_empty() {
        return;
    }
    text.push_str(
        "\n## Wall time of the trials\n\n| trial | threads | hours | samples a second |\n|---|---|---|---|\n",
    );
    for WallTime { id, spent } in &summary.wall_time {
        for spent in spent {
            let speed = spent.samples as f64 / spent.seconds;
            let hours = spent.seconds / 3600.0;
            let _ = writeln!(text, "| {id} | {} | {hours:.3} | {speed:.0} |", spent.threads);
        }
    }
    text.push_str(
        "\nLearning and the measurements on the test set, on whatever else the machine did. It cannot tell rules apart that \
         differ by a few percent.\n",
    );
}

fn step_costs(text: &mut String, cost: &CostSummary) {
    let _ = write!(
        text,
        "\n## Cost of a step\n\n| gradient | median, ms | over {}, 95 % | peak memory, MB |\n|---|---|---|---|\n",
        cost.reference
    );
    for rule in &cost.rules {
        let megabytes = |memory: &Memory| format!("{:.1}", memory.peak as f64 / 1e6);
        let peak = rule.memory.as_ref().map_or("n/a".into(), megabytes);
        let Estimate { value, low, high } = rule.ratio;
        let _ = writeln!(
            text,
            "| {} | {:.2} | {value:.4} ({low:.4} to {high:.4}) | {peak} |",
            rule.rule,
            1e3 * rule.seconds
        );
    }
    let _ = writeln!(
        text,
        "\nForward, backward and clipping of {} on {}, without the update, at the initial weights of the first \
         seed: rules in turn and back (A, B, B, A) on each of {}; the ratio is the median over batches, with a \
         bootstrap interval. Memory: resident, at the peak of such steps, of a process with the data loaded that does nothing else.",
        counted(cost.batch, "sample"),
        counted(cost.threads, "thread"),
        counted(cost.batches, "batch")
    );
}

fn spread(spread: &Spread, factor: f64, digits: usize) -> String {
    match (spread.mean.is_nan(), spread.sd.is_nan()) {
        (true, _) => "n/a".into(),
        (_, true) => format!("{:.digits$}", factor * spread.mean),
        _ => format!("{:.digits$} ± {:.digits$}", factor * spread.mean, factor * spread.sd),
    }
}

fn signed(value: f64, digits: usize) -> String {
    format!("{value:+.digits$}")
}

fn interval(estimate: &Estimate, factor: f64, digits: usize) -> String {
    if estimate.low.is_nan() {
        return "n/a".into();
    }
    format!("{} to {}", signed(factor * estimate.low, digits), signed(factor * estimate.high, digits))
}

impl Comparison {
    /// How a subset and unverified files are marked; nothing if it is neither.
    pub(super) fn mark(&self) -> String {
        mark(&self.plan.origin)
    }
}
