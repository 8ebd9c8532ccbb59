//! How the error of each difference scheme falls with the step: data for a plot.

use crate::difference::{extrapolate, power_of_two_below};
use crate::evidence::norm;
use crate::{AnchoredProgram, GradcheckError, Program, Result, Stencil};
use serde::Serialize;

/// The error of one scheme against its step, along one direction.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Convergence, Program, ProgramResult, convergence};
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
/// let series: Vec<Convergence> = convergence(&anchored, &[1.0, 0.0], 1.0)?;
/// assert!(series.iter().all(|scheme| !scheme.points.is_empty()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Convergence {
    /// The scheme: "order 2", "order 4", "order 6" or "Ridders".
    pub scheme: String,
    /// The slope of the truncation error in logarithmic coordinates; `None` for Ridders' diagonal, whose order
    /// rises with every row.
    pub slope: Option<f64>,
    /// Steps, from the largest down, each with `|difference - derivative| / |derivative|`. Steps that cross a
    /// kink or leave the domain are missing.
    pub points: Vec<(f64, f64)>,
}

/// Steps go from the width down by this many halvings, to 1e-12 of it.
const HALVINGS: usize = 40;

/// The error of the stencils of order 2, 4 and 6 and of the diagonal of Ridders' tableau along `direction`, at
/// steps from `width` down by halves. The derivative by dual numbers is the reference.
///
/// # Errors
/// [`GradcheckError::Option`] for a width that is not positive, [`GradcheckError::Vanishes`] where the derivative
/// along the direction is zero or too small against the gradient to be divided by, and those of
/// [`AnchoredProgram::evaluate`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult, convergence};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Sine;
///
/// impl Program for Sine {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         Ok(tape.sin(inputs[0])?)
///     }
/// }
///
/// let anchored = AnchoredProgram::new(&Sine, vec![Tensor::scalar(0.4)])?;
/// let series = convergence(&anchored, &[1.0], 1.0)?;
/// assert_eq!(series.iter().map(|s| s.slope).collect::<Vec<_>>(), [Some(2.0), Some(4.0), Some(6.0), None]);
/// let (coarse, fine) = (series[0].points[2].1, series[0].points[3].1);
/// assert!((coarse / fine - 4.0).abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn convergence<P: Program>(
    anchored: &AnchoredProgram<'_, P>,
    direction: &[f64],
    width: f64,
) -> Result<Vec<Convergence>> {
    if !(width > 0.0 && width.is_finite()) {
        return Err(GradcheckError::Option {
            option: "width",
            value: width,
            expected: "positive and finite",
        });
    }
    let exact = anchored.by_dual(direction)?;
    let scale = norm(anchored.gradient()) * norm(direction);
    if exact.abs() <= 1e-8 * scale {
        return Err(GradcheckError::Vanishes { derivative: exact });
    }
    let error = |value: f64| (value - exact).abs() / exact.abs();
    let loss = |h: f64| -> Result<Option<f64>> {
        let at = anchored.evaluate(direction, h)?;
        Ok((at.crossings == 0).then_some(at.loss))
    };
    let steps = || (0..HALVINGS).scan(power_of_two_below(width), |h, _| Some(std::mem::replace(h, *h / 2.0)));

    let mut series = Vec::new();
    for stencil in Stencil::ALL {
        let mut points = Vec::new();
        for h in steps() {
            points.extend(stencil.derivative(h, loss)?.map(|value| (h, error(value))));
        }
        let order = stencil.order();
        series.push(Convergence { scheme: format!("order {order}"), slope: Some(f64::from(order)), points });
    }
    let (mut points, mut above) = (Vec::new(), Vec::new());
    for h in steps() {
        let Some(difference) = Stencil::Second.derivative(h, loss)? else {
            above.clear();
            continue;
        };
        above = extrapolate(difference, &above, 4.0);
        points.extend(above.last().map(|&value| (h, error(value))));
    }
    series.push(Convergence { scheme: "Ridders".into(), slope: None, points });
    Ok(series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProgramResult;
    use resurge_autodiff::{Tape, Var};
    use resurge_tensor::{Scalar, Tensor};

    struct Exponential;

    impl Program for Exponential {
        fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
            let e = tape.exp(inputs[0])?;
            Ok(tape.sum(e)?)
        }
    }

    fn series(direction: &[f64]) -> Result<Vec<Convergence>> {
        let at = vec![Tensor::from_vec([2], vec![0.25, -0.5]).unwrap()];
        convergence(&AnchoredProgram::new(&Exponential, at).unwrap(), direction, 1.0)
    }

    #[test]
    fn errors_fall_with_the_theoretical_slope_until_rounding() {
        for Convergence { scheme, slope, points } in series(&[1.0, 1.0]).unwrap() {
            let least = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
            assert!(least < 1e-10, "{scheme}: {least}");
            let Some(slope) = slope else {
                assert!(least < 1e-13 && points[4].1 < 1e-9, "{scheme}: {points:?}");
                continue;
            };
            // Well above rounding: neighbouring errors differ by 2^order, but for the next power of the step.
            for pair in points.windows(2).skip(1).take_while(|pair| pair[1].1 > 1e-8) {
                let measured = (pair[0].1 / pair[1].1).log2();
                assert!((measured - slope).abs() < 0.1, "{scheme}: {measured} at {}", pair[1].0);
            }
            // And at the smallest steps rounding has taken over.
            assert!(points.last().unwrap().1 > 1e-6, "{scheme}");
        }
    }

    #[test]
    fn what_cannot_be_plotted_is_told() {
        assert!(matches!(series(&[0.0, 0.0]), Err(GradcheckError::Vanishes { .. })));
        assert!(matches!(series(&[1.0]), Err(GradcheckError::Length { .. })));
        let at = vec![Tensor::full([2], 0.0).unwrap()];
        let anchored = AnchoredProgram::new(&Exponential, at).unwrap();
        for width in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = convergence(&anchored, &[1.0, 1.0], width);
            assert!(matches!(refused, Err(GradcheckError::Option { option: "width", .. })), "{width}");
        }
    }

    #[test]
    fn points_are_the_relative_errors_at_the_halved_steps() {
        // A central difference of e^x is sinh(h) / h times the derivative.
        let second = &series(&[1.0, 1.0]).unwrap()[0];
        assert_eq!(second.points.len(), HALVINGS);
        for (i, &(h, error)) in second.points.iter().enumerate() {
            assert_eq!(h, 2f64.powi(-(i as i32)));
            let expected = h.sinh() / h - 1.0;
            assert!((error - expected).abs() < 1e-15 + 1e-15 / h, "{h}: {error} for {expected}");
        }
    }

    struct Bent;

    impl Program for Bent {
        fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
            let x = tape.abs(inputs[0])?;
            Ok(tape.exp(x)?)
        }
    }

    #[test]
    fn steps_across_a_kink_are_missing() {
        // The kink is 0.1 away, the outer points of the formulas are 1, 2 and 3 steps away.
        let anchored = AnchoredProgram::new(&Bent, vec![Tensor::scalar(0.1)]).unwrap();
        let first = convergence(&anchored, &[1.0], 1.0).unwrap().into_iter().map(|s| s.points[0].0);
        assert_eq!(first.collect::<Vec<_>>(), [1.0 / 16.0, 1.0 / 32.0, 1.0 / 32.0, 1.0 / 16.0]);
    }

    /// Two equal entries of the gradient, of 2981, along (s, -s (1 - d)): a derivative of d/2 of what it could be.
    #[test]
    fn a_derivative_that_cancels_vanishes_whatever_the_scale() {
        for scale in [1e-4, 1.0, 1e4] {
            for (d, vanishes) in [(1e-8, true), (4e-8, false)] {
                let at = vec![Tensor::full([2], 8.0).unwrap()];
                let anchored = AnchoredProgram::new(&Exponential, at).unwrap();
                let got = convergence(&anchored, &[scale, -scale * (1.0 - d)], 1e-4);
                assert_eq!(matches!(got, Err(GradcheckError::Vanishes { .. })), vanishes, "{scale}, {d}");
            }
        }
    }
}
