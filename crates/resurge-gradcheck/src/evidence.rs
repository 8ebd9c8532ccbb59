//! What independent means say of the derivative, and how far a gradient is from it.

use crate::directions::thinned;
use crate::error::check_length;
use crate::{
    AnchoredProgram, DifferenceScan, Directions, Estimate, GradcheckError, Program, Result, ridders,
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
    directions: Vec<Vec<f64>>,
    finite_difference: Vec<Option<Estimate>>,
    complex_step: Vec<f64>,
    dual: Vec<f64>,
    norm: f64,
}

/// How far a gradient is from the evidence: for each means, the largest `|v . g - derivative along v|` over the
/// directions `v`, divided by the norm of the program's gradient.
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
        if !(width > 0.0 && width.is_finite()) {
            return Err(GradcheckError::StepScale(width));
        }
        let norm = norm(anchored.gradient());
        let scan = DifferenceScan {
            first_step: FIRST_STEP * width,
            halvings: HALVINGS,
            noise: NOISE_ULPS * f64::EPSILON * anchored.magnitude(),
        };
        let mut evidence = Self {
            directions: Vec::new(),
            finite_difference: Vec::new(),
            complex_step: Vec::new(),
            dual: Vec::new(),
            norm,
        };
        let measure = |direction: &[f64]| -> Result<Option<Estimate>> {
            let estimate = ridders(scan, |h| {
                let at = anchored.evaluate(direction, h)?;
                Ok((at.crossings == 0).then_some(at.loss))
            })?;
            Ok(estimate.filter(|e| e.error <= CONCLUSIVE * norm))
        };
        for (number, direction) in directions.iter().enumerate() {
            let mut direction = direction.clone();
            let mut estimate = measure(&direction)?;
            for _ in 0..THINNINGS {
                let thin = if estimate.is_none() { thinned(&direction, number as u64) } else { None };
                let Some(thin) = thin else { break };
                direction = thin;
                estimate = measure(&direction)?;
            }
            evidence.finite_difference.push(estimate);
            evidence.complex_step.push(anchored.by_complex_step(&direction)?);
            evidence.dual.push(anchored.by_dual(&direction)?);
            evidence.directions.push(direction);
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
        let dimension = self.directions.first().map_or(0, Vec::len);
        check_length("the gradient", gradient, dimension)?;
        let slopes: Vec<f64> = self.directions.iter().map(|v| dot(v, gradient)).collect();
        let normalised = |(slope, value): (&f64, &f64)| (slope - value).abs() / self.norm;
        let sees = |values: &mut dyn Iterator<Item = f64>| largest(values.map(f64::abs)) >= SEEN * self.norm;
        let exact = |values: &[f64]| match sees(&mut values.iter().copied()) {
            true => largest(slopes.iter().zip(values).map(normalised)),
            false => f64::NAN,
        };
        let mut errors = ProjectionErrors {
            finite_difference: f64::INFINITY,
            complex_step: exact(&self.complex_step),
            dual: exact(&self.dual),
            conclusive: self.finite_difference.iter().flatten().count(),
            skipped: self.finite_difference.iter().filter(|e| e.is_none()).count(),
        };
        if errors.conclusive > 0 && sees(&mut self.finite_difference.iter().flatten().map(|e| e.value)) {
            let pairs = slopes.iter().zip(&self.finite_difference);
            errors.finite_difference =
                largest(pairs.filter_map(|(s, e)| e.map(|e| normalised((s, &e.value)))));
        }
        Ok(errors)
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
mod tests {
    use super::*;

    /// Evidence on a gradient (3, 4) along the axes.
    fn evidence() -> Evidence {
        let estimate = |value| Some(Estimate { value, error: 1e-12, step: 0.1, extrapolations: 2 });
        Evidence {
            directions: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
            finite_difference: vec![estimate(3.0), estimate(4.0)],
            complex_step: vec![3.0, 4.0],
            dual: vec![3.0, 4.0],
            norm: 5.0,
        }
    }

    #[test]
    fn each_means_speaks_for_itself_and_every_direction_counts() {
        let right = evidence().compare(&[3.0, 4.0]).unwrap();
        assert_eq!([right.finite_difference, right.complex_step, right.dual], [0.0; 3]);
        // Wrong in the second direction only.
        let wrong = evidence().compare(&[3.0, 5.0]).unwrap();
        assert_eq!([wrong.finite_difference, wrong.complex_step, wrong.dual], [0.2; 3]);
        let mut evidence = evidence();
        evidence.complex_step[1] = 5.0;
        let errors = evidence.compare(&[3.0, 4.0]).unwrap();
        assert_eq!([errors.finite_difference, errors.complex_step, errors.dual], [0.0, 0.2, 0.0]);
    }

    #[test]
    fn directions_that_see_nothing_prove_nothing() {
        let blind = Evidence {
            finite_difference: vec![
                None,
                Some(Estimate { value: 0.0, ..evidence().finite_difference[0].unwrap() }),
            ],
            complex_step: vec![0.0, 0.0],
            dual: vec![0.0, 0.0],
            ..evidence()
        };
        // The gradient that the blind directions agree with, and twice it.
        for gradient in [[0.0, 0.0], [0.0, 1e-14]] {
            let errors = blind.compare(&gradient).unwrap();
            assert!(errors.finite_difference.is_infinite() && errors.dual.is_nan());
            assert!(errors.complex_step.is_nan());
        }
        let none = Evidence { directions: vec![], finite_difference: vec![], ..blind };
        let none = Evidence { complex_step: vec![], dual: vec![], ..none };
        let errors = none.compare(&[]).unwrap();
        assert!(errors.finite_difference.is_infinite() && errors.dual.is_nan());
    }

    #[test]
    fn the_largest_value_does_not_swallow_nan() {
        assert_eq!(largest([1.0, 3.0, 2.0].into_iter()), 3.0);
        assert!(largest([1.0, f64::NAN, 2.0].into_iter()).is_nan());
        assert!(largest([f64::NAN, 2.0].into_iter()).is_nan());
        assert_eq!(largest(std::iter::empty()), 0.0);
    }
}
