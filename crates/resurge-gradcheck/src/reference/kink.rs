//! At a kink: the derivatives from both sides, and those of the pieces that meet there.

use super::samples::Samples;
use super::{Finding, Means, Probe, Reference, Why};
use crate::difference::one_sided;
use crate::{Estimate, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Points around a kink at which its pieces are looked for.
const NEIGHBOURS: u64 = 16;

/// Up to so many inputs each is moved to either side in turn, in search of a piece with a larger derivative.
const SEARCHED: usize = 64;

/// How far the points around a kink are, as a power of two of the width: near enough that the curvature over the distance is
/// below the tolerances, far enough that inputs move by millions of units in the last place.
const NEAR: i32 = -28;

impl Probe<'_> {
    /// What a claim must be within at a kink: the interval of the one-sided derivatives, and where it is not, that of the
    /// derivatives on the pieces that meet there. For a kink in several variables the second may be larger: `|x| - |y|` along
    /// the diagonal has the slope 0 on both sides, and pieces of slopes -2, 0 and 2.
    pub(super) fn beside_kink(
        &self,
        samples: &mut Samples<'_>,
        output: usize,
        claimed: f64,
        dual: f64,
    ) -> Result<Finding> {
        let mut sides = Vec::new();
        for side in [1.0, -1.0] {
            let Some(estimate) = self.side(samples, output, side)? else {
                return Ok(Finding::Unknown { error: None, why: Why::Kink });
            };
            sides.push(estimate);
        }
        let reference =
            |low, high, error, step| Reference { low, high, error, means: Means::OneSidedDifferences, step };
        let (right, left) = (sides[0], sides[1]);
        let error = right.error.max(left.error);
        let step = right.step.min(left.step);
        let between = reference(right.value.min(left.value), right.value.max(left.value), error, step);
        if self.holds(&between, claimed) {
            return Ok(Finding::Known(between));
        }
        let (mut low, mut high) = (between.low, between.high);
        let more = self.nearby(samples.direction, output, claimed > between.high)?;
        let error = error.max(more.iter().map(|(_, error)| *error).fold(0.0, f64::max));
        for (slope, _) in more {
            (low, high) = (low.min(slope), high.max(slope));
        }
        let all = reference(low, high, error, step);
        let tolerance = self.tolerance.relative(all.size()) + self.tolerance.uncertain(error);
        let wide = high - low > tolerance;
        let several = samples.direction.iter().filter(|d| **d != 0.0).count() > 1;
        // Pieces are sampled. A claim that is the operations' own choice, or along several variables is hardly outside, may be
        // on one that was missed; where all pieces agree there is none to miss.
        let own = (claimed - dual).abs() <= tolerance;
        if !self.holds(&all, claimed) && wide && (own || (several && all.distance(claimed) < high - low)) {
            return Ok(Finding::Unknown { error: Some(high - low), why: Why::Convention });
        }
        Ok(Finding::Known(all))
    }

    fn holds(&self, reference: &Reference, claimed: f64) -> bool {
        let size = reference.size().max(claimed.abs());
        reference.distance(claimed)
            <= self.tolerance.relative(size) + self.tolerance.uncertain(reference.error)
    }

    /// The derivative on one side: by differences, or by dual numbers beside the kink where these are not exact enough.
    fn side(&self, samples: &mut Samples<'_>, output: usize, side: f64) -> Result<Option<Estimate>> {
        let tiny = samples.tiny();
        let (_, piece) = samples.beyond(output, side * tiny)?;
        let floor = self.noise[output];
        let at_base = samples.at_base(output);
        let differences = one_sided(self.scan(floor), at_base, |h| {
            let (value, at) = samples.beyond(output, side * h)?;
            Ok((at == piece).then_some(value))
        })?;
        let differences = differences.map(|estimate| Estimate { value: side * estimate.value, ..estimate });
        if differences.is_some_and(|fd| self.tolerance.is_exact_enough(fd.error, fd.value.abs())) {
            return Ok(differences);
        }
        let direction = samples.direction;
        let offset: Vec<f64> = direction.iter().map(|d| side * tiny * d).collect();
        let Some((value, error)) = self.limit(&offset, direction, output)? else { return Ok(differences) };
        let agree = |fd: Estimate| (fd.value - value).abs() <= self.tolerance.uncertain(fd.error + error);
        Ok(match differences {
            // Dual numbers do not see what differences do.
            Some(fd) if !agree(fd) => Some(fd),
            Some(fd) if fd.error <= error => Some(fd),
            _ => Some(Estimate { value, error, step: tiny, extrapolations: 0 }),
        })
    }

    /// The derivative towards the point from an offset, on the piece of the offset, with its error: that at the offset and
    /// that at half of it, extrapolated.
    fn limit(&self, offset: &[f64], direction: &[f64], output: usize) -> Result<Option<(f64, f64)>> {
        let half: Vec<f64> = offset.iter().map(|x| 0.5 * x).collect();
        let (there, nearer) =
            (self.anchored.tangent(offset, direction)?, self.anchored.tangent(&half, direction)?);
        if there.pieces != nearer.pieces {
            return Ok(None);
        }
        let slope = |outputs: &resurge_tensor::Tensor<f64>| self.contracted(outputs.as_slice())[output];
        let (there, nearer) = (slope(&there.output), slope(&nearer.output));
        let value = 2.0 * nearer - there;
        Ok(Some((value, (nearer - there).abs() + 4.0 * f64::EPSILON * value.abs()))
            .filter(|(v, _)| v.is_finite()))
    }

    /// Derivatives along a direction on the pieces around the point: at random points, and searching from the best of them
    /// for larger, or smaller, ones.
    fn nearby(&self, direction: &[f64], output: usize, larger: bool) -> Result<Vec<(f64, f64)>> {
        let near = self.width * f64::from(NEAR).exp2();
        let mut found = Vec::new();
        let mut best: Option<(f64, Vec<f64>)> = None;
        let mut consider = |offset: Vec<f64>, best: &mut Option<(f64, Vec<f64>)>| -> Result<()> {
            let Some((slope, error)) = self.limit(&offset, direction, output)? else { return Ok(()) };
            found.push((slope, error));
            let better = |than: f64| if larger { slope > than } else { slope < than };
            if best.as_ref().is_none_or(|(than, _)| better(*than)) {
                *best = Some((slope, offset));
            }
            Ok(())
        };
        for neighbour in 0..NEIGHBOURS {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(16 + neighbour);
            let mut jitter = || {
                let size = near * rng.random_range(0.5..1.0);
                if rng.random::<bool>() { size } else { -size }
            };
            consider(self.units.iter().map(|unit| unit * jitter()).collect(), &mut best)?;
        }
        for entry in 0..self.units.len().min(SEARCHED) {
            if let Some((_, offset)) = &best {
                let mut offset = offset.clone();
                offset[entry] = -offset[entry];
                consider(offset, &mut best)?;
            }
        }
        Ok(found)
    }
}
