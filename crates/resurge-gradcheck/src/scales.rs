//! The unit of each input: how far it has to move for the output to notice.

use crate::Result;
use crate::anchored::Evaluate;
use crate::difference::power_of_two_below;
use crate::directions::random_weights;
use crate::error::{check_length, positive};
use crate::evidence::{dot, norm};
use rayon::prelude::*;
use std::ops::Range;

/// One unit for each input: steps, norms and tolerances are in it, so that an input in nanovolts is compared like one in
/// megavolts. Units are powers of two, so that nothing is rounded by them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scales {
    #[cfg(test)]
    each: Vec<f64>,
    /// The unit of every entry.
    flat: Vec<f64>,
}

/// Units within this factor of 1 are 1: the scan of steps reaches as far.
const ORDINARY: f64 = 1024.0;

/// A unit is at least this part of the size of the values.
const LEAST: f64 = 1.0 / 16_777_216.0;

/// The step of the trial, in parts of the width: a power of two at which the error of a central difference is 1e-8 or so in
/// the right unit, and far larger in any unit that is off by more than [`ORDINARY`].
const TRIAL: f64 = 1.0 / 8192.0;

/// The relative error of a trial that leaves nothing to be wished for: a hundred times that of [`TRIAL`].
const GOOD: f64 = 1e-6;

impl Scales {
    /// Given units, one an input.
    pub(crate) fn given(anchored: &dyn Evaluate, each: &[f64]) -> Result<Self> {
        check_length("the list of scales", each, anchored.inputs().len())?;
        for &scale in each {
            positive("scale", scale)?;
        }
        Ok(Self::new(anchored, each.iter().map(|&scale| power_of_two_below(scale)).collect()))
    }

    /// Units from the inputs' own values and from how the output responds to them. Candidates are the size of the values,
    /// the length over which a potential moves by as much as one, or a loss without spikes by as much as itself, and 1; the
    /// first is taken at which a central difference is the derivative, or that where it comes nearest.
    pub(crate) fn found(anchored: &dyn Evaluate, width: f64, seed: u64) -> Result<Self> {
        let each = anchored
            .ranges()
            .into_par_iter()
            .enumerate()
            .map(|(input, range)| unit(anchored, width, range, seed.wrapping_add(input as u64)));
        Ok(Self::new(anchored, each.collect::<Result<_>>()?))
    }

    fn new(anchored: &dyn Evaluate, each: Vec<f64>) -> Self {
        let inputs = anchored.inputs().iter().zip(&each);
        let flat = inputs.flat_map(|(input, &unit)| std::iter::repeat_n(unit, input.len())).collect();
        Self {
            #[cfg(test)]
            each,
            flat,
        }
    }

    /// The unit of each input.
    #[cfg(test)]
    pub(crate) fn each(&self) -> &[f64] {
        &self.each
    }

    /// The unit of each entry.
    pub(crate) fn flat(&self) -> &[f64] {
        &self.flat
    }

    /// A direction in these units, or a gradient with respect to values in them.
    pub(crate) fn times(&self, values: &[f64]) -> Vec<f64> {
        values.iter().zip(&self.flat).map(|(x, unit)| x * unit).collect()
    }
}

fn unit(anchored: &dyn Evaluate, width: f64, range: Range<usize>, seed: u64) -> Result<f64> {
    // Not all of one size: along such a direction equal entries of opposite signs would cancel, in every unit.
    let parts = random_weights(range.len(), seed);
    let along = |unit: f64| {
        let mut direction = vec![0.0; anchored.dimension()];
        direction[range.clone()].iter_mut().zip(&parts).for_each(|(d, part)| *d = unit * part);
        direction
    };
    let values = || anchored.inputs().iter().flat_map(|input| input.as_slice()).skip(range.start);
    let moved: Vec<f64> = values().take(range.len()).copied().filter(|x| *x != 0.0).collect();
    let own = norm(&moved) / (moved.len() as f64).sqrt();
    let direction = along(1.0);
    let exact = anchored.by_dual(&direction)?;
    let response = match anchored.surrogate_slope(&direction)? {
        Some(slope) => 1.0 / slope,
        None => anchored.loss().abs() / exact.abs(),
    };
    let far = |x: &f64| x.is_normal() && !(1.0 / ORDINARY..=ORDINARY).contains(x);
    // A step must not be lost in the values.
    let response = if own > 0.0 { response.max(own * LEAST) } else { response };
    let candidates: Vec<f64> = [own, response].into_iter().filter(far).map(power_of_two_below).collect();
    if exact == 0.0 || candidates.is_empty() {
        // Nothing to try them on.
        return Ok(candidates.first().copied().unwrap_or(1.0));
    }
    let step = power_of_two_below(width * TRIAL);
    let mut best = (f64::INFINITY, 1.0);
    for unit in candidates.into_iter().chain([1.0]) {
        let direction = along(unit);
        let (ahead, behind) = (anchored.evaluate(&direction, step)?, anchored.evaluate(&direction, -step)?);
        let error = ((ahead.loss - behind.loss) / (2.0 * step * unit) - exact).abs();
        // Of units that will all do, as of a linear function, the first.
        if error <= GOOD * exact.abs() {
            return Ok(unit);
        }
        if error < best.0 {
            best = (error, unit);
        }
    }
    Ok(best.1)
}

