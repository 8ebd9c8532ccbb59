//! An operation's vector-Jacobian product against its full Jacobian by dual numbers.

use super::OpCase;
use crate::{Anchor, AutodiffError, Contribution, Op, Vjp};
use resurge_tensor::{Dual, Scalar, Tensor};

/// How an operation's vector-Jacobian product is wrong.
///
/// ```
/// use resurge_autodiff::ops::OpMismatch;
///
/// let error = OpMismatch::Entry { op: "square", input: 0, entry: 3, vjp: 1.0, dual: 2.0 };
/// assert_eq!(error.to_string(), "square: input 0, entry 3: the vjp gives 1e0, dual numbers give 2e0");
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpMismatch {
    /// The operation itself failed.
    #[error("{op}: {source}")]
    Failed {
        /// The operation.
        op: &'static str,
        /// Why.
        source: AutodiffError,
    },
    /// The anchored value at the base point is not the recorded value.
    #[error("{op}: the anchored program does not have the recorded value at the recorded inputs")]
    BasePoint {
        /// The operation.
        op: &'static str,
    },
    /// The number of contributions differs from the number of inputs.
    #[error("{op}: {actual} contributions for {expected} inputs")]
    Contributions {
        /// The operation.
        op: &'static str,
        /// How many inputs there are.
        expected: usize,
        /// How many contributions came.
        actual: usize,
    },
    /// A contribution has another shape than its input.
    #[error("{op}: the contribution to input {input} does not have its shape")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The position of the input.
        input: usize,
    },
    /// An entry of the product differs from the Jacobian's.
    #[error("{op}: input {input}, entry {entry}: the vjp gives {vjp:e}, dual numbers give {dual:e}")]
    Entry {
        /// The operation.
        op: &'static str,
        /// The position of the input.
        input: usize,
        /// The row-major position in the input.
        entry: usize,
        /// The entry by the vector-Jacobian product.
        vjp: f64,
        /// The entry by dual numbers.
        dual: f64,
    },
}

/// Relative to the total size of the terms of an entry. Either side rounds a sum of such terms; each term comes
/// from a handful of operations of 1e-16 relative error.
const TOLERANCE: f64 = 1e-12;

impl OpCase {
    /// Compares the operation's vector-Jacobian product, at inputs and a cotangent drawn by `seed`, with its
    /// full Jacobian by dual numbers, entry by entry, to 1e-12.
    ///
    /// For a surrogate operation the Jacobian is that of its anchored program, whose value at the base point is
    /// checked, too.
    ///
    /// # Errors
    /// [`OpMismatch`] for the first entry that differs.
    ///
    /// ```
    /// for case in resurge_autodiff::ops::registry() {
    ///     case.check(1)?;
    /// }
    /// # Ok::<(), resurge_autodiff::ops::OpMismatch>(())
    /// ```
    pub fn check(&self, seed: u64) -> Result<(), OpMismatch> {
        let op = self.name();
        let failed = |source| OpMismatch::Failed { op, source };
        let mut samples = Samples(seed);
        let inputs = samples.inputs(self).map_err(failed)?;
        let refs: Vec<&Tensor<f64>> = inputs.iter().collect();
        let f: &dyn Op<f64> = &*self.op;
        let output = f.forward(&refs).map_err(failed)?;
        let base = Anchor { op, inputs: inputs.iter().cloned().collect(), output };
        if differentiable(f, &inputs, &base).map_err(failed)? != base.output {
            return Err(OpMismatch::BasePoint { op });
        }

        let cotangent = base.output.map(|_: f64| samples.between(-1.0, 1.0));
        let contributions = f.vjp(&Vjp::new(&refs, &base.output, &cotangent)).map_err(failed)?;
        if contributions.len() != inputs.len() {
            let (expected, actual) = (inputs.len(), contributions.len());
            return Err(OpMismatch::Contributions { op, expected, actual });
        }
        for (input, contribution) in contributions.into_iter().enumerate() {
            let gradient = densify(contribution, &inputs[input]).map_err(failed)?;
            if gradient.shape() != inputs[input].shape() {
                return Err(OpMismatch::Shape { op, input });
            }
            for (entry, &vjp) in gradient.as_slice().iter().enumerate() {
                let (dual, size) = self.by_dual(&inputs, &base, &cotangent, input, entry).map_err(failed)?;
                let holds = (vjp - dual).abs() <= TOLERANCE * size.max(1e-3);
                if !holds {
                    return Err(OpMismatch::Entry { op, input, entry, vjp, dual });
                }
            }
        }
        Ok(())
    }

    /// The cotangent times one column of the Jacobian, and the total size of the terms of that sum.
    fn by_dual(
        &self,
        inputs: &[Tensor<f64>],
        base: &Anchor<f64>,
        cotangent: &Tensor<f64>,
        input: usize,
        entry: usize,
    ) -> crate::Result<(f64, f64)> {
        let mut duals: Vec<Tensor<Dual<f64>>> = inputs.iter().map(Tensor::cast).collect();
        duals[input].as_mut_slice()[entry].eps = 1.0;
        let column = differentiable(&*self.op as &dyn Op<Dual<f64>>, &duals, base)?;
        let terms = || column.as_slice().iter().zip(cotangent.as_slice()).map(|(d, c)| d.eps * c);
        Ok((terms().sum(), terms().map(f64::abs).sum()))
    }
}

/// The value of the program that the operation's vector-Jacobian product claims to differentiate.
fn differentiable<S: Scalar>(
    op: &dyn Op<S>,
    inputs: &[Tensor<S>],
    base: &Anchor<f64>,
) -> crate::Result<Tensor<S>> {
    let inputs: Vec<&Tensor<S>> = inputs.iter().collect();
    if op.is_surrogate() { op.anchored(&inputs, &base.cast()) } else { op.forward(&inputs) }
}

fn densify(contribution: Option<Contribution<f64>>, like: &Tensor<f64>) -> crate::Result<Tensor<f64>> {
    Ok(match contribution {
        None => Tensor::zeros(like.shape())?,
        Some(Contribution::Dense(tensor)) => tensor,
        Some(Contribution::Step { index, value }) => {
            let steps = like.shape().first().copied().unwrap_or(0);
            value.unselect(index, steps)?
        }
    })
}

/// A small generator (SplitMix64), so that drawing samples needs no dependency.
struct Samples(u64);

impl Samples {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let unit = ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64;
        low + (high - low) * unit
    }

    fn inputs(&mut self, case: &OpCase) -> crate::Result<Vec<Tensor<f64>>> {
        let (low, high) = case.domain;
        let draw = |shape| Tensor::from_fn(shape, |_| self.between(low, high));
        Ok(case.inputs.iter().map(draw).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::registry;

    /// The complete check, over many seeds, is in `tests/registry.rs`.
    #[test]
    fn every_operation_passes() {
        for case in registry() {
            case.check(0).unwrap_or_else(|error| panic!("inputs {:?}: {error}", case.inputs));
        }
    }

    /// The first outputs of SplitMix64 from the seed 1234567, of which the upper 53 bits are taken.
    #[test]
    fn samples_are_those_of_the_published_generator() {
        let mut samples = Samples(1_234_567);
        for expected in [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        {
            let unit = samples.between(0.0, 1.0);
            assert_eq!(unit, (expected >> 11) as f64 / 2f64.powi(53));
        }
        let (mut unit, mut wide) = (Samples(5), Samples(5));
        assert_eq!(wide.between(-3.0, 1.0), -3.0 + 4.0 * unit.between(0.0, 1.0));
    }
}
