//! The anchored program of a real forward pass.

mod evaluate;
mod exercise;
mod object;
mod replay;

pub use evaluate::Evaluation;
pub(crate) use evaluate::{COMPLEX_STEP, Sample, Tangent};
pub(crate) use object::{Evaluate, ranges};

use crate::program::run;
use crate::{GradcheckError, Program, Result};
use exercise::non_finite;
use replay::Replay;
use resurge_autodiff::{SpikeMode, Tape, Var};
use resurge_tensor::Tensor;

/// A program with its real forward pass recorded at one point, so that the program whose exact derivative is
/// the surrogate gradient can be evaluated around that point: equations (7) and (8).
///
/// Inputs are treated as one flat vector, in the order of the tensors, each in row-major order. A program
/// without surrogate operations is its own anchored program, so everything here serves it, too.
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
/// let slope = (anchored.evaluate(&[1.0, 0.0], 1e-5)?.loss - anchored.evaluate(&[1.0, 0.0], -1e-5)?.loss) / 2e-5;
/// assert!((slope - anchored.gradient()[0]).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AnchoredProgram<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    tape: Tape<f64>,
    leaves: Vec<Var>,
    output: Var,
    cotangent: Tensor<f64>,
    loss: f64,
    gradient: Vec<f64>,
    pieces: Vec<i8>,
    replay: Replay,
}

