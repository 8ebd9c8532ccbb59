//! Figures of diagnoses and maps, as SVG.

use super::{Comparison, DiagnoseError, Diagnosis, MapCell, PhaseMap, Spread};
use resurge_report::plot::{Axes, HeatMap, HeatMaps, Kind, Line, PlotError, Point, grid, heat_maps};

/// The figures of a diagnosis.
///
/// ```
/// assert!(resurge_experiments::diagnose::DIAGNOSIS_FIGURES.iter().all(|name| name.ends_with(".svg")));
/// ```
pub const DIAGNOSIS_FIGURES: [&str; 3] = ["depth.svg", "lags.svg", "products.svg"];

/// The figures of a map.
///
/// ```
/// assert!(resurge_experiments::diagnose::MAP_FIGURES.iter().all(|name| name.starts_with("map-")));
/// ```
pub const MAP_FIGURES: [&str; 3] = ["map-missing.svg", "map-cosine.svg", "map-growth.svg"];

type Drawn = Vec<(&'static str, String)>;

/// Draws [`DIAGNOSIS_FIGURES`]: gradients by layer, adjoints by time lag, products of temporal Jacobians. A figure without a point, such as the products of a single step, is left out.
///
/// # Errors
/// [`DiagnoseError::Plot`].
///
/// ```
/// use resurge_experiments::diagnose::{DIAGNOSIS_FIGURES, Diagnosis, diagnosis_figures};
///
/// let drawn = diagnosis_figures(&Diagnosis::read("../resurge/examples/results/diagnose".as_ref())?)?;
/// assert!(drawn.iter().map(|(name, _)| *name).eq(DIAGNOSIS_FIGURES));
/// assert!(drawn[0].1.contains("gradients of the weights"));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
pub fn diagnosis_figures(diagnosis: &Diagnosis) -> Result<Drawn, DiagnoseError> {
    let mut drawn = Vec::new();
    let figures = [depth(diagnosis), lags(diagnosis), products(diagnosis)];
    for (name, rows) in DIAGNOSIS_FIGURES.into_iter().zip(figures) {
        let rows: Vec<Vec<Axes>> = rows.into_iter().filter(|row| row.iter().any(has_points)).collect();
        if !rows.is_empty() {
            drawn.push((name, grid(&rows)?.svg()));
        }
    }
    Ok(drawn)
}

/// Whether an axis can be scaled.
fn has_points(axes: &Axes) -> bool {
    axes.lines
        .iter()
        .flat_map(|line| &line.points)
        .any(|&(_, y, _)| y.is_finite() && (axes.y_kind != Kind::Log || y > 0.0))
}

/// Layers, lags and steps, by which most panels go, are whole numbers.
fn panel(title: &str, x: &str, y: &str, y_kind: Kind, lines: Vec<Line>) -> Axes {
    let (title, x, y) = (title.into(), x.into(), y.into());
    Axes { title, note: String::new(), x, y, x_kind: Kind::Whole, y_kind, level: None, lines }
}

fn line(name: &str, color: usize, points: impl IntoIterator<Item = (f64, Option<f64>)>) -> Line {
    let points: Vec<Point> = points.into_iter().filter_map(|(x, y)| Some((x, y?, None))).collect();
    Line { name: name.into(), color, points }
}

/// Norms, and below them the two ratios.
fn two_rows(title: &str, x: &str, what: &str, points: &[(f64, Comparison)]) -> [Axes; 2] {
    let of = |value: fn(&Comparison) -> Option<f64>| points.iter().map(move |(x, c)| (*x, value(c)));
    let norms = vec![line("full", 0, of(|c| Some(c.full))), line("detached", 1, of(|c| Some(c.detached)))];
    let ratios =
        vec![line("|full - detached| / |full|", 2, of(|c| c.missing)), line("cosine", 3, of(|c| c.cosine))];
    [
        panel(title, x, what, Kind::Log, norms),
        panel(&format!("{title}: full and detached"), x, "ratio, cosine", Kind::Linear, ratios),
    ]
}

fn rows(columns: Vec<[Axes; 2]>) -> Vec<Vec<Axes>> {
    let (above, below) = columns.into_iter().map(|[above, below]| (above, below)).unzip();
    vec![above, below]
}

fn depth(diagnosis: &Diagnosis) -> Vec<Vec<Axes>> {
    let by_layer = |of: fn(&super::LayerDiagnosis) -> Comparison| -> Vec<(f64, Comparison)> {
        diagnosis.layers.iter().enumerate().map(|(index, layer)| ((index + 1) as f64, of(layer))).collect()
    };
    rows(vec![
        two_rows("gradients of the weights", "layer", "norm", &by_layer(|layer| layer.gradient)),
        two_rows("adjoints of the potentials", "layer", "norm", &by_layer(|layer| layer.adjoint)),
    ])
}

fn lags(diagnosis: &Diagnosis) -> Vec<Vec<Axes>> {
    let layers = diagnosis.layers.iter().map(|layer| (layer.name.as_str(), &layer.lags));
    let column = |(name, lags): (&str, &Vec<super::Lag>)| {
        let points: Vec<_> = lags.iter().map(|lag| (lag.lag as f64, lag.adjoint)).collect();
        two_rows(name, "lag in steps", "norm of the adjoint carried so far", &points)
    };
    rows(layers.chain([("all layers", &diagnosis.lags)]).map(column).collect())
}

fn products(diagnosis: &Diagnosis) -> Vec<Vec<Axes>> {
    let along = |values: &[f64]| {
        values.iter().enumerate().map(|(k, &x)| ((k + 1) as f64, Some(x))).collect::<Vec<_>>()
    };
    let exponents = |growth: &super::Growth| {
        super::QUANTILES.into_iter().zip(growth.quantiles).collect::<Vec<(f64, Option<f64>)>>()
    };
    let column = |layer: &super::LayerDiagnosis| {
        let lines = vec![
            line("full", 0, along(&layer.full.along)),
            line("detached", 1, along(&layer.detached.along)),
        ];
        let spread =
            vec![line("full", 0, exponents(&layer.full)), line("detached", 1, exponents(&layer.detached))];
        [
            panel(
                &format!("{}: product of Jacobians", layer.name),
                "temporal Jacobians",
                "root mean square",
                Kind::Log,
                lines,
            ),
            Axes {
                x_kind: Kind::Linear,
                ..panel(
                    &format!("{}: its growth", layer.name),
                    "share of neurons below",
                    "exponent, per step",
                    Kind::Linear,
                    spread,
                )
            },
        ]
    };
    rows(diagnosis.layers.iter().map(column).collect())
}

/// A row of panels of a map: what it shows, and of each point the value.
type Row = (&'static str, fn(&MapCell) -> Option<Spread>);

/// Draws [`MAP_FIGURES`], each with a panel for each firing rate.
///
/// # Errors
/// [`DiagnoseError::Plot`].
///
/// ```
/// use resurge_experiments::diagnose::{MAP_FIGURES, PhaseMap, map_figures};
///
/// let drawn = map_figures(&PhaseMap::read("../resurge/examples/results/diagnose".as_ref())?)?;
/// assert!(drawn.iter().map(|(name, _)| *name).eq(MAP_FIGURES));
/// assert!(drawn[0].1.contains("rate 0.1"));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
pub fn map_figures(map: &PhaseMap) -> Result<Drawn, DiagnoseError> {
    const MISSING: [Row; 1] = [("", |cell| cell.missing)];
    const COSINE: [Row; 1] = [("", |cell| cell.cosine)];
    const GROWTH: [Row; 3] = [
        ("full\nmean ln |J|", |cell| cell.growth),
        ("full\nln rms J", |cell| cell.full_rms),
        ("detached\nln rms J", |cell| cell.detached_rms),
    ];
    let missing = "Weight of the reset term in the gradient of the input current";
    let cosine = "Cosine of the full and the detached gradient of the input current";
    let growth = "Growth of temporal Jacobians per step";
    let figures = [
        small_multiples(map, missing, "|full - detached| / |full|", (0.0, 2.0), false, &MISSING)?,
        small_multiples(map, cosine, "cosine", (-1.0, 1.0), false, &COSINE)?,
        small_multiples(map, growth, "0: neither grows nor shrinks", (-2.0, 2.0), true, &GROWTH)?,
    ];
    Ok(MAP_FIGURES.into_iter().zip(figures).collect())
}

fn small_multiples(
    map: &PhaseMap,
    title: &str,
    scale: &str,
    range: (f64, f64),
    line_at_zero: bool,
    rows: &[Row],
) -> Result<String, PlotError> {
    let settings = &map.settings;
    let names = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>();
    let (widths, decays) = (settings.widths.len().max(1), settings.decays.len().max(1));
    let row = |&(what, of): &Row| {
        let at = |(rate, cells): (&f64, &[MapCell])| {
            let value = |cell: &MapCell| of(cell).map_or(f64::NAN, |spread| spread.median);
            let values = cells.chunks(widths).map(|row| row.iter().map(value).collect()).collect();
            (
                format!("rate {rate}"),
                HeatMap { rows: names(&settings.decays), columns: names(&settings.widths), values },
            )
        };
        let maps = settings.rates.iter().zip(map.cells.chunks(widths * decays)).map(at);
        (what.to_owned(), maps.collect())
    };
    let maps = HeatMaps {
        title: title.into(),
        x: format!("parameter of the surrogate ({})", settings.surrogate),
        y: "decay".into(),
        scale: scale.into(),
        range,
        line_at_zero,
        maps: rows.iter().map(row).collect(),
    };
    Ok(heat_maps(&maps)?.svg())
}
