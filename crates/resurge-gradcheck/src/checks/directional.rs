//! The derivative of every output along one direction, by finite differences.

use crate::noise::Floor;
use crate::{AnchoredProgram, DifferenceScan, Estimate, Program, Result, Scheme};

/// What finite differences say along one direction.
pub(super) struct Measured {
    /// One estimate an output; `None` where kinks or the edge of the domain leave no usable step.
    pub(super) estimates: Vec<Option<Estimate>>,
    /// The smallest step at which a kink was crossed.
    pub(super) nearest_kink: Option<f64>,
    /// How often the program was evaluated.
    pub(super) evaluations: usize,
}

/// Steps are scanned from the width down by this many halvings, to about 1e-7 of it: the best step of an
/// extrapolated difference is near 1e-2 of it, and kinks nearby force smaller ones.
pub(super) const HALVINGS: usize = 24;

/// Derivatives along `direction`, given the noise of each output. With `weights`, of the one contracted output.
pub(super) fn measure<P: Program>(
    anchored: &AnchoredProgram<'_, P>,
    direction: &[f64],
    scheme: Scheme,
    width: f64,
    noise: &[Floor],
    weights: Option<&[f64]>,
) -> Result<Measured> {
    let mut samples = Samples { anchored, direction, weights, known: Vec::new(), nearest_kink: None };
    let mut estimates = Vec::with_capacity(noise.len());
    for (output, &floor) in noise.iter().enumerate() {
        let scan = DifferenceScan { first_step: width, halvings: HALVINGS, noise: floor.level };
        let estimate = scheme.derivative(scan, |h| samples.at(output, h))?;
        estimates.push(estimate.map(|estimate| samples.with_noise_there(output, estimate, floor)));
    }
    let evaluations = samples.known.len();
    Ok(Measured { estimates, nearest_kink: samples.nearest_kink, evaluations })
}

/// Evaluations along a direction: each is made once and serves every output.
struct Samples<'a, 'p, P> {
    anchored: &'a AnchoredProgram<'p, P>,
    direction: &'a [f64],
    weights: Option<&'a [f64]>,
    known: Vec<(f64, Option<Vec<f64>>)>,
    nearest_kink: Option<f64>,
}

impl<P: Program> Samples<'_, '_, P> {
    /// The estimate with the noise of the values that it was made from, in the place of that at the base point.
    fn with_noise_there(&self, output: usize, estimate: Estimate, floor: Floor) -> Estimate {
        // Extrapolation starts from steps twice as large for each order; formulas reach three steps, and two of them are held
        // against each other.
        let reach = estimate.step * (estimate.extrapolations as f64).exp2().max(6.0);
        let there = self.known.iter().filter(|(h, _)| h.abs() <= reach);
        let sizes = there.filter_map(|(_, values)| Some(values.as_ref()?[output].abs()));
        let largest = sizes.filter(|size| size.is_finite()).fold(0.0, f64::max);
        let more = 2.0 * (floor.at(largest) - floor.level) / estimate.step;
        Estimate { error: estimate.error + more, ..estimate }
    }

    fn at(&mut self, output: usize, h: f64) -> Result<Option<f64>> {
        if let Some((_, values)) = self.known.iter().find(|(step, _)| *step == h) {
            return Ok(values.as_ref().map(|v| v[output]));
        }
        let sample = self.anchored.sample(self.direction, h)?;
        let values = if sample.crossings > 0 {
            self.nearest_kink = Some(self.nearest_kink.map_or(h.abs(), |k| k.min(h.abs())));
            None
        } else {
            let all = sample.output.to_vec();
            Some(self.weights.map_or(all.clone(), |w| vec![crate::evidence::dot(w, &all)]))
        };
        let value = values.as_ref().map(|v| v[output]);
        self.known.push((h, values));
        Ok(value)
    }
}