impl<'p, P: Program> AnchoredProgram<'p, P> {
    /// Runs the real forward and backward pass at `inputs` and records it. The program's output is its loss.
    ///
    /// # Errors
    /// [`GradcheckError::Program`] when the program fails, [`GradcheckError::NonScalarLoss`] and
    /// [`GradcheckError::NonFinite`] for a loss or gradient that cannot be checked.
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
    /// assert_eq!(anchored.loss(), 0.4_f64.sin() + 1.1_f64.sin());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Result<Self> {
        let this = Self::record(program, inputs, false, 0)?;
        if this.cotangent.len() == 1 { Ok(this) } else { Err(GradcheckError::NonScalarLoss(this.outputs())) }
    }

    /// As [`new`](Self::new), for a program with an output of any shape: the loss is the sum of the output's
    /// entries times a fixed cotangent, which `seed` draws from `+-(0.5..1)`. An output of one entry is the loss
    /// itself.
    ///
    /// # Errors
    /// As [`new`](Self::new), but for the shape of the output.
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
    /// assert_eq!(anchored.outputs(), 2);
    /// assert!(anchored.cotangent().as_slice().iter().all(|w| (0.5..=1.0).contains(&w.abs())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contracted(program: &'p P, inputs: Vec<Tensor<f64>>, seed: u64) -> Result<Self> {
        Self::record(program, inputs, false, seed)
    }

    /// As [`contracted`](Self::contracted), but of the smooth twin ([`SpikeMode::Smooth`]) in place of the
    /// spiking program: the base point has activities that no spiking network takes, and a program that detaches
    /// or scales gradients is rightly found wrong.
    ///
    /// # Errors
    /// As [`contracted`](Self::contracted).
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
    /// use resurge_snn::{Firing, Surrogate, spike};
    /// use resurge_tensor::{Scalar, Tensor};
    ///
    /// let at = vec![Tensor::from_vec([2], vec![-0.1, 0.2])?];
    ///
    /// struct Spikes; // how many spike
    ///
    /// impl Program for Spikes {
    ///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    ///         let o = spike(tape, inputs[0], Surrogate::sigmoid(0.2)?, Firing::Above)?;
    ///         Ok(tape.sum(o)?)
    ///     }
    /// }
    ///
    /// assert_eq!(AnchoredProgram::new(&Spikes, at.clone())?.loss(), 1.0);
    /// let twin = AnchoredProgram::smooth_twin(&Spikes, at, 0)?;
    /// assert!(twin.loss() > 1.0 && twin.loss() < 1.2); // 0.378 + 0.731
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn smooth_twin(program: &'p P, inputs: Vec<Tensor<f64>>, seed: u64) -> Result<Self> {
        Self::record(program, inputs, true, seed)
    }

    fn record(program: &'p P, inputs: Vec<Tensor<f64>>, smooth: bool, seed: u64) -> Result<Self> {
        let mut tape = if smooth { Tape::with_mode(SpikeMode::Smooth) } else { Tape::new() };
        let (leaves, output) = run(program, &mut tape, inputs.clone())?;
        let value = tape.value(output)?;
        let cotangent = draw_cotangent(value, seed)?;
        if !value.is_finite() {
            return Err(non_finite("loss", &tape, &leaves, output, &cotangent)?);
        }
        let loss = contract(value, &cotangent);
        let replay = if smooth { Replay::SmoothTwin } else { Replay::of(program, &inputs, &tape)? };
        let pieces = tape.pieces();
        let mut this = Self {
            program,
            inputs,
            tape,
            leaves,
            output,
            cotangent,
            loss,
            gradient: Vec::new(),
            pieces,
            replay,
        };
        this.gradient = this.vjp(&this.cotangent)?;
        if !this.gradient.iter().all(|g| g.is_finite()) {
            return Err(non_finite("gradient", &this.tape, &this.leaves, this.output, &this.cotangent)?);
        }
        Ok(this)
    }

    /// The loss of the real forward pass.
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
    /// assert_eq!(anchored.loss(), 0.4_f64.sin() + 1.1_f64.sin());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The tape's gradient at the base point, flat.
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
    /// assert_eq!(anchored.gradient(), &[0.4_f64.cos(), 1.1_f64.cos()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// The number of entries of all inputs together.
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
    /// assert_eq!(anchored.dimension(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dimension(&self) -> usize {
        self.gradient.len()
    }

    /// The inputs at the base point.
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
    /// assert_eq!(anchored.inputs()[0].as_slice(), &[0.4, 1.1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inputs(&self) -> &[Tensor<f64>] {
        &self.inputs
    }

    /// The largest value that occurs in the real forward pass: rounding errors of the loss are in proportion to it,
    /// even where the loss itself is a small difference of large terms.
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
    /// assert_eq!(anchored.magnitude(), anchored.loss().max(1.1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn magnitude(&self) -> f64 {
        let values = self.tape.nodes().iter().flat_map(|node| node.value().as_slice());
        values.fold(self.loss.abs(), |largest, x| largest.max(x.abs()))
    }

    /// The cotangent that contracts the output to the loss; the output's shape.
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
    /// assert_eq!(anchored.cotangent().item(), Some(1.0)); // a loss is itself
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cotangent(&self) -> &Tensor<f64> {
        &self.cotangent
    }

    /// The number of entries of the output.
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
    /// assert_eq!(anchored.outputs(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn outputs(&self) -> usize {
        self.cotangent.len()
    }

    /// The output at the point itself.
    pub(crate) fn base_output(&self) -> Result<&Tensor<f64>> {
        Ok(self.tape.value(self.output)?)
    }
}

/// A fixed cotangent: 1 for a single number, so that the loss keeps its bits; else random signs with magnitudes
/// that differ, so that errors in two entries do not cancel.
fn draw_cotangent(output: &Tensor<f64>, seed: u64) -> Result<Tensor<f64>> {
    if output.len() == 1 {
        return Ok(Tensor::full(output.shape(), 1.0)?);
    }
    Ok(Tensor::from_vec(output.shape(), crate::directions::random_weights(output.len(), seed))?)
}

fn contract(output: &Tensor<f64>, cotangent: &Tensor<f64>) -> f64 {
    match (output.as_slice(), cotangent.as_slice()) {
        (&[y], &[w]) => y * w,
        (output, cotangent) => crate::evidence::dot(output, cotangent),
    }
}
