//! Diagnoses and maps as text.

use crate::command::table::{align_right, ruled};
use comfy_table::Table;
use resurge::diagnose::{Comparison, Diagnosis, Growth, PhaseMap, Spread};
use std::path::Path;

fn finish(mut table: Table) -> String {
    align_right(&mut table, 1);
    table.to_string()
}

fn share(x: Option<f64>) -> String {
    x.map_or_else(|| "-".into(), |x| format!("{x:.3}"))
}

fn compared(Comparison { full, detached, missing, cosine }: Comparison) -> [String; 4] {
    [format!("{full:.3e}"), format!("{detached:.3e}"), share(missing), share(cosine)]
}

/// Median and the ends of the middle 90 % of the exponents.
fn exponent(growth: &Growth) -> String {
    let [low, _, median, _, high] =
        growth.quantiles.map(|x| x.map_or_else(|| "cut".into(), |x| format!("{x:.2}")));
    if growth.along.is_empty() { "-".into() } else { format!("{median} ({low}, {high})") }
}

/// The report of a network.
pub(super) fn of_network(diagnosis: &Diagnosis, out: &Path) -> String {
    let mut layers = ruled([
        "layer",
        "neurons",
        "rate",
        "|full|",
        "|detached|",
        "missing",
        "cosine",
        "growth, full",
        "growth, detached",
        "cut",
    ]);
    for layer in &diagnosis.layers {
        let head = [layer.name.clone(), layer.neurons.to_string(), format!("{:.4}", layer.firing_rate)];
        let growth = [exponent(&layer.full), exponent(&layer.detached), format!("{:.3}", layer.detached.cut)];
        layers.add_row(head.into_iter().chain(compared(layer.gradient)).chain(growth));
    }
    let head = ["all".to_owned(), String::new(), String::new()];
    layers.add_row(head.into_iter().chain(compared(diagnosis.gradient)).chain([const { String::new() }; 3]));

    let mut lags = ruled(["lag", "|full|", "|detached|", "missing", "cosine"]);
    for lag in &diagnosis.lags {
        lags.add_row([lag.lag.to_string()].into_iter().chain(compared(lag.adjoint)));
    }
    let silent: Vec<&str> = diagnosis
        .layers
        .iter()
        .filter(|layer| layer.firing_rate == 0.0)
        .map(|layer| layer.name.as_str())
        .collect();
    let silent = match silent.is_empty() {
        true => String::new(),
        false => format!("No neuron of {} fires: more input or gain would say more.\n", silent.join(", ")),
    };
    format!(
        "{}\n{}\n{silent}\nGradients of the weights:\n{}\n\nAdjoints of the potentials of all layers, by time lag:\n{}\n\n\
         missing: |full - detached| / |full|; cosine: of the two. growth: exponent per step of the product of temporal\n\
         Jacobians over the run, median over neurons (5 %, 95 %); cut: share of neurons whose detached product is 0.\n\
         Written to {}\n",
        diagnosis.source.network,
        diagnosis.source.input,
        finish(layers),
        finish(lags),
        out.display()
    )
}

/// The report of a map: a row for each rate and decay, the weight of the term at each width.
pub(super) fn of_map(map: &PhaseMap, out: &Path) -> String {
    let settings = &map.settings;
    let widths = settings.widths.iter().map(|width| format!("{width}"));
    let mut rows = ruled(["rate".to_owned(), "decay".to_owned()].into_iter().chain(widths));
    for cells in map.cells.chunks(settings.widths.len().max(1)) {
        let head = cells.iter().take(1).flat_map(|cell| [cell.rate.to_string(), cell.decay.to_string()]);
        let median = |spread: Option<Spread>| share(spread.map(|spread| spread.median));
        rows.add_row(head.chain(cells.iter().map(|cell| median(cell.missing))));
    }
    let unmet = map.cells.iter().filter(|cell| !cell.met).count();
    let unmet = match unmet {
        0 => "Every firing rate was met".to_owned(),
        some => {
            format!("At {some} of {} points the firing rate was not met (-), at the others", map.cells.len())
        }
    };
    format!(
        "Reset {}, surrogate {}, {} neurons, {} steps, {} populations a point, noise {}, seed {}\n\n\
         |full - detached| / |full| of the gradient of the input current, by the surrogate's parameter; medians:\n{}\n\n\
         {unmet} to {} % in each population. Written to {}\n",
        settings.reset,
        settings.surrogate,
        settings.neurons,
        settings.steps,
        settings.repeats,
        settings.noise,
        settings.seed,
        finish(rows),
        100.0 * settings.tolerance,
        out.display()
    )
}