/// The norm of a part of a gradient in units, and the product of a direction with it.
pub(crate) fn part_norm(gradient: &[f64], range: &Range<usize>) -> f64 {
    dot(&gradient[range.clone()], &gradient[range.clone()]).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AnchoredProgram, GradcheckError, Program, ProgramResult};
    use resurge_autodiff::{Tape, Var};
    use resurge_snn::{Firing, Surrogate, spike};
    use resurge_tensor::{Scalar, Tensor};

    /// The sum of `sin(a x) + b y`, or of the spikes of `a x + b y`.
    struct Mixed {
        a: f64,
        b: f64,
        spikes: bool,
    }

    impl Program for Mixed {
        fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
            let (a, b) = (tape.scale(inputs[0], self.a)?, tape.scale(inputs[1], self.b)?);
            let a = if self.spikes { a } else { tape.sin(a)? };
            let sum = tape.add(a, b)?;
            let sum =
                if self.spikes { spike(tape, sum, Surrogate::sigmoid(0.5)?, Firing::Above)? } else { sum };
            Ok(tape.sum(sum)?)
        }
    }

    fn found(a: f64, b: f64, x: f64, y: f64, spikes: bool) -> Vec<f64> {
        let at = vec![Tensor::full([2], x).unwrap(), Tensor::full([2], y).unwrap()];
        let program = Mixed { a, b, spikes };
        let anchored = AnchoredProgram::new(&program, at).unwrap();
        Scales::found(&anchored, 1.0, 1).unwrap().each().to_vec()
    }

    #[test]
    fn units_are_of_the_size_of_the_values_or_of_the_response() {
        assert_eq!(found(1.0, 1.0, 0.5, -20.0, false), [1.0, 1.0], "ordinary inputs keep their unit");
        for spikes in [false, true] {
            let units = found(1e-9, 1e6, 0.7e9, 0.3e-6, spikes);
            assert!((1e8..1e10).contains(&units[0]) && (1e-7..1e-5).contains(&units[1]), "{units:?}");
        }
        // Inputs at 0 have no size, but a response.
        let units = found(1e-9, 1e6, 0.0, 0.3e-6, true);
        assert!((1e8..1e10).contains(&units[0]), "{units:?}");
        // A large value in a small unit: the response decides.
        let units = found(1.0, 1.0, 1e6 + 0.3, 0.5, false);
        assert_eq!(units, [1.0, 1.0]);
    }

    #[test]
    fn given_units_are_checked() {
        let program = Mixed { a: 1.0, b: 1.0, spikes: false };
        let at = vec![Tensor::full([2], 0.5).unwrap(), Tensor::full([1], 0.5).unwrap()];
        let anchored = AnchoredProgram::new(&program, at).unwrap();
        let scales = Scales::given(&anchored, &[3.0, 0.25]).unwrap();
        assert_eq!((scales.each(), scales.flat()), (&[2.0, 0.25][..], &[2.0, 2.0, 0.25][..]));
        assert_eq!(scales.times(&[1.0, 2.0, 4.0]), [2.0, 4.0, 1.0]);
        let refused = Scales::given(&anchored, &[1.0]);
        assert!(matches!(refused, Err(GradcheckError::Length { expected: 2, actual: 1, .. })));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = Scales::given(&anchored, &[1.0, bad]);
            assert!(matches!(refused, Err(GradcheckError::Option { option: "scale", .. })), "{bad}");
        }
    }
}
