//! A population of single neurons that fires at a given rate.

use super::comparison::Sums;
use super::{Comparison, DiagnoseError, MapSettings, temporal_jacobians};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::Tape;
use resurge_snn::{Cell, CellOutput, ResetGradient};
use resurge_tensor::Tensor;

/// Doublings of the gain, from the threshold on, in search of one that reaches the rate.
const DOUBLINGS: u32 = 30;
/// Halvings of the interval then: as many as a double has bits.
const HALVINGS: u32 = 53;

/// The noise of a population, and the cotangent of its spikes; both `[T, 1, N]`, standard normal.
pub(super) struct Drawn {
    noise: Tensor<f64>,
    cotangent: Tensor<f64>,
}

impl Drawn {
    pub(super) fn new(settings: &MapSettings, repeat: usize) -> Result<Self, DiagnoseError> {
        let draw = |stream: u64| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&settings.seed.to_le_bytes());
            key[8..16].copy_from_slice(&(repeat as u64).to_le_bytes());
            let mut rng = ChaCha8Rng::from_seed(key);
            rng.set_stream(stream);
            // Above 0, for the logarithm.
            let mut unit = move || ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
            // Box and Muller 1958.
            let normal = move |_| (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
            Tensor::from_fn([settings.steps, 1, settings.neurons], normal)
        };
        Ok(Self { noise: draw(1)?, cotangent: draw(2)? })
    }
}

/// A population with the gain at which it fires at its rate.
pub(super) struct Tuned {
    pub(super) gain: f64,
    pub(super) rate: f64,
    current: Tensor<f64>,
    potentials: Tensor<f64>,
}

/// What was measured of a population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    pub(super) gradient: Comparison,
    /// Full and detached.
    pub(super) jacobians: [Jacobians; 2],
}

/// Of temporal Jacobians over all steps and neurons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jacobians {
    /// The mean of `ln |J|` over those that are not 0.
    pub(super) mean_log: Option<f64>,
    /// `ln sqrt(mean J^2)`.
    pub(super) log_rms: Option<f64>,
    /// The share that is 0.
    pub(super) cut: f64,
}

fn current(drawn: &Drawn, settings: &MapSettings, gain: f64) -> Tensor<f64> {
    drawn.noise.map(|z| gain * (1.0 + settings.noise * z))
}

fn rate(cell: &Cell, drawn: &Drawn, settings: &MapSettings, gain: f64) -> Result<f64, DiagnoseError> {
    let mut tape = Tape::new();
    let current = tape.constant(current(drawn, settings, gain));
    let spikes = cell.run_fused(&mut tape, current, CellOutput::Spikes)?;
    Ok(tape.value(spikes)?.mean())
}

/// Finds the gain by bisection; none where the rate is not met within the tolerance. Neither surrogate nor reset
/// gradient matter to it.
pub(super) fn tune(
    cell: &Cell,
    drawn: &Drawn,
    settings: &MapSettings,
    target: f64,
) -> Result<Option<Tuned>, DiagnoseError> {
    let (mut low, mut high) = (0.0, cell.threshold());
    let mut doublings = 0;
    while rate(cell, drawn, settings, high)? < target {
        if doublings == DOUBLINGS {
            return Ok(None);
        }
        (low, high, doublings) = (high, 2.0 * high, doublings + 1);
    }
    for _ in 0..HALVINGS {
        let gain = 0.5 * (low + high);
        let found = rate(cell, drawn, settings, gain)?;
        if (found - target).abs() <= settings.tolerance * target {
            let current = current(drawn, settings, gain);
            let mut tape = Tape::new();
            let input = tape.constant(current.clone());
            let run = cell.run(&mut tape, input)?;
            let potentials = tape.stack(&run.potentials)?;
            let potentials = tape.value(potentials)?.clone();
            return Ok(Some(Tuned { gain, rate: found, current, potentials }));
        }
        if found < target { low = gain } else { high = gain }
    }
    Ok(None)
}

/// Compares the gradients with respect to the input current of a population, for the drawn cotangent of its spikes.
pub(super) fn measure(cell: &Cell, drawn: &Drawn, tuned: &Tuned) -> Result<Measured, DiagnoseError> {
    let cells = [ResetGradient::Full, ResetGradient::Detached].map(|rule| cell.with_reset_gradient(rule));
    let gradient = |cell: &Cell| -> Result<Tensor<f64>, DiagnoseError> {
        let mut tape = Tape::new();
        let current = tape.leaf(tuned.current.clone());
        let spikes = cell.run_fused(&mut tape, current, CellOutput::Spikes)?;
        Ok(tape.vjp(spikes, drawn.cotangent.clone())?.wrt(current)?.clone())
    };
    let jacobians = |cell: &Cell| -> Result<Jacobians, DiagnoseError> {
        Ok(Jacobians::of(temporal_jacobians(cell, &tuned.potentials, &tuned.current)?.as_slice()))
    };
    let [full, detached] = &cells;
    Ok(Measured {
        gradient: Sums::of(gradient(full)?.as_slice(), gradient(detached)?.as_slice()).comparison(),
        jacobians: [jacobians(full)?, jacobians(detached)?],
    })
}

