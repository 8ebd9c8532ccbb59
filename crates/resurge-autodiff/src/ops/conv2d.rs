//! Two-dimensional convolution.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Conv2d, Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Convolve(Conv2d);

impl<S: Scalar> Op<S> for Convolve {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [input, weight] = expect_inputs("conv2d", inputs)?;
        Ok(self.0.apply(input, weight)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        // Bilinear: the product with either operand fixed is a linear map, whose transpose is applied.
        let ([input, weight], cotangent) = (expect_inputs("conv2d", at.inputs)?, at.cotangent);
        let left = || self.0.transposed_to_input(cotangent, weight, input.shape());
        let right = || self.0.transposed_to_weight(cotangent, input, weight.shape());
        Ok(smallvec![
            if at.needs(0) { Some(left()?.into()) } else { None },
            if at.needs(1) { Some(right()?.into()) } else { None },
        ])
    }

    fn detail(&self) -> Option<String> {
        let ([sh, sw], [ph, pw]) = (self.0.stride(), self.0.padding());
        Some(format!("stride {sh}x{sw}, padding {ph}x{pw}, groups {}", self.0.groups()))
    }
}

impl<S: Scalar> Tape<S> {
    /// The convolution of images `[M, C, H, W]` with a weight `[O, C/groups, kh, kw]`: `[M, O, H', W']`, by the
    /// formula at [`Conv2d`].
    ///
    /// # Errors
    /// A shape error unless both have four axes, the channels fit the groups, and the kernel fits the padded
    /// image.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::{Conv2d, Tensor};
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([1, 1, 1, 3], vec![1.0, 2.0, 4.0])?);
    /// let w = tape.leaf(Tensor::from_vec([1, 1, 1, 2], vec![-1.0, 1.0])?);
    /// let y = tape.conv2d(x, w, Conv2d::new())?;
    /// assert_eq!(tape.value(y)?.as_slice(), &[1.0, 2.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn conv2d(&mut self, input: Var, weight: Var, conv: Conv2d) -> Result<Var> {
        self.apply(Convolve(conv), &[input, weight])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let plain = Conv2d::new();
    let cases: [(Conv2d, [usize; 4], [usize; 4]); 8] = [
        (plain, [1, 1, 1, 1], [1, 1, 1, 1]),
        (plain, [2, 2, 3, 4], [3, 2, 2, 3]),
        (plain.with_padding([1, 0]), [1, 2, 3, 3], [2, 2, 3, 2]),
        (plain.with_stride([2, 1]).with_padding([0, 1]), [1, 1, 4, 3], [2, 1, 2, 3]),
        (plain.with_groups(2), [2, 4, 2, 3], [2, 2, 1, 2]),
        (plain.with_groups(2).with_stride([2, 2]).with_padding([1, 1]), [1, 2, 3, 3], [4, 1, 3, 2]),
        (plain, [0, 1, 2, 2], [1, 1, 2, 2]),
        (plain, [1, 1, 2, 2], [0, 1, 2, 2]),
    ];
    cases.map(|(conv, input, weight)| OpCase::new(Convolve(conv), vec![input.into(), weight.into()])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_mismatch() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([1, 1, 2, 3], |i| i as f64).unwrap());
        let w = tape.leaf(Tensor::from_vec([1, 1, 2, 2], vec![1.0, 10.0, 100.0, 1000.0]).unwrap());
        let y = tape.conv2d(x, w, Conv2d::new()).unwrap();
        assert_eq!(tape.value(y).unwrap().as_slice(), &[4310.0, 5421.0]);
        assert!(tape.to_string().contains("conv2d(%0, %1) [1, 1, 1, 2] stride 1x1, padding 0x0, groups 1"));
        assert!(tape.conv2d(x, w, Conv2d::new().with_groups(2)).is_err());
    }
}
