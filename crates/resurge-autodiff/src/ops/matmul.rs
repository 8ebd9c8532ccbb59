//! Matrix products, with either operand transposed.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Matmul {
    transpose_a: bool,
    transpose_b: bool,
}

impl<S: Scalar> Op<S> for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [a, b] = expect_inputs("matmul", inputs)?;
        Ok(a.matmul_transposed(self.transpose_a, b, self.transpose_b)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        // With A = op(a) and B = op(b): dA = C B', dB = A' C; an operand that was transposed gets the transpose.
        let ([a, b], c) = (expect_inputs("matmul", at.inputs)?, at.cotangent);
        let left = || match self.transpose_a {
            false => c.matmul_transposed(false, b, !self.transpose_b),
            true => b.matmul_transposed(self.transpose_b, c, true),
        };
        let right = || match self.transpose_b {
            false => a.matmul_transposed(!self.transpose_a, c, false),
            true => c.matmul_transposed(true, a, self.transpose_a),
        };
        Ok(smallvec![
            if at.needs(0) { Some(left()?.into()) } else { None },
            if at.needs(1) { Some(right()?.into()) } else { None },
        ])
    }

    fn detail(&self) -> Option<String> {
        let mark = |transposed| if transposed { "T" } else { "" };
        Some(format!("A{} B{}", mark(self.transpose_a), mark(self.transpose_b)))
    }
}

impl<S: Scalar> Tape<S> {
    /// The matrix product of `[m, k]` and `[k, n]`: shape `[m, n]`.
    ///
    /// # Errors
    /// A shape error unless both are matrices whose inner dimensions agree.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let a = tape.leaf(Tensor::from_vec([1, 2], vec![1.0, 2.0])?);
    /// let b = tape.leaf(Tensor::from_vec([2, 1], vec![3.0, 4.0])?);
    /// let y = tape.matmul(a, b)?;
    /// assert_eq!(tape.value(y)?.item(), Some(11.0));
    /// assert_eq!(tape.backward(y)?.wrt(a)?.as_slice(), &[3.0, 4.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn matmul(&mut self, a: Var, b: Var) -> Result<Var> {
        self.matmul_transposed(a, false, b, false)
    }

    /// The matrix product with each operand transposed first where its flag says so.
    ///
    /// # Errors
    /// A shape error unless both are matrices whose inner dimensions agree after transposition.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let input = tape.leaf(Tensor::from_vec([1, 2], vec![1.0, 2.0])?); // [B, inputs]
    /// let weight = tape.leaf(Tensor::from_vec([1, 2], vec![3.0, 4.0])?); // [outputs, inputs]
    /// let y = tape.matmul_transposed(input, false, weight, true)?;
    /// assert_eq!(tape.value(y)?.item(), Some(11.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn matmul_transposed(&mut self, a: Var, transpose_a: bool, b: Var, transpose_b: bool) -> Result<Var> {
        self.apply(Matmul { transpose_a, transpose_b }, &[a, b])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let mut cases = Vec::new();
    for [m, k, n] in [[2, 3, 4], [1, 1, 1], [1, 5, 2], [0, 2, 3], [2, 0, 3], [3, 2, 0]] {
        for (transpose_a, transpose_b) in [(false, false), (true, false), (false, true), (true, true)] {
            let a = if transpose_a { [k, m] } else { [m, k] };
            let b = if transpose_b { [n, k] } else { [k, n] };
            cases.push(OpCase::new(Matmul { transpose_a, transpose_b }, vec![a.into(), b.into()]));
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_mismatch() {
        let mut tape = Tape::new();
        let a = tape.leaf(Tensor::from_vec([1, 2], vec![1.0, 2.0]).unwrap());
        let b = tape.leaf(Tensor::from_vec([2, 1], vec![3.0, 4.0]).unwrap());
        let inner = tape.matmul(a, b).unwrap();
        assert_eq!(tape.value(inner).unwrap().as_slice(), &[11.0]);
        let outer = tape.matmul_transposed(a, true, b, true).unwrap();
        assert_eq!(tape.value(outer).unwrap().as_slice(), &[3.0, 4.0, 6.0, 8.0]);
        assert!(tape.matmul(a, a).unwrap_err().to_string().contains("inner dimensions"));
    }
}
