//! The facts by time lag and by step; against Resurge's own cells.

use crate::cells::{STEPS, gradient, program, run};
use resurge_program::CheckOptions;
use resurge_snn::{Cell, ResetGradient, Surrogate};
use resurge_tensor::Tensor;

fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum::<f64>().sqrt()
}

/// The gradient by the current, of an error that enters at one step's spikes.
fn from(cell: &Cell, step: usize) -> Vec<f64> {
    let (tape, current, spikes, _) = run(cell);
    let gradients = tape.vjp(spikes[step], crate::cells::weights(step)).unwrap();
    gradients.wrt(current).map_or_else(|_| Vec::new(), Tensor::to_vec)
}

/// By lag, as the cells have it: from each step back, the norm of the reset term relative to that of the full gradient.
fn by_lag(cell: &Cell, own: ResetGradient) -> Vec<f64> {
    let [own, full] = [own, ResetGradient::Full].map(|rule| {
        let cell = cell.with_reset_gradient(rule);
        (0..STEPS).map(|step| from(&cell, step)).collect::<Vec<_>>()
    });
    let width = own[0].len() / STEPS;
    let ratio = |lag: usize| {
        let at = |of: &[Vec<f64>], source: usize, i: usize| of[source][(source - lag) * width + i];
        let each = (lag..STEPS).flat_map(|source| (0..width).map(move |i| (source, i)));
        let off = norm(each.clone().map(|(s, i)| at(&own, s, i) - at(&full, s, i)));
        off / norm(each.map(|(s, i)| at(&full, s, i)))
    };
    (0..STEPS).map(ratio).collect()
}

#[test]
fn a_reset_is_split_by_lag_as_in_the_cells() {
    let plain = Cell::lif(Surrogate::atan(2.0).unwrap()).with_decay(0.8).unwrap();
    for cell in [
        plain,
        plain.with_reset(resurge_snn::Reset::TO_ZERO).unwrap(),
        plain.with_threshold(1.3).unwrap().with_input_gain(0.5).unwrap(),
    ] {
        let detached = cell.with_reset_gradient(ResetGradient::Detached);
        let report = program(&detached, &gradient(&detached)).checked(&CheckOptions::default());
        let [cut] = &report.cuts[..] else { panic!("one cut: {:?}", report.cuts) };
        assert_eq!((cut.role.as_str(), cut.times), ("reset", STEPS - 1), "{report}");
        let right = by_lag(&cell, ResetGradient::Detached);
        assert_eq!(cut.by_lag.len(), right.len());
        assert!(cut.by_lag[0] == 0.0 && right[1] > 0.01, "{right:?}");
        for (lag, (found, right)) in cut.by_lag.iter().zip(&right).enumerate() {
            // Sums of some hundred products in another order.
            assert!((found - right).abs() < 1e-12, "lag {lag}: {found} and {right}");
        }
        assert!(report.to_string().contains("the reset, by lag from 0 on, in %: 0.0, "), "{report}");
    }
}

/// Of the spatial gradient, the state's stop leaves out what the state carries, and nothing at lag 0.
#[test]
fn a_state_is_split_by_lag_too() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_reset_gradient(ResetGradient::SpatialOnly);
    let report = program(&cell, &gradient(&cell)).checked(&CheckOptions::default());
    let state = report.cuts.iter().find(|cut| cut.role == "state").unwrap_or_else(|| panic!("{report}"));
    assert!(state.place.starts_with("cell.py:7") && state.by_lag.len() == STEPS, "{state:?}");
    assert!(state.by_lag[0] == 0.0 && state.by_lag[1] > 0.0, "{state:?}");
}

/// The adjoints of the spikes are those of the tape, step by step.
#[test]
fn adjoints_are_those_of_the_tape() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_decay(0.8).unwrap();
    let (tape, _, spikes, loss) = run(&cell);
    let right = tape.adjoints(loss, Tensor::scalar(1.0), &spikes).unwrap();
    let report = program(&cell, &gradient(&cell)).checked(&CheckOptions::default());
    let [surrogate] = &report.surrogates[..] else { panic!("one surrogate: {report}") };
    assert_eq!(surrogate.adjoints.len(), STEPS);
    for (found, right) in surrogate.adjoints.iter().zip(&right) {
        assert!((found / norm(right.as_slice().iter().copied()) - 1.0).abs() < 1e-12);
    }
    assert_eq!(surrogate.flow, None);
}