impl Jacobians {
    fn of(jacobians: &[f64]) -> Self {
        let logs = jacobians.iter().map(|j| j.abs().ln()).filter(|log| log.is_finite());
        let (count, sum) = logs.fold((0_usize, 0.0), |(count, sum), log| (count + 1, sum + log));
        let cut = jacobians.iter().filter(|j| **j == 0.0).count();
        let all = jacobians.len().max(1) as f64;
        let squares: f64 = jacobians.iter().map(|j| j * j).sum();
        Self {
            mean_log: (count > 0).then(|| sum / count as f64),
            log_rms: Some(0.5 * (squares / all).ln()).filter(|x| x.is_finite()),
            cut: cut as f64 / all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MapSettings {
        MapSettings { neurons: 60, steps: 50, ..MapSettings::default() }
    }

    #[test]
    fn what_is_drawn_is_standard_normal_and_depends_on_seed_and_repeat() {
        let settings = MapSettings { neurons: 500, ..settings() };
        let drawn = Drawn::new(&settings, 0).unwrap();
        let (n, z) = (25_000.0, drawn.noise.as_slice());
        let mean = z.iter().sum::<f64>() / n;
        let square = z.iter().map(|z| z * z).sum::<f64>() / n;
        // Five standard deviations of each: 1 / sqrt n and sqrt(2 / n).
        assert!(mean.abs() < 0.032 && (square - 1.0).abs() < 0.045, "{mean} {square}");
        assert_eq!(Drawn::new(&settings, 0).unwrap().noise, drawn.noise);
        assert_ne!(drawn.cotangent, drawn.noise);
        assert_ne!(Drawn::new(&settings, 1).unwrap().noise, drawn.noise);
        let other = MapSettings { seed: 2, ..settings };
        assert_ne!(Drawn::new(&other, 0).unwrap().noise, drawn.noise);
    }

    #[test]
    fn a_population_fires_at_its_rate_or_is_not_met() {
        let settings = settings();
        let drawn = Drawn::new(&settings, 0).unwrap();
        for (decay, target) in [(0.2, 0.02), (0.9, 0.1), (0.99, 0.4)] {
            let cell = settings.cell(decay, 0.2).unwrap();
            let tuned = tune(&cell, &drawn, &settings, target).unwrap().unwrap();
            // Counted in the potentials, which come from another form of the cell.
            let spikes = tuned.potentials.as_slice().iter().filter(|u| **u > 1.0).count();
            assert_eq!(spikes as f64 / 3000.0, tuned.rate);
            assert!((tuned.rate - target).abs() <= 0.02 * target, "{}", tuned.rate);
        }
        // A current that is negative in one step of six cannot make a neuron fire in 19 of 20.
        let cell = settings.cell(0.2, 0.2).unwrap();
        assert!(tune(&cell, &drawn, &settings, 0.95).unwrap().is_none());
        // Without noise all neurons are one, which fires every n-th step or not at all.
        let calm = MapSettings { noise: 0.0, ..settings };
        assert!(tune(&cell, &drawn, &calm, 0.45).unwrap().is_none());
    }

    #[test]
    fn without_a_reset_or_a_decay_there_is_no_term() {
        for (reset, decay) in [("none", 0.9), ("zero", 0.0)] {
            let settings = MapSettings { reset: reset.into(), ..settings() };
            let drawn = Drawn::new(&settings, 0).unwrap();
            let cell = settings.cell(decay, 0.2).unwrap();
            let tuned = tune(&cell, &drawn, &settings, 0.1).unwrap().unwrap();
            let Measured { gradient, jacobians: [full, detached] } = measure(&cell, &drawn, &tuned).unwrap();
            assert_eq!((gradient.missing, gradient.cosine), (Some(0.0), Some(1.0)), "{reset}");
            assert_eq!(full, detached);
            let expected = (decay > 0.0).then(|| decay.ln());
            let close = |found: Option<f64>| match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
                (found, expected) => found == expected,
            };
            assert!(close(full.mean_log) && close(full.log_rms), "{reset}: {full:?}");
            assert_eq!(full.cut, if decay > 0.0 { 0.0 } else { 1.0 });
        }
    }

    #[test]
    fn a_single_spike_by_hand() {
        // Decay 0.8, rectangle of slope 1 within 0.5 of the threshold; u = 1.25, 0.75 and spikes 1, 0. With cotangents
        // c of the spikes, dL/dI[1] = c1 and dL/dI[0] = c0 + J c1, J = 0.8 (0 - 1.25) = -1, or 0 without the term.
        let settings =
            MapSettings { surrogate: "rectangle".into(), neurons: 1, steps: 2, ..MapSettings::default() };
        let cell = settings.cell(0.8, 1.0).unwrap();
        let tensor = |values: [f64; 2]| Tensor::from_vec([2, 1, 1], values.to_vec()).unwrap();
        let drawn = Drawn { noise: tensor([0.0; 2]), cotangent: tensor([3.0, 2.0]) };
        let (current, potentials) = (tensor([1.25, 0.75]), tensor([1.25, 0.75]));
        let tuned = Tuned { gain: 1.0, rate: 0.5, current, potentials };
        let Measured { gradient, jacobians: [full, detached] } = measure(&cell, &drawn, &tuned).unwrap();
        assert_eq!(gradient, Comparison::of(&[3.0 - 2.0, 2.0], &[3.0, 2.0]));
        assert_eq!(full, Jacobians { mean_log: Some(0.0), log_rms: Some(0.0), cut: 0.0 });
        assert_eq!(detached, Jacobians { mean_log: None, log_rms: None, cut: 1.0 });
    }
}
