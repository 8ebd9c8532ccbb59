//! Evaluations along a direction: each is made once and serves every output; some are made again, to see that they can be.

use super::{HALVINGS, Probe};
use crate::difference::power_of_two_below;
use crate::noise::Floor;
use crate::{Estimate, GradcheckError, Result};

pub(super) struct Samples<'a> {
    probe: &'a Probe<'a>,
    pub(super) direction: &'a [f64],
    /// The outputs at the point itself.
    base: Vec<f64>,
    /// Half a unit in the last place of the inputs over the direction: steps of so much are lost in them.
    grain: f64,
    known: Vec<Known>,
    pub(super) nearest_kink: Option<f64>,
    pub(super) repeats: usize,
}

struct Known {
    step: f64,
    values: Vec<f64>,
    /// The decisions, where they are not those of the point itself.
    crossed: Option<Vec<i8>>,
}

/// How often suspicious evaluations along one direction are repeated.
const SUSPICIONS: usize = 8;

impl<'a> Samples<'a> {
    pub(super) fn new(probe: &'a Probe<'a>, direction: &'a [f64]) -> Result<Self> {
        let base = probe.contracted(probe.anchored.base_output()?.as_slice());
        let values = probe.anchored.inputs().iter().flat_map(|input| input.as_slice());
        let moved = values.zip(direction).filter(|(_, d)| **d != 0.0);
        let grain = moved.map(|(x, d)| 0.5 * f64::EPSILON * (x / d).abs()).fold(0.0, f64::max);
        Ok(Self { probe, direction, base, grain, known: Vec::new(), nearest_kink: None, repeats: 0 })
    }

    pub(super) fn evaluations(&self) -> usize {
        self.known.len() + self.repeats
    }

    /// The value at the point itself.
    pub(super) fn at_base(&self, output: usize) -> f64 {
        self.base[output]
    }

    fn evaluate(&self, h: f64) -> Result<Known> {
        let sample = self.probe.anchored.sample(self.direction, h)?;
        let values = self.probe.contracted(sample.output.as_slice());
        Ok(Known { step: h, values, crossed: (sample.crossings > 0).then_some(sample.pieces) })
    }

    fn known(&mut self, h: f64) -> Result<&Known> {
        if let Some(at) = self.known.iter().position(|known| known.step == h) {
            return Ok(&self.known[at]);
        }
        let known = self.evaluate(h)?;
        if known.crossed.is_some() {
            self.nearest_kink = Some(self.nearest_kink.map_or(h.abs(), |k| k.min(h.abs())));
        }
        self.known.push(known);
        Ok(&self.known[self.known.len() - 1])
    }

    /// The value of an output at a step; `None` across a kink.
    pub(super) fn at(&mut self, output: usize, h: f64) -> Result<Option<f64>> {
        let known = self.known(h)?;
        Ok(known.crossed.is_none().then(|| known.values[output]))
    }

    /// The value of an output at a step, and the decisions there; none where they are those of the point itself.
    pub(super) fn beyond(&mut self, output: usize, h: f64) -> Result<(f64, Option<Vec<i8>>)> {
        let known = self.known(h)?;
        Ok((known.values[output], known.crossed.clone()))
    }

    /// The smallest step of a scan.
    pub(super) fn tiny(&self) -> f64 {
        power_of_two_below(self.probe.width) * (1.0 - HALVINGS as f64).exp2()
    }

    /// Whether a kink lies at the point itself: the smallest step to one side is across it.
    pub(super) fn is_kink_here(&mut self) -> Result<bool> {
        let tiny = self.tiny();
        Ok(self.known(tiny)?.crossed.is_some() || self.known(-tiny)?.crossed.is_some())
    }

    /// The estimate with the noise of the values that it was made from, in the place of that at the base point, and with what
    /// rounding takes from the steps.
    pub(super) fn with_noise_there(
        &self,
        output: usize,
        estimate: Estimate,
        floor: Floor,
        slope: f64,
    ) -> Estimate {
        // Extrapolation starts from steps twice as large for each order; formulas reach three steps, and two of them are held
        // against each other.
        let reach = estimate.step * (estimate.extrapolations as f64).exp2().max(6.0);
        let there = self.known.iter().filter(|known| known.step.abs() <= reach && known.crossed.is_none());
        let sizes = there.map(|known| known.values[output].abs());
        let largest = sizes.filter(|size| size.is_finite()).fold(0.0, f64::max);
        let lost = slope.abs().max(estimate.value.abs()) * self.grain;
        let more = (2.0 * (floor.at(largest) - floor.level) + lost) / estimate.step;
        Estimate { error: estimate.error + more, ..estimate }
    }

    /// Whether the program is a function of its inputs alone, as far as these evaluations can tell: the point itself is
    /// evaluated again, and so is each step at which the output is further from the tangent than at twice the step.
    pub(super) fn check_steady(&mut self, tangents: &[f64]) -> Result<()> {
        let again = self.evaluate(0.0)?.values;
        self.repeats += 1;
        if let Some((&recorded, &again)) = differing(&self.base, &again) {
            return Err(GradcheckError::BasePoint { recorded, again });
        }
        for suspect in self.suspects(tangents) {
            let again = self.evaluate(self.known[suspect].step)?;
            self.repeats += 1;
            if let Some((&first, &again)) = differing(&self.known[suspect].values, &again.values) {
                return Err(GradcheckError::Unsteady { step: self.known[suspect].step, first, again });
            }
        }
        Ok(())
    }

    fn suspects(&self, tangents: &[f64]) -> Vec<usize> {
        let mut suspects = Vec::new();
        for side in [1.0, -1.0] {
            let on_side = |&i: &usize| self.known[i].step * side > 0.0 && self.known[i].crossed.is_none();
            let mut steps: Vec<usize> = (0..self.known.len()).filter(on_side).collect();
            steps.sort_by(|&a, &b| self.known[b].step.abs().total_cmp(&self.known[a].step.abs()));
            for pair in steps.windows(2) {
                if self.is_odd(pair[1], pair[0], tangents) {
                    suspects.extend([pair[1], pair[0]]);
                }
            }
        }
        suspects.dedup();
        suspects.truncate(SUSPICIONS);
        suspects
    }

    /// Whether an output is further from its tangent at a small step than at a large one, or far nearer. Along a smooth function
    /// it is four times nearer, or eight or sixteen times.
    fn is_odd(&self, small: usize, large: usize, tangents: &[f64]) -> bool {
        let remainder = |known: &Known, output: usize| {
            (known.values[output] - self.base[output] - known.step * tangents[output]).abs()
        };
        (0..tangents.len()).any(|output| {
            let (small, large) =
                (remainder(&self.known[small], output), remainder(&self.known[large], output));
            let noise = 8.0 * self.probe.noise[output].level;
            small > large + noise || large > FAR_NEARER * (small + noise)
        })
    }
}

/// Beyond any power of the step that a remainder begins with.
const FAR_NEARER: f64 = 64.0;

/// The first pair of values that are not the same to the bit.
fn differing<'a>(a: &'a [f64], b: &'a [f64]) -> Option<(&'a f64, &'a f64)> {
    a.iter().zip(b).find(|(a, b)| a.to_bits() != b.to_bits())
}
