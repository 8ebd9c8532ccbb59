//! What independent means say of the derivative, and how far a gradient is from it.

use crate::anchored::Evaluate;
use crate::directions::thinned;
use crate::error::check_length;
use crate::noise::{Floor, noise_floor};
use crate::reference::rounding;
use crate::scales::{Scales, part_norm};
use crate::{
    AnchoredProgram, DifferenceScan, Directions, Estimate, GradcheckError, Program, Result, SkipReason,
    ridders,
};

/// Derivatives of an anchored program along directions, by three independent means.
///
/// Gathered once, it is held against any number of candidate gradients.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
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
/// let directions = Directions::new(anchored.gradient(), 2, 2, 1);
/// let evidence = Evidence::gather(&anchored, &directions, 1.0)?;
/// assert!(evidence.compare(anchored.gradient())?.finite_difference < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Evidence {
    rows: Vec<Row>,
    finite_difference: Vec<Option<Estimate>>,
    dimension: usize,
    norm: f64,
}

/// What finite differences decided along one direction.
pub(crate) struct Along {
    /// The input that the direction moves alone, if it does.
    pub(crate) input: Option<usize>,
    /// Its place among the directions that move the same: 0 is the gradient's own.
    pub(crate) number: usize,
    /// Why they decided nothing, where they did not.
    pub(crate) skipped: Option<SkipReason>,
}

/// What is known of the derivative along one direction.
#[derive(Debug, Clone)]
struct Row {
    direction: Vec<f64>,
    /// The norm of the gradient with respect to what the direction moves, in the units of the inputs.
    norm: f64,
    /// The input that the direction moves, if it moves one alone, ...
    input: Option<usize>,
    /// ... and which of the directions that move the same it is.
    number: usize,
    complex_step: f64,
    dual: f64,
    /// What rounding may excuse. An input's gradient can be as small as that of its terms.
    rounding: f64,
    /// Why no difference was conclusive along the whole direction.
    skipped: Option<SkipReason>,
}

/// A direction to measure, and the norm that its errors are in.
struct Planned {
    direction: Vec<f64>,
    norm: f64,
    input: Option<usize>,
    number: usize,
}

/// How far a gradient is from the evidence: for each means, the largest `|v . g - derivative along v|` over the
/// directions `v`, divided by the norm of the program's gradient; and, where a program has several inputs, over directions
/// that move one of them alone, divided by the norm of its own gradient. The largest of these.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult, ProjectionErrors};
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
/// let directions = Directions::new(anchored.gradient(), 2, 2, 1);
/// let evidence = Evidence::gather(&anchored, &directions, 1.0)?;
/// let errors: ProjectionErrors = evidence.compare(&[0.0, 0.0])?;
/// assert!(errors.dual > 0.1 && errors.conclusive == 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectionErrors {
    /// Against finite differences, over the directions in which they are conclusive. Infinite where there is
    /// none, or none that sees a part of the gradient: a check without evidence does not pass.
    pub finite_difference: f64,
    /// Against the complex step.
    pub complex_step: f64,
    /// Against dual numbers.
    pub dual: f64,
    /// The directions in which finite differences are conclusive.
    pub conclusive: usize,
    /// The directions left out because a kink, or rounding noise near one, leaves no step whose error is known
    /// to be small enough.
    pub skipped: usize,
}

/// Steps are scanned from this fraction of the surrogates' width. A step along a direction of signs moves a
/// potential by several steps, and a step as large as the width spans several bends of the surrogate: over the
/// cases of `resurge verify`, the best step was never larger.
const FIRST_STEP: f64 = 1.0 / 16.0;

/// Steps are halved this often, to about 1e-7 of the width: kinks nearby force small steps.
const HALVINGS: usize = 20;

/// The loss is a sum of some thousand terms; its evaluations err by a few units in the last place.
const NOISE_ULPS: f64 = 8.0;

/// A finite difference is conclusive when its estimated error is at most this, relative to the gradient's norm:
/// a third of the 1e-8 that gradients are held to.
const CONCLUSIVE: f64 = 3e-9;

/// Where kinks leave no step for a direction, three quarters of its entries are dropped, at most this often: a
/// direction that moves a few weights moves few potentials.
const THINNINGS: usize = 4;

/// Estimates of rounding that a difference is excused for.
pub(crate) const EXCUSED: f64 = 10.0;

