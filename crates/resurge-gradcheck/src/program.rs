//! Programs on the tape, and the anchored program of a real forward pass.

use crate::{GradcheckError, Result};
use resurge_autodiff::{AnchorRecord, SpikeMode, Tape, Var};
use resurge_tensor::{Complex, Dual, Scalar, Tensor};
use std::sync::Arc;

/// What a program returns: the variable of its output, or any error.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::ProgramResult;
/// use resurge_tensor::{Scalar, Tensor};
///
/// fn half<S: Scalar>(tape: &mut Tape<S>, x: Var) -> ProgramResult {
///     Ok(tape.scale(x, 0.5)?)
/// }
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let y = half(&mut tape, x).map_err(|error| error.to_string())?;
/// assert_eq!(tape.value(y)?.item(), Some(1.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type ProgramResult = std::result::Result<Var, Box<dyn std::error::Error + Send + Sync>>;

/// A program that is written once and evaluated over any scalar: inputs to one output of any shape, most often
/// a single loss.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Product;
///
/// impl Program for Product {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         Ok(tape.mul(inputs[0], inputs[1])?)
///     }
/// }
///
/// let anchored = AnchoredProgram::new(&Product, vec![Tensor::scalar(3.0), Tensor::scalar(5.0)])?;
/// assert_eq!(anchored.gradient(), &[5.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Program: Sync {
    /// Runs the program on a tape that holds the inputs as leaves, and returns its output.
    ///
    /// It must be a function of the inputs alone: the same operations in the same order on every run.
    ///
    /// # Errors
    /// Whatever prevents the run.
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult;
}

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
}

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

/// What is evaluated away from the base point.
#[derive(Debug)]
enum Replay {
    SmoothTwin,
    Anchored {
        real: Arc<AnchorRecord<f64>>,
        dual: Arc<AnchorRecord<Dual<f64>>>,
        complex: Arc<AnchorRecord<Complex<f64>>>,
    },
}

/// The step of the complex step. Nothing is subtracted, so it can be far below rounding. Its square is below the smallest
/// number, so that real parts are those of the real pass to the bit: a square of 1e-60 would decide a tie of two zeros
/// under a maximum, and outgrow the real part where derivatives are large. A derivative of 1e-108 is still exact.
pub(crate) const COMPLEX_STEP: f64 = 1e-200;

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
        if !value.is_finite() {
            return Err(GradcheckError::NonFinite { what: "loss" });
        }
        let cotangent = draw_cotangent(value, seed)?;
        let loss = contract(value, &cotangent);
        let replay = if smooth {
            Replay::SmoothTwin
        } else {
            let real = tape.anchors();
            Replay::Anchored {
                dual: Arc::new(real.cast()),
                complex: Arc::new(complex_record(program, &inputs, &real)?),
                real: Arc::new(real),
            }
        };
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
            return Err(GradcheckError::NonFinite { what: "gradient" });
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

    /// The anchored loss at `inputs + step * direction`. At step 0 it is [`loss`](Self::loss) to the bit.
    ///
    /// # Errors
    /// [`GradcheckError::Length`] for a direction of another length, and the program's errors.
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
        let inputs = self.moved(direction, |x, d| Complex::new(x, COMPLEX_STEP * d))?;
        let mut tape = self.complex_tape();
        let (_, output) = run(self.program, &mut tape, inputs)?;
        let tangent = tape.value(output)?.map(|y| y.im / COMPLEX_STEP);
        Ok(contract(&tangent, &self.cotangent))
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
        let inputs = self.moved(direction, |x, d| x + step * d)?;
        let mut tape = match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { real, .. } => Tape::anchored(Arc::clone(real)),
        };
        let (_, output) = run(self.program, &mut tape, inputs)?;
        // Operations decide the same number of times on every run: none at the base point is none anywhere.
        let pieces = if self.pieces.is_empty() { Vec::new() } else { tape.pieces() };
        let differing = pieces.iter().zip(&self.pieces).filter(|(a, b)| a != b).count();
        let crossings = differing + pieces.len().abs_diff(self.pieces.len());
        Ok(Sample { output: tape.value(output)?.clone(), crossings })
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
        let mut tape = match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { real, .. } => Tape::anchored(Arc::new(real.cast())),
        };
        let (_, output) = run(self.program, &mut tape, inputs)?;
        let value = tape.value(output)?;
        let mut sum = Dual::default();
        for (&y, &w) in value.as_slice().iter().zip(self.cotangent.as_slice()) {
            sum += y * Dual::from_f64(w);
        }
        Ok(sum)
    }

    pub(crate) fn dual_tape(&self) -> Tape<Dual<f64>> {
        match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { dual, .. } => Tape::anchored(Arc::clone(dual)),
        }
    }

    pub(crate) fn complex_tape(&self) -> Tape<Complex<f64>> {
        match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { complex, .. } => Tape::anchored(Arc::clone(complex)),
        }
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

pub(crate) fn check_length(what: &'static str, flat: &[f64], expected: usize) -> Result<()> {
    if flat.len() == expected {
        return Ok(());
    }
    Err(GradcheckError::Length { what, expected, actual: flat.len() })
}

fn run<S: Scalar, P: Program>(
    program: &P,
    tape: &mut Tape<S>,
    inputs: Vec<Tensor<S>>,
) -> Result<(Vec<Var>, Var)> {
    let leaves: Vec<Var> = inputs.into_iter().map(|input| tape.leaf(input)).collect();
    let output = program.run(tape, &leaves).map_err(GradcheckError::Program)?;
    Ok((leaves, output))
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

/// The record in complex arithmetic. A quotient or a matrix product of complex numbers can differ from that of
/// their real parts in the last bit; differences to anchors from another arithmetic would then not vanish at the
/// base point, and a recurrence that expands would carry the rest into the derivative.
///
/// A program without surrogate operations has nothing to record. Where a potential is so near its threshold that its spike differs, the real record has to do.
fn complex_record<P: Program>(
    program: &P,
    inputs: &[Tensor<f64>],
    real: &AnchorRecord<f64>,
) -> Result<AnchorRecord<Complex<f64>>> {
    if real.is_empty() {
        return Ok(AnchorRecord::default());
    }
    let mut tape = Tape::<Complex<f64>>::new();
    run(program, &mut tape, inputs.iter().map(Tensor::cast).collect())?;
    let record = tape.anchors();
    let close = |a: &Complex<f64>, b: &f64| (a.re - b).abs() <= 1e-6 * b.abs().max(1.0);
    let same = record.len() == real.len()
        && record
            .iter()
            .zip(real.iter())
            .all(|(a, b)| a.output.as_slice().iter().zip(b.output.as_slice()).all(|(a, b)| close(a, b)));
    Ok(if same { record } else { real.cast() })
}
