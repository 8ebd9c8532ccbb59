//! Programs on the tape, and the anchored program of a real forward pass.

use crate::{GradcheckError, Result};
use resurge_autodiff::{AnchorRecord, Tape, Var};
use resurge_tensor::{Complex, Dual, Scalar, Tensor};
use std::sync::Arc;

/// What a program returns: the variable of its loss, or any error.
pub type ProgramResult = std::result::Result<Var, Box<dyn std::error::Error + Send + Sync>>;

/// A program that is written once and evaluated over any scalar: inputs to one loss.
pub trait Program: Sync {
    /// Runs the program on a tape that holds the inputs as leaves, and returns its loss.
    ///
    /// It must be a function of the inputs alone: the same operations in the same order on every run.
    ///
    /// # Errors
    /// Whatever prevents the run.
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult;
}

/// One evaluation of the anchored program away from its base point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The loss.
    pub loss: f64,
    /// How many decisions fell on another smooth piece than at the base point. A difference across such a kink
    /// says nothing about the derivative.
    pub crossings: usize,
}

/// A program with its real forward pass recorded at one point, so that the program whose exact derivative is
/// the surrogate gradient can be evaluated around that point: equations (7) and (8).
///
/// Inputs are treated as one flat vector, in the order of the tensors, each in row-major order.
#[derive(Debug)]
pub struct AnchoredProgram<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    loss: f64,
    gradient: Vec<f64>,
    pieces: Vec<i8>,
    real: Arc<AnchorRecord<f64>>,
    dual: Arc<AnchorRecord<Dual<f64>>>,
    complex: Arc<AnchorRecord<Complex<f64>>>,
}

/// The step of the complex step. Nothing is subtracted, so it can be far below rounding; its square must not
/// matter (1e-60 against 1) and products with gradients must not underflow.
const COMPLEX_STEP: f64 = 1e-30;

impl<'p, P: Program> AnchoredProgram<'p, P> {
    /// Runs the real forward and backward pass at `inputs` and records it.
    ///
    /// # Errors
    /// [`GradcheckError::Program`] when the program fails, [`GradcheckError::NonScalarLoss`] and
    /// [`GradcheckError::NonFinite`] for a loss or gradient that cannot be checked.
    pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Result<Self> {
        let mut tape = Tape::new();
        let (leaves, loss) = run(program, &mut tape, inputs.clone())?;
        let gradients = tape.backward(loss)?;
        let mut gradient = Vec::new();
        for leaf in leaves {
            gradient.extend_from_slice(gradients.wrt(leaf)?.as_slice());
        }
        let loss = only(tape.value(loss)?)?;
        if !loss.is_finite() {
            return Err(GradcheckError::NonFinite { what: "loss" });
        }
        if !gradient.iter().all(|g| g.is_finite()) {
            return Err(GradcheckError::NonFinite { what: "gradient" });
        }
        let real = tape.anchors();
        Ok(Self {
            program,
            loss,
            gradient,
            pieces: tape.pieces(),
            dual: Arc::new(real.cast()),
            complex: Arc::new(complex_record(program, &inputs, &real)?),
            real: Arc::new(real),
            inputs,
        })
    }

    /// The loss of the real forward pass.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The tape's gradient at the base point, flat.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// The number of entries of all inputs together.
    pub fn dimension(&self) -> usize {
        self.gradient.len()
    }

    /// The anchored loss at `inputs + step * direction`. At step 0 it is [`loss`](Self::loss) to the bit.
    ///
    /// # Errors
    /// [`GradcheckError::Length`] for a direction of another length, and the program's errors.
    pub fn evaluate(&self, direction: &[f64], step: f64) -> Result<Evaluation> {
        let inputs = self.moved(direction, |x, d| x + step * d)?;
        let mut tape = Tape::anchored(Arc::clone(&self.real));
        let (_, loss) = run(self.program, &mut tape, inputs)?;
        let pieces = tape.pieces();
        let differing = pieces.iter().zip(&self.pieces).filter(|(a, b)| a != b).count();
        let crossings = differing + pieces.len().abs_diff(self.pieces.len());
        Ok(Evaluation { loss: only(tape.value(loss)?)?, crossings })
    }

    /// The derivative of the anchored loss along `direction`, by dual numbers.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn by_dual(&self, direction: &[f64]) -> Result<f64> {
        let inputs = self.moved(direction, Dual::new)?;
        let mut tape = Tape::anchored(Arc::clone(&self.dual));
        let (_, loss) = run(self.program, &mut tape, inputs)?;
        Ok(only(tape.value(loss)?)?.eps)
    }

    /// The derivative of the anchored loss along `direction`, by the complex step.
    ///
    /// The program's operations decide on real parts, so a piecewise analytic surrogate is continued
    /// analytically from the piece on which it lies.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn by_complex_step(&self, direction: &[f64]) -> Result<f64> {
        let inputs = self.moved(direction, |x, d| Complex::new(x, COMPLEX_STEP * d))?;
        let mut tape = Tape::anchored(Arc::clone(&self.complex));
        let (_, loss) = run(self.program, &mut tape, inputs)?;
        Ok(only(tape.value(loss)?)?.im / COMPLEX_STEP)
    }

    fn moved<S: Scalar>(&self, direction: &[f64], f: impl Fn(f64, f64) -> S) -> Result<Vec<Tensor<S>>> {
        check_length("the direction", direction, self.dimension())?;
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
    let loss = program.run(tape, &leaves).map_err(GradcheckError::Program)?;
    Ok((leaves, loss))
}

/// The record in complex arithmetic. A quotient or a matrix product of complex numbers can differ from that of
/// their real parts in the last bit; differences to anchors from another arithmetic would then not vanish at the
/// base point, and a recurrence that expands would carry the rest into the derivative.
///
/// Where a potential is so near its threshold that its spike differs, the real record has to do.
fn complex_record<P: Program>(
    program: &P,
    inputs: &[Tensor<f64>],
    real: &AnchorRecord<f64>,
) -> Result<AnchorRecord<Complex<f64>>> {
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

fn only<S: Scalar>(loss: &Tensor<S>) -> Result<S> {
    loss.item().ok_or(GradcheckError::NonScalarLoss(loss.len()))
}
