//! Permutation of axes.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::{SmallVec, smallvec};

#[derive(Debug, Clone)]
struct Permute(SmallVec<[usize; 4]>);

impl<S: Scalar> Op<S> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("permute", inputs)?;
        Ok(x.permute(&self.0)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let mut inverse = self.0.clone();
        for (to, &from) in self.0.iter().enumerate() {
            inverse[from] = to;
        }
        Ok(smallvec![Some(at.cotangent.permute(&inverse)?.into())])
    }

    fn detail(&self) -> Option<String> {
        Some(format!("{:?}", self.0.as_slice()))
    }
}

impl<S: Scalar> Tape<S> {
    /// The tensor whose axis `i` is the axis `axes[i]` of `x`.
    ///
    /// # Errors
    /// A shape error unless `axes` names each axis once.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([1, 3], vec![1.0, 2.0, 3.0])?);
    /// let y = tape.permute(x, &[1, 0])?;
    /// assert_eq!(tape.value(y)?.shape(), &[3, 1].into());
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn permute(&mut self, x: Var, axes: &[usize]) -> Result<Var> {
        self.apply(Permute(axes.into()), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let pairs: [(&[usize], &[usize]); 5] = [
        (&[2, 3], &[1, 0]),
        (&[2, 3, 4], &[2, 0, 1]),
        (&[2, 3, 4], &[1, 2, 0]),
        (&[], &[]),
        (&[0, 2], &[1, 0]),
    ];
    pairs.map(|(shape, axes)| OpCase::new(Permute(axes.into()), vec![shape.into()])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_bad_axes() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([2, 3], |i| i as f64).unwrap());
        let y = tape.permute(x, &[1, 0]).unwrap();
        assert_eq!(tape.value(y).unwrap().as_slice(), &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert!(tape.permute(x, &[0, 0]).is_err());
    }
}
