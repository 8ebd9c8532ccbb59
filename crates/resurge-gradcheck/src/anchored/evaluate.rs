//! The anchored program away from its base point: values, derivatives and products with the Jacobian.

use super::{AnchoredProgram, contract};
use crate::error::check_length;
use crate::program::run;
use crate::{Program, Result};
use resurge_autodiff::Tape;
use resurge_tensor::{Complex, Dual, Scalar, Tensor};

/// One evaluation of the anchored program away from its base point.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Evaluation, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let anchored = AnchoredProgram::new(&Sine, at)?; // the sum of sin x
/// let at_base: Evaluation = anchored.evaluate(&[1.0, 0.0], 0.0)?;
/// assert_eq!((at_base.loss, at_base.crossings), (anchored.loss(), 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The loss.
    pub loss: f64,
    /// How many decisions fell on another smooth piece than at the base point. A difference across such a kink
    /// says nothing about the derivative.
    pub crossings: usize,
}

/// The entries of the output at one point, before they are contracted to a loss.
pub(crate) struct Sample {
    pub(crate) output: Tensor<f64>,
    pub(crate) crossings: usize,
    pub(crate) pieces: Vec<i8>,
}

/// The derivatives of the output's entries along a direction, at a point, by dual numbers.
pub(crate) struct Tangent {
    pub(crate) output: Tensor<f64>,
    pub(crate) pieces: Vec<i8>,
}

/// The step of the complex step. Nothing is subtracted, so it can be far below rounding. Its square is below the smallest
/// number, so that real parts are those of the real pass to the bit: a square of 1e-60 would decide a tie of two zeros
/// under a maximum, and outgrow the real part where derivatives are large. A derivative of 1e-108 is still exact.
pub(crate) const COMPLEX_STEP: f64 = 1e-200;