/// Some direction must see at least this part of the gradient's norm, or nothing was compared: along directions in
/// which the derivative vanishes, any multiple of the gradient agrees.
const SEEN: f64 = 0.01;

impl Evidence {
    /// Measures the derivative of `anchored` along each direction. Steps of finite differences are scaled by
    /// `width`, the length over which the program's surrogates change.
    ///
    /// # Errors
    /// [`GradcheckError::StepScale`] for a width that is not positive, [`GradcheckError::Length`] for directions
    /// of another length, and the program's errors.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
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
    /// let directions = Directions::new(anchored.gradient(), 2, 2, 1);
    /// let evidence = Evidence::gather(&anchored, &directions, 1.0)?;
    /// assert_eq!(evidence.finite_differences().len(), directions.iter().len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gather<P: Program>(
        anchored: &AnchoredProgram<'_, P>,
        directions: &Directions,
        width: f64,
    ) -> Result<Self> {
        Self::of(anchored, directions, width, true)
    }

    /// [`gather`](Self::gather), with directions that move one input alone where those are wanted.
    pub(crate) fn of(
        anchored: &dyn Evaluate,
        directions: &Directions,
        width: f64,
        each_input: bool,
    ) -> Result<Self> {
        if !(width > 0.0 && width.is_finite()) {
            return Err(GradcheckError::StepScale(width));
        }
        let scales = Scales::found(anchored, width, 0)?;
        let in_units = scales.times(anchored.gradient());
        let scan = DifferenceScan {
            first_step: FIRST_STEP * width,
            halvings: HALVINGS,
            noise: noise(anchored, &scales, width)?,
        };
        let mut evidence = Self {
            rows: Vec::new(),
            finite_difference: Vec::new(),
            dimension: anchored.dimension(),
            norm: norm(&in_units),
        };
        let whole = directions.iter().enumerate().map(|(number, v)| Planned {
            direction: scales.times(v),
            norm: evidence.norm,
            input: None,
            number,
        });
        let mut all: Vec<Planned> = whole.collect();
        // The gradient's own direction alone is a sample that has to be cheap.
        if each_input && anchored.inputs().len() > 1 && all.len() > 1 {
            for (input, range) in anchored.ranges().into_iter().enumerate() {
                let norm = part_norm(&in_units, &range);
                let own = Directions::new(&in_units[range.clone()], 1, 0, input as u64);
                for (number, own) in own.iter().enumerate() {
                    let mut direction = vec![0.0; anchored.dimension()];
                    direction[range.clone()].copy_from_slice(own);
                    let direction = scales.times(&direction);
                    all.push(Planned { direction, norm, input: Some(input), number });
                }
            }
        }
        let measure = |direction: &[f64], norm: f64| -> Result<std::result::Result<Estimate, SkipReason>> {
            let estimate = ridders(scan, |h| {
                let at = anchored.evaluate(direction, h)?;
                Ok((at.crossings == 0).then_some(at.loss))
            })?;
            Ok(match estimate {
                None => Err(SkipReason::Kink),
                Some(e) if e.error <= CONCLUSIVE * norm => Ok(e),
                Some(e) => Err(SkipReason::Imprecise { estimated_error: e.error / norm }),
            })
        };
        for (seed, Planned { mut direction, norm, input, number }) in all.into_iter().enumerate() {
            let seed = seed as u64;
            let first = measure(&direction, norm)?;
            let (mut estimate, skipped) = (first.ok(), first.err());
            let mut thin = direction.clone();
            for _ in 0..THINNINGS {
                let thinner = if estimate.is_none() { thinned(&thin, seed) } else { None };
                let Some(thinner) = thinner else { break };
                thin = thinner;
                estimate = measure(&thin, norm)?.ok();
            }
            // Thinned for nothing, a direction may see too little for the derivatives that no kink disturbs.
            if estimate.is_some() {
                direction = thin;
            }
            let dual = anchored.by_dual(&direction)?;
            let rounding = match input {
                None => 0.0,
                Some(_) => {
                    let weights = anchored.cotangent().as_slice();
                    let contracted = |outputs: &[f64]| vec![dot(outputs, weights)];
                    EXCUSED * rounding(anchored, &direction, seed, contracted, &[dual])?[0]
                }
            };
            let complex_step = anchored.by_complex_step(&direction)?;
            let skipped = if estimate.is_some() { None } else { skipped };
            evidence.finite_difference.push(estimate);
            evidence.rows.push(Row { direction, norm, input, number, complex_step, dual, rounding, skipped });
        }
        Ok(evidence)
    }

    /// How far `gradient` is from the evidence.
    ///
    /// Where no direction sees a hundredth of the gradient's norm, nothing is proved: the error is then infinite for
    /// finite differences and not a number for the other two. So it is where the program's gradient vanishes.
    ///
    /// # Errors
    /// [`GradcheckError::Length`] for a gradient of another length.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
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
    /// let directions = Directions::new(anchored.gradient(), 2, 2, 1);
    /// let evidence = Evidence::gather(&anchored, &directions, 1.0)?;
    /// assert!(evidence.compare(anchored.gradient())?.dual < 1e-12);
    /// assert!(evidence.compare(&[1.0]).is_err()); // of another length
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare(&self, gradient: &[f64]) -> Result<ProjectionErrors> {
        check_length("the gradient", gradient, if self.rows.is_empty() { 0 } else { self.dimension })?;
        let normalised = |row: &Row, value: f64| {
            let difference = (dot(&row.direction, gradient) - value).abs();
            let excused = if difference <= row.rounding { difference } else { row.rounding };
            // An input without a gradient has no norm of its own.
            (difference - excused) / if row.norm > 0.0 { row.norm } else { self.norm }
        };
        let sees = |values: &mut dyn Iterator<Item = f64>| largest(values.map(f64::abs)) >= SEEN * self.norm;
        let exact = |value: fn(&Row) -> f64| match sees(
            &mut self.rows.iter().filter(|r| r.input.is_none()).map(value),
        ) {
            true => largest(self.rows.iter().map(|row| normalised(row, value(row)))),
            false => f64::NAN,
        };
        let measured = || self.measured();
        let mut errors = ProjectionErrors {
            finite_difference: f64::INFINITY,
            complex_step: exact(|row| row.complex_step),
            dual: exact(|row| row.dual),
            conclusive: measured().filter(|(_, e)| e.is_some()).count(),
            skipped: measured().filter(|(_, e)| e.is_none()).count(),
        };
        let mut seen =
            measured().filter(|(row, _)| row.input.is_none()).filter_map(|(_, e)| Some(e.as_ref()?.value));
        if errors.conclusive > 0 && sees(&mut seen) {
            let pairs = measured().filter_map(|(row, e)| Some((row, e.as_ref()?.value)));
            errors.finite_difference = largest(pairs.map(|(row, value)| normalised(row, value)));
        }
        Ok(errors)
    }

    /// The directions in which there is something for a difference to measure: not those that move an input without
    /// a gradient.
    fn measured(&self) -> impl Iterator<Item = (&Row, &Option<Estimate>)> {
        self.rows.iter().zip(&self.finite_difference).filter(|(row, _)| row.norm > 0.0)
    }

    /// What finite differences decided, along each direction in which there is something to measure.
    pub(crate) fn decided(&self) -> impl Iterator<Item = Along> {
        self.measured().map(|(row, _)| Along { input: row.input, number: row.number, skipped: row.skipped })
    }

    /// Whether every exact derivative is zero.
    pub(crate) fn vanishes(&self) -> bool {
        self.rows.iter().all(|row| row.dual == 0.0 && row.complex_step == 0.0)
    }

    /// The finite differences, in the order of the directions; `None` where one is not conclusive.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
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
    /// let directions = Directions::new(anchored.gradient(), 2, 2, 1);
    /// let evidence = Evidence::gather(&anchored, &directions, 1.0)?;
    /// assert!(evidence.finite_differences().iter().flatten().all(|estimate| estimate.error < 1e-8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finite_differences(&self) -> &[Option<Estimate>] {
        &self.finite_difference
    }
}

/// The error of one evaluation of the loss. In ordinary units it is known; an input in a large unit makes values that are large
/// for no reason, so that it has to be measured.
fn noise(anchored: &dyn Evaluate, scales: &Scales, width: f64) -> Result<f64> {
    if scales.flat().iter().all(|unit| *unit == 1.0) {
        return Ok(NOISE_ULPS * f64::EPSILON * anchored.magnitude());
    }
    let floors = noise_floor(anchored, width, scales.flat(), 1)?;
    Ok(Floor::contracted(&floors, anchored.cotangent().as_slice()).level)
}

/// The largest value, or not a number as soon as one is not.
pub(crate) fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |largest: f64, x| if x.is_nan() || largest.is_nan() { f64::NAN } else { largest.max(x) })
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests;
