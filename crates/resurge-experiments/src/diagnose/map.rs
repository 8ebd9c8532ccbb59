//! The phase diagram: decay, width of the surrogate, firing rate.

use super::neurons::{Drawn, Jacobians, Measured, measure, tune};
use super::{DiagnoseError, MapSettings};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A map: what the term weighs at each point of a grid.
///
/// ```
/// use resurge_experiments::diagnose::PhaseMap;
///
/// let map = PhaseMap::read("../resurge/examples/results/diagnose".as_ref())?;
/// assert_eq!((map.settings.decays.len(), map.settings.widths.len(), map.cells.len()), (2, 2, 4));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseMap {
    /// What it is of.
    pub settings: MapSettings,
    /// The points: by rate, then decay, then width.
    pub cells: Vec<MapCell>,
}

/// A point of the map.
///
/// Values are of the populations' repeats. All are none where the rate was not met in every one of them, and each
/// where it is not finite in every one.
///
/// ```
/// use resurge_experiments::diagnose::PhaseMap;
///
/// let map = PhaseMap::read("../resurge/examples/results/diagnose".as_ref())?;
/// let cell = &map.cells[1];
/// assert_eq!([cell.rate, cell.decay, cell.width], [0.1, 0.5, 1.0]);
/// assert!(cell.met && cell.missing.is_some_and(|missing| missing.median > 0.0));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapCell {
    /// The target firing rate.
    pub rate: f64,
    /// The membrane decay.
    pub decay: f64,
    /// The surrogate's parameter.
    pub width: f64,
    /// Whether every repeat fires at the target rate, within the tolerance.
    pub met: bool,
    /// The gain of the input.
    pub gain: Option<Spread>,
    /// The rate that was measured.
    pub measured_rate: Option<Spread>,
    /// `|full - detached| / |full|` of the gradient with respect to the input current, for a random cotangent of the
    /// spikes.
    pub missing: Option<Spread>,
    /// The cosine of the two gradients.
    pub cosine: Option<Spread>,
    /// `|detached| / |full|`.
    pub length: Option<Spread>,
    /// The mean of `ln |J|` over the temporal Jacobians of the full gradient that are not 0: the mean growth per step.
    pub growth: Option<Spread>,
    /// `ln sqrt(mean J^2)` of the full gradient.
    pub full_rms: Option<Spread>,
    /// `ln sqrt(mean J^2)` of the detached gradient.
    pub detached_rms: Option<Spread>,
    /// The share of the detached gradient's Jacobians that are 0.
    pub cut: Option<Spread>,
}

/// A value over repeats.
///
/// ```
/// use resurge_experiments::diagnose::PhaseMap;
///
/// let map = PhaseMap::read("../resurge/examples/results/diagnose".as_ref())?;
/// let rate = map.cells[0].measured_rate.ok_or("the rate was not met")?;
/// assert!((0.098..=0.102).contains(&rate.low) && rate.low <= rate.median && rate.median <= rate.high);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The median; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Spread {
    /// The spread of some values.
    ///
    /// ```
    /// use resurge_experiments::diagnose::Spread;
    ///
    /// let spread = Spread::of(&[3.0, 1.0, 9.0, 2.0]).unwrap();
    /// assert_eq!((spread.median, spread.low, spread.high), (2.5, 1.0, 9.0));
    /// assert_eq!((Spread::of(&[]), Spread::of(&[f64::NAN])), (None, None));
    /// ```
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let finite = sorted.iter().all(|x| x.is_finite());
        finite.then_some(Self { median: 0.5 * (below + above), low, high })
    }
}

/// How far a map is.
///
/// ```
/// use resurge_experiments::diagnose::{MapSettings, phase_map};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// let grid = MapSettings { decays: vec![0.8], widths: vec![1.0], rates: vec![0.1, 0.2], ..MapSettings::default() };
/// let seen = AtomicUsize::new(0);
/// phase_map(&MapSettings { neurons: 20, repeats: 3, ..grid }, |progress| {
///     seen.fetch_add(1, Ordering::Relaxed);
///     assert!(progress.done <= progress.all && progress.all == 6); // two points, three repeats
/// })?;
/// assert_eq!(seen.into_inner(), 6);
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapProgress {
    /// Populations that are done.
    pub done: usize,
    /// All of them.
    pub all: usize,
}

/// Gain, rate and measurements at each width; none where the rate is not met.
type Unit = Option<(f64, f64, Vec<Measured>)>;

