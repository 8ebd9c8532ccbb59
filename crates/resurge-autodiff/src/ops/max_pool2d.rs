//! Maxima over a sliding window.

use super::OpCase;
use crate::op::push_choice;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor, Window2d};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct MaxPool2d(Window2d);

impl<S: Scalar> Op<S> for MaxPool2d {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("max_pool2d", inputs)?;
        let (shape, places) = x.argmax_pool2d(self.0)?;
        let values = x.as_slice();
        Ok(Tensor::from_fn(shape, |i| values[places[i]])?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("max_pool2d", at.inputs)?;
        let (_, places) = x.argmax_pool2d(self.0)?;
        let mut gradient = Tensor::zeros(x.shape())?;
        let sums = gradient.as_mut_slice();
        // Windows may overlap: one element can be the maximum of several.
        for (place, &cotangent) in places.into_iter().zip(at.cotangent.as_slice()) {
            sums[place] += cotangent;
        }
        Ok(smallvec![Some(gradient.into())])
    }

    fn pieces(&self, inputs: &[&Tensor<S>], pieces: &mut Vec<i8>) {
        let &[x] = inputs else { return };
        // An input that does not fit was refused by `forward`.
        let Ok((_, places)) = x.argmax_pool2d(self.0) else { return };
        for place in places {
            push_choice(pieces, place, x.len());
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl<S: Scalar> Tape<S> {
    /// The largest real part under each position of a window on images `[M, C, H, W]`: `[M, C, H', W']`.
    ///
    /// The gradient goes to that element; of equals, as there often are among spikes, to the first in row-major
    /// order. Which element it was is reported through [`Op::pieces`]. Padding is never taken, and a
    /// not-a-number counts as larger than every number.
    ///
    /// # Errors
    /// A shape error unless there are four axes and the window fits, with less padding than its own extent.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::{Tensor, Window2d};
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([1, 1, 1, 4], vec![1.0, 2.0, 5.0, 3.0])?);
    /// let y = tape.max_pool2d(x, Window2d::new([1, 2]))?;
    /// assert_eq!(tape.value(y)?.as_slice(), &[2.0, 5.0]);
    /// assert_eq!(tape.pieces(), vec![1, 2]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn max_pool2d(&mut self, x: Var, window: Window2d) -> Result<Var> {
        self.apply(MaxPool2d(window), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    super::case::pool_cases().map(|(window, shape)| OpCase::new(MaxPool2d(window), vec![shape])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_ties_pieces_and_mismatch() {
        let mut tape = Tape::new();
        let x =
            tape.leaf(Tensor::from_vec([1, 1, 2, 4], vec![0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0]).unwrap());
        let y = tape.max_pool2d(x, Window2d::new([2, 2])).unwrap();
        assert_eq!(tape.value(y).unwrap().as_slice(), &[1.0, 1.0]);
        assert_eq!(tape.pieces(), vec![1, 2]);
        let loss = tape.sum(y).unwrap();
        let gradients = tape.backward(loss).unwrap();
        assert_eq!(gradients.wrt(x).unwrap().as_slice(), &[0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(tape.max_pool2d(x, Window2d::new([3, 2])).is_err());
    }

    #[test]
    fn an_element_that_wins_twice_gets_both_gradients() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([1, 1, 1, 3], vec![1.0, 5.0, 2.0]).unwrap());
        let y = tape.max_pool2d(x, Window2d::new([1, 2]).with_stride([1, 1])).unwrap();
        let loss = tape.sum(y).unwrap();
        assert_eq!(tape.backward(loss).unwrap().wrt(x).unwrap().as_slice(), &[0.0, 2.0, 0.0]);
    }
}