impl<P: Program> AnchoredProgram<'_, P> {
    /// The anchored loss at `inputs + step * direction`. At step 0 it is [`loss`](Self::loss) to the bit.
    ///
    /// # Errors
    /// [`GradcheckError::Length`](crate::GradcheckError::Length) for a direction of another length, and the program's
    /// errors.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let anchored = AnchoredProgram::new(&Sine, at)?; // the sum of sin x
    /// assert_eq!(anchored.evaluate(&[0.0, 1.0], 0.25)?.loss, 0.4_f64.sin() + 1.35_f64.sin());
    /// assert!(anchored.evaluate(&[1.0], 0.25).is_err()); // of another length
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn evaluate(&self, direction: &[f64], step: f64) -> Result<Evaluation> {
        let sample = self.sample(direction, step)?;
        Ok(Evaluation { loss: contract(&sample.output, &self.cotangent), crossings: sample.crossings })
    }

    /// The derivative of the anchored loss along `direction`, by dual numbers.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let anchored = AnchoredProgram::new(&Sine, at)?; // the sum of sin x
    /// assert!((anchored.by_dual(&[1.0, 0.0])? - 0.4_f64.cos()).abs() < 1e-15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn by_dual(&self, direction: &[f64]) -> Result<f64> {
        Ok(contract(&self.jvp(direction)?, &self.cotangent))
    }

    /// The derivative of the anchored loss along `direction`, by the complex step.
    ///
    /// The program's operations decide on real parts, so a piecewise analytic surrogate is continued
    /// analytically from the piece on which it lies.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let anchored = AnchoredProgram::new(&Sine, at)?; // the sum of sin x
    /// assert!((anchored.by_complex_step(&[1.0, 0.0])? - 0.4_f64.cos()).abs() < 1e-15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn by_complex_step(&self, direction: &[f64]) -> Result<f64> {
        Ok(contract(&self.complex_jvp(direction)?, &self.cotangent))
    }

    /// [`jvp`](Self::jvp) by the complex step.
    pub(crate) fn complex_jvp(&self, direction: &[f64]) -> Result<Tensor<f64>> {
        let inputs = self.moved(direction, |x, d| Complex::new(x, COMPLEX_STEP * d))?;
        let mut tape = self.complex_tape();
        let (_, output) = run(self.program, &mut tape, inputs)?;
        Ok(tape.value(output)?.map(|y| y.im / COMPLEX_STEP))
    }

    /// [`jvp`](Self::jvp) at `inputs + offset`.
    pub(crate) fn tangent(&self, offset: &[f64], direction: &[f64]) -> Result<Tangent> {
        check_length("the offset", offset, self.dimension())?;
        let mut offset = offset.iter();
        let inputs = self.moved(direction, |x, d| Dual::new(x + offset.next().copied().unwrap_or(0.0), d))?;
        let mut tape = self.dual_tape();
        let (_, output) = run(self.program, &mut tape, inputs)?;
        let pieces = if self.pieces.is_empty() { Vec::new() } else { tape.pieces() };
        Ok(Tangent { output: tape.value(output)?.map(|y| y.eps), pieces })
    }

    /// The Jacobian-vector product `J v` of the anchored program, by dual numbers; the output's shape.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sines; // sin x of each entry
    /// # impl Program for Sines {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         Ok(tape.sin(inputs[0])?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let anchored = AnchoredProgram::contracted(&Sines, at, 1)?; // sin x of each entry
    /// assert_eq!(anchored.jvp(&[1.0, 0.0])?.as_slice(), &[0.4_f64.cos(), 0.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn jvp(&self, direction: &[f64]) -> Result<Tensor<f64>> {
        let inputs = self.moved(direction, Dual::new)?;
        let mut tape = self.dual_tape();
        let (_, output) = run(self.program, &mut tape, inputs)?;
        Ok(tape.value(output)?.map(|y| y.eps))
    }

    /// The vector-Jacobian product `J' w` that the tape of the real pass claims, flat.
    ///
    /// # Errors
    /// A shape error for a cotangent that does not have the output's shape.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sines; // sin x of each entry
    /// # impl Program for Sines {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         Ok(tape.sin(inputs[0])?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let anchored = AnchoredProgram::contracted(&Sines, at, 1)?; // sin x of each entry
    /// let cotangent = Tensor::from_vec([2], vec![0.0, 2.0])?;
    /// assert_eq!(anchored.vjp(&cotangent)?, [0.0, 2.0 * 1.1_f64.cos()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn vjp(&self, cotangent: &Tensor<f64>) -> Result<Vec<f64>> {
        let gradients = self.tape.vjp(self.output, cotangent.clone())?;
        let mut flat = Vec::new();
        for &leaf in &self.leaves {
            flat.extend_from_slice(gradients.wrt(leaf)?.as_slice());
        }
        Ok(flat)
    }

    /// The output at `inputs + step * direction`.
    pub(crate) fn sample(&self, direction: &[f64], step: f64) -> Result<Sample> {
        self.sample_with(self.moved(direction, |x, d| x + step * d)?)
    }

    /// The output at `inputs + offset + step * direction`.
    pub(crate) fn sample_from(&self, offset: &[f64], direction: &[f64], step: f64) -> Result<Sample> {
        check_length("the offset", offset, self.dimension())?;
        let mut offset = offset.iter();
        let inputs = self.moved(direction, |x, d| (x + offset.next().copied().unwrap_or(0.0)) + step * d)?;
        self.sample_with(inputs)
    }

    fn sample_with(&self, inputs: Vec<Tensor<f64>>) -> Result<Sample> {
        let mut tape = self.real_tape();
        let (_, output) = run(self.program, &mut tape, inputs)?;
        // Operations decide the same number of times on every run: none at the base point is none anywhere.
        let pieces = if self.pieces.is_empty() { Vec::new() } else { tape.pieces() };
        let differing = pieces.iter().zip(&self.pieces).filter(|(a, b)| a != b).count();
        let crossings = differing + pieces.len().abs_diff(self.pieces.len());
        Ok(Sample { output: tape.value(output)?.clone(), crossings, pieces })
    }

    /// How fast the inputs of the surrogate operations move along a direction: the largest slope. None without such operations.
    pub(crate) fn surrogate_slope(&self, direction: &[f64]) -> Result<Option<f64>> {
        let mut tape = self.dual_tape();
        run(self.program, &mut tape, self.moved(direction, Dual::new)?)?;
        let nodes = tape.nodes();
        let spikes =
            nodes.iter().filter(|n| n.op().is_some_and(|op| op.is_surrogate() && !op.stops_gradient()));
        let inputs = spikes.flat_map(|node| node.parents()).flat_map(|&p| nodes[p].value().as_slice());
        Ok(inputs.map(|x| x.eps.abs()).reduce(f64::max))
    }

    /// The gradient of the contracted loss over a scalar that carries a tangent, by a backward pass on `tape`.
    pub(crate) fn gradient_over<S: Scalar>(
        &self,
        mut tape: Tape<S>,
        inputs: Vec<Tensor<S>>,
    ) -> Result<Vec<S>> {
        let (leaves, output) = run(self.program, &mut tape, inputs)?;
        let gradients = tape.vjp(output, self.cotangent.cast())?;
        let mut flat = Vec::new();
        for leaf in leaves {
            flat.extend_from_slice(gradients.wrt(leaf)?.as_slice());
        }
        Ok(flat)
    }

    /// The contracted loss over `Dual<Dual<f64>>`: forward mode twice.
    pub(crate) fn nested(&self, u: &[f64], v: &[f64]) -> Result<Dual<Dual<f64>>> {
        check_length("the direction", u, self.dimension())?;
        let mut along = u.iter();
        let inputs = self.moved(v, |x, d| {
            let outer = along.next().copied().unwrap_or(0.0);
            Dual::new(Dual::new(x, d), Dual::new(outer, 0.0))
        })?;
        let mut tape = self.nested_tape();
        let (_, output) = run(self.program, &mut tape, inputs)?;
        let value = tape.value(output)?;
        let mut sum = Dual::default();
        for (&y, &w) in value.as_slice().iter().zip(self.cotangent.as_slice()) {
            sum += y * Dual::from_f64(w);
        }
        Ok(sum)
    }
    pub(crate) fn moved<S: Scalar>(
        &self,
        direction: &[f64],
        mut f: impl FnMut(f64, f64) -> S,
    ) -> Result<Vec<Tensor<S>>> {
        let dimension = self.inputs.iter().map(Tensor::len).sum();
        check_length("the direction", direction, dimension)?;
        let mut rest = direction;
        let moved = self.inputs.iter().map(|input| {
            let (own, others) = rest.split_at(input.len());
            rest = others;
            let values = input.as_slice().iter().zip(own).map(|(&x, &d)| f(x, d)).collect();
            Ok(Tensor::from_vec(input.shape(), values)?)
        });
        moved.collect()
    }
}