/// Makes a map, on the threads of the current rayon pool. The result does not depend on their number. `observe` is told
/// of each population that is done.
///
/// At each point single neurons, of which neither spikes nor gradients meet, get seeded noisy currents whose gain is
/// tuned by bisection until they fire at the target rate. All points see the same noise and cotangents.
///
/// # Errors
/// As [`MapSettings::check`].
///
/// ```
/// use resurge_experiments::diagnose::{MapSettings, phase_map};
///
/// let grid = MapSettings { decays: vec![0.8], widths: vec![0.2, 1.0], rates: vec![0.1], ..MapSettings::default() };
/// let map = phase_map(&MapSettings { neurons: 50, repeats: 2, ..grid }, |_| {})?;
/// let missing: Vec<f64> = map.cells.iter().filter_map(|cell| Some(cell.missing?.median)).collect();
/// assert!(missing.len() == 2 && missing.iter().all(|&share| share > 0.05));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
pub fn phase_map(
    settings: &MapSettings,
    observe: impl Fn(MapProgress) + Sync,
) -> Result<PhaseMap, DiagnoseError> {
    settings.check()?;
    let drawn = (0..settings.repeats).into_par_iter().map(|repeat| Drawn::new(settings, repeat));
    let drawn: Vec<Drawn> = drawn.collect::<Result<_, _>>()?;
    let points: Vec<(f64, f64)> = settings
        .rates
        .iter()
        .flat_map(|&rate| settings.decays.iter().map(move |&decay| (rate, decay)))
        .collect();
    let (done, all) = (AtomicUsize::new(0), points.len() * drawn.len());
    let unit = |index: usize| -> Result<Unit, DiagnoseError> {
        let ((rate, decay), drawn) = (points[index / drawn.len()], &drawn[index % drawn.len()]);
        let tuned = tune(&settings.cell(decay, settings.widths[0])?, drawn, settings, rate)?;
        let measured = match &tuned {
            Some(tuned) => {
                let at = |&width| measure(&settings.cell(decay, width)?, drawn, tuned);
                Some((tuned.gain, tuned.rate, settings.widths.iter().map(at).collect::<Result<_, _>>()?))
            }
            None => None,
        };
        observe(MapProgress { done: 1 + done.fetch_add(1, Ordering::Relaxed), all });
        Ok(measured)
    };
    let units: Vec<Unit> = (0..all).into_par_iter().map(unit).collect::<Result<_, _>>()?;
    let mut cells = Vec::new();
    for (&(rate, decay), units) in points.iter().zip(units.chunks(drawn.len())) {
        for (index, &width) in settings.widths.iter().enumerate() {
            cells.push(MapCell::of([rate, decay, width], units, index));
        }
    }
    Ok(PhaseMap { settings: settings.clone(), cells })
}

impl MapCell {
    fn of([rate, decay, width]: [f64; 3], units: &[Unit], index: usize) -> Self {
        let units: Option<Vec<_>> = units.iter().map(Option::as_ref).collect();
        let met = units.is_some();
        let units = units.unwrap_or_default();
        let spread = |of: &dyn Fn(&Measured) -> Option<f64>| {
            let values: Option<Vec<f64>> = units.iter().map(|(.., at)| of(at.get(index)?)).collect();
            Spread::of(&values?)
        };
        let of = |which: usize, value: fn(&Jacobians) -> Option<f64>| spread(&|m| value(&m.jacobians[which]));
        Self {
            rate,
            decay,
            width,
            met,
            gain: Spread::of(&units.iter().map(|unit| unit.0).collect::<Vec<_>>()),
            measured_rate: Spread::of(&units.iter().map(|unit| unit.1).collect::<Vec<_>>()),
            missing: spread(&|m| m.gradient.missing),
            cosine: spread(&|m| m.gradient.cosine),
            length: spread(&|m| m.gradient.ratio()),
            growth: of(0, |j| j.mean_log),
            full_rms: of(0, |j| j.log_rms),
            detached_rms: of(1, |j| j.log_rms),
            cut: of(1, |j| Some(j.cut)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> MapSettings {
        MapSettings {
            decays: vec![0.5, 0.9],
            widths: vec![0.1, 0.8],
            rates: vec![0.05, 0.3, 0.95],
            neurons: 80,
            steps: 60,
            repeats: 3,
            ..MapSettings::default()
        }
    }

    #[test]
    fn the_same_map_on_any_number_of_threads() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let calls = AtomicUsize::new(0);
            let count = |progress: MapProgress| {
                calls.fetch_add(1, Ordering::Relaxed);
                assert_eq!(progress.all, 18);
            };
            (pool.install(|| phase_map(&small(), count)).unwrap(), calls.into_inner())
        };
        let (one, calls) = run(1);
        assert_eq!(calls, 18);
        assert_eq!(run(2), (one.clone(), 18));
        assert_ne!(phase_map(&MapSettings { seed: 2, ..small() }, |_| {}).unwrap(), one);
    }

    #[test]
    fn rates_are_met_or_the_cell_is_empty_and_the_order_is_that_of_the_grid() {
        let map = phase_map(&small(), |_| {}).unwrap();
        let at = |i: usize| [map.cells[i].rate, map.cells[i].decay, map.cells[i].width];
        assert_eq!(
            [at(0), at(1), at(2), at(4)],
            [[0.05, 0.5, 0.1], [0.05, 0.5, 0.8], [0.05, 0.9, 0.1], [0.3, 0.5, 0.1]]
        );
        for cell in &map.cells {
            assert_eq!(cell.met, cell.rate < 0.9, "{cell:?}");
            let values = [cell.gain, cell.measured_rate, cell.missing, cell.cosine, cell.growth, cell.cut];
            assert!(values.iter().all(|value| value.is_some() == cell.met), "{cell:?}");
            if let (Some(rate), Some(cut)) = (cell.measured_rate, cell.cut) {
                assert!(
                    (rate.low / cell.rate - 1.0).abs() <= 0.02 && (rate.high / cell.rate - 1.0).abs() <= 0.02
                );
                // Under a detached reset to zero, 1 - o is 0 at each spike; spikes of the last step have no Jacobian.
                assert!((cut.median - rate.median).abs() < 0.01 + 0.1 * rate.median, "{cell:?}");
            }
        }
    }
}
