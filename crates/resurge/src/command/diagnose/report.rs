//! Diagnoses and maps as text.

use crate::command::table::{Grid, fold};
use resurge::counted;
use resurge::diagnose::{Comparison, Diagnosis, Growth, PhaseMap, Spread};

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
pub(super) fn of_network(diagnosis: &Diagnosis, width: Option<usize>) -> String {
    let headings = [
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
    ];
    let mut layers = Grid::new(1, headings);
    for layer in &diagnosis.layers {
        let head = [layer.name.clone(), layer.neurons.to_string(), format!("{:.4}", layer.firing_rate)];
        let growth = [exponent(&layer.full), exponent(&layer.detached), format!("{:.3}", layer.detached.cut)];
        layers.row(head.into_iter().chain(compared(layer.gradient)).chain(growth));
    }
    let head = ["all".to_owned(), String::new(), String::new()];
    layers.row(head.into_iter().chain(compared(diagnosis.gradient)).chain([const { String::new() }; 3]));

    let mut lags = Grid::new(1, ["lag", "|full|", "|detached|", "missing", "cosine"]);
    for lag in &diagnosis.lags {
        lags.row([lag.lag.to_string()].into_iter().chain(compared(lag.adjoint)));
    }
    let silent: Vec<&str> = diagnosis
        .layers
        .iter()
        .filter(|layer| layer.firing_rate == 0.0)
        .map(|layer| layer.name.as_str())
        .collect();
    let silent = match silent.is_empty() {
        true => String::new(),
        false => format!(
            "No neuron of {} fires: more input (--input-rate) or gain (--set gain=3) would say more.\n",
            silent.join(", ")
        ),
    };
    let head = format!("{}\n{}\n{silent}", diagnosis.source.network, diagnosis.source.input);
    let foot = "missing: |full - detached| / |full|; cosine: of the two. growth: exponent per step of the product \
        of temporal Jacobians over the run, median over neurons (5 %, 95 %); cut: share of neurons whose detached \
        product is 0.\n";
    let lag_heading = "Adjoints of the potentials of all layers, by time lag:";
    let [head, lag_heading] = [&head, lag_heading].map(|text| fold(text, width));
    // Without a terminal as it is easily read in a file.
    let foot = fold(foot, Some(width.unwrap_or(100)));
    let (layers, lags) = (layers.text(width, true), lags.text(width, true));
    format!("{head}\nGradients of the weights:\n{layers}\n\n{lag_heading}\n{lags}\n\n{foot}")
}

/// The report of a map: a row for each rate and decay, the weight of the term at each width.
pub(super) fn of_map(map: &PhaseMap, width: Option<usize>) -> String {
    let settings = &map.settings;
    let widths = settings.widths.iter().map(|width| format!("{width}"));
    let mut rows = Grid::new(2, ["rate".to_owned(), "decay".to_owned()].into_iter().chain(widths));
    for cells in map.cells.chunks(settings.widths.len().max(1)) {
        let head = cells.iter().take(1).flat_map(|cell| [cell.rate.to_string(), cell.decay.to_string()]);
        let median = |spread: Option<Spread>| share(spread.map(|spread| spread.median));
        rows.row(head.chain(cells.iter().map(|cell| median(cell.missing))));
    }
    let unmet = map.cells.iter().filter(|cell| !cell.met).count();
    let unmet = match unmet {
        0 => "Every firing rate was met".to_owned(),
        some => {
            let all = counted(map.cells.len(), "point");
            format!("At {some} of {all} the firing rate was not met (-), at the others")
        }
    };
    let head = format!(
        "Reset {}, surrogate {}, {}, {}, {} a point, noise {}, seed {}",
        settings.reset,
        settings.surrogate,
        counted(settings.neurons, "neuron"),
        counted(settings.steps, "step"),
        counted(settings.repeats, "population"),
        settings.noise,
        settings.seed,
    );
    let of = "|full - detached| / |full| of the gradient of the input current, by the surrogate's parameter; medians:";
    let foot = format!("{unmet} to {} % in each population.\n", 100.0 * settings.tolerance);
    let [head, of, foot] = [&head, of, &foot].map(|text| fold(text, width));
    format!("{head}\n\n{of}\n{}\n\n{foot}", rows.text(width, true))
}
