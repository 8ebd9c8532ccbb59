//! The Taylor remainder test.

use super::Verdict;
use super::hessian::hessian_vector_product;
use super::jacobian::{positive, record};
use crate::difference::power_of_two_below;
use crate::directions::random_signs;
use crate::evidence::dot;
use crate::noise::noise_floor;
use crate::{AnchoredProgram, GradcheckError, Program, Result};
use rayon::prelude::*;
use resurge_tensor::Tensor;
use serde::Serialize;

/// The Taylor remainder test: along a direction `v`, the remainders
///
/// * `R1(h) = |L(h) - L(0)|`,
/// * `R2(h) = |L(h) - L(0) - h G v|`,
/// * `R3(h) = |L(h) - L(0) - h G v - h^2 v' H v / 2|`
///
/// of the anchored loss fall with slopes 1, 2 and 3; a wrong gradient leaves `R2` with slope 1, a wrong Hessian
/// `R3` with slope 2.
///
/// Slopes are fitted to the smallest steps at which the remainder is still well above the measured noise and no
/// kink is crossed. The window is thus chosen without regard to the slope expected, and where a fault shows
/// most. The slope is bounded on both sides: too small at the lowest steps is a failure; too large, or a remainder
/// that changes sign, means that the leading coefficient is small along this direction, which is then replaced. A remainder that
/// stays below the noise at every step, as that of a polynomial of lower degree, is as good as its order.
///
/// `H` is the Hessian of the anchored program; see [`hessian_vector_product`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Waves;
///
/// impl Program for Waves {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let sine = tape.sin(inputs[0])?;
///         let product = tape.mul(sine, inputs[1])?;
///         Ok(tape.sum(product)?)
///     }
/// }
///
/// let at = vec![Tensor::full([3], 0.3)?, Tensor::full([3], 2.0)?];
/// let report = TaylorCheck::new(&Waves, at.clone()).run()?;
/// assert!(report.passed() && report.orders.len() == 3);
///
/// let wrong = vec![1.0; 6];
/// assert!(!TaylorCheck::new(&Waves, at).claim(wrong).run()?.passed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TaylorCheck<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    orders: usize,
    directions: usize,
    width: f64,
    slope_tolerance: f64,
    seed: u64,
    smooth_twin: bool,
    claim: Option<Vec<f64>>,
}

/// What was found for one order.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, TaylorOrder, Verdict, check_taylor};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report = check_taylor(&Sine, at)?; // the sum of sin x
/// let first: &TaylorOrder = &report.orders[0];
/// assert_eq!((first.order, first.verdict), (1, Verdict::Passed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaylorOrder {
    /// The order, which is the slope expected.
    pub order: usize,
    /// The outcome.
    pub verdict: Verdict,
    /// The slope along each direction that served.
    pub slopes: Vec<f64>,
    /// Along how many directions the remainder stayed below the noise at every step.
    pub vanishing: usize,
    /// How many directions were replaced, because their leading coefficient is small or kinks leave no window.
    pub replaced: usize,
    /// The smallest and the largest step over all windows.
    pub window: Option<(f64, f64)>,
}

/// The result of a [`TaylorCheck`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, TaylorReport, Verdict, check_taylor};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report: TaylorReport = check_taylor(&Sine, at)?; // the sum of sin x
/// assert_eq!(report.verdict, Verdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaylorReport {
    /// Failed where one order failed, passed where all passed.
    pub verdict: Verdict,
    /// Each order, from 1.
    pub orders: Vec<TaylorOrder>,
    /// The absolute error of one evaluation of the loss.
    pub noise: f64,
}

/// Steps go from twice the width down by this many halvings, to 1e-12 of it.
const HALVINGS: usize = 41;

/// Points of a window: a range of 16 in the step.
const WINDOW: usize = 5;

/// A remainder counts where it exceeds the noise of its two evaluations by this. One per cent at the lowest
/// point of the window moves the fitted slope by 0.003.
const ABOVE_NOISE: f64 = 100.0;

/// At the smallest usable steps, 1e-7 (order 2) to 1e-4 (order 3) of the width, the next power contributes a few
/// per cent even where its coefficient is a hundred times larger. A fault changes the slope by up to 1.
const SLOPE_TOLERANCE: f64 = 0.15;

/// A remainder below the noise says something only if a step as large as this part of the width was taken.
const FAR: f64 = 1e-3;

impl<'p, P: Program> TaylorCheck<'p, P> {
    /// A test of orders 1 to 3 along 4 directions of random signs at `inputs`.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Self {
        Self {
            program,
            inputs,
            orders: 3,
            directions: 4,
            width: 1.0,
            slope_tolerance: SLOPE_TOLERANCE,
            seed: 0,
            smooth_twin: false,
            claim: None,
        }
    }

    /// The highest order, 1 to 3.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).orders(2).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// assert_eq!(report.orders.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn orders(self, orders: usize) -> Self {
        Self { orders, ..self }
    }

    /// How many directions have to serve.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).directions(2).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn directions(self, directions: usize) -> Self {
        Self { directions, ..self }
    }

    /// The length over which the program changes: for a spiking network the width of its surrogate. 1 unless told
    /// otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).width(0.5).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// How far a slope may be from its order: 0.15 unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).slope_tolerance(0.2).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn slope_tolerance(self, slope_tolerance: f64) -> Self {
        Self { slope_tolerance, ..self }
    }

    /// Draws the directions, and the cotangent of an output of several entries.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).seed(7).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Checks the smooth twin; see [`AnchoredProgram::smooth_twin`].
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).smooth_twin().run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn smooth_twin(self) -> Self {
        Self { smooth_twin: true, ..self }
    }

    /// Holds another gradient than the tape's against the loss, flat.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
    /// let report = TaylorCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
    /// assert!(!report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn claim(self, gradient: Vec<f64>) -> Self {
        Self { claim: Some(gradient), ..self }
    }

    /// Runs the test.
    ///
    /// # Errors
    /// [`GradcheckError::Option`] for an option out of its domain, [`GradcheckError::Length`] for a claim of
    /// another length, [`GradcheckError::BasePoint`] for a program that is not a function of its inputs, and
    /// those of [`AnchoredProgram::contracted`].
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = TaylorCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) -> Result<TaylorReport> {
        positive("width", self.width)?;
        positive("slope tolerance", self.slope_tolerance)?;
        if !(1..=3).contains(&self.orders) {
            let value = self.orders as f64;
            return Err(GradcheckError::Option { option: "orders", value, expected: "1, 2 or 3" });
        }
        let anchored = record(self.program, &self.inputs, self.smooth_twin, self.seed)?;
        let gradient = self.claim.as_deref().unwrap_or(anchored.gradient());
        crate::program::check_length("the claimed gradient", gradient, anchored.dimension())?;
        let noise = noise_floor(&anchored, self.width, self.seed.wrapping_add(1))?;
        let noise = noise.iter().zip(anchored.cotangent().as_slice()).map(|(s, w)| s * w.abs()).sum::<f64>();

        // Three times as many directions as have to serve: the later ones replace those that do not.
        let rows = (0..3 * self.directions).into_par_iter().map(|number| {
            let v = random_signs(anchored.dimension(), self.seed.wrapping_add(2 + number as u64));
            self.remainders(&anchored, gradient, &v)
        });
        let rows: Vec<Remainders> = rows.collect::<Result<_>>()?;
        let orders: Vec<TaylorOrder> =
            (1..=self.orders).map(|order| self.judge(order, &rows, noise)).collect();
        let any = |verdict| orders.iter().any(|order| order.verdict == verdict);
        let verdict = match (any(Verdict::Failed), any(Verdict::Nothing)) {
            (true, _) => Verdict::Failed,
            (false, true) => Verdict::Nothing,
            (false, false) => Verdict::Passed,
        };
        Ok(TaylorReport { verdict, orders, noise })
    }

    /// The signed remainders of every order at each step, from the largest step down.
    fn remainders(
        &self,
        anchored: &AnchoredProgram<'_, P>,
        gradient: &[f64],
        v: &[f64],
    ) -> Result<Remainders> {
        let slope = dot(gradient, v);
        let curvature = if self.orders < 3 { 0.0 } else { dot(v, &hessian_vector_product(anchored, v)?) };
        let mut rows = Vec::new();
        let mut h = 2.0 * power_of_two_below(self.width);
        for _ in 0..HALVINGS {
            let at = anchored.evaluate(v, h)?;
            let change = at.loss - anchored.loss();
            let orders = [change, change - h * slope, change - h * slope - 0.5 * h * h * curvature];
            let usable = at.crossings == 0 && change.is_finite();
            rows.push((h, usable.then_some(orders)));
            h /= 2.0;
        }
        Ok(rows)
    }

    fn judge(&self, order: usize, rows: &[Remainders], noise: f64) -> TaylorOrder {
        let (mut slopes, mut vanishing, mut replaced) = (Vec::new(), 0, 0);
        let mut window: Option<(f64, f64)> = None;
        let mut failed = false;
        for row in rows {
            if slopes.len() + vanishing == self.directions {
                break;
            }
            match fit(row, order, noise, self.width) {
                Fit::Vanishes if order > 1 => vanishing += 1,
                Fit::Slope { slope, lowest, low, high } if self.serves(order, slope, lowest) => {
                    failed |= lowest < order as f64 - self.slope_tolerance;
                    slopes.push(slope);
                    window = Some(window.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
                }
                _ => replaced += 1,
            }
        }
        let verdict = match (failed, slopes.len() + vanishing) {
            (true, _) => Verdict::Failed,
            (false, 0) => Verdict::Nothing,
            (false, _) => Verdict::Passed,
        };
        TaylorOrder { order, verdict, slopes, vanishing, replaced, window }
    }
}

impl<P> TaylorCheck<'_, P> {
    /// Whether the slope decides: it is that of the order, or too small at the lowest end already.
    ///
    /// A next power of the opposite sign lowers the slope of a right gradient at the upper end. But as the sign
    /// does not change within a window of 16, its part at the lowest end is below 1/16, and the slope there falls
    /// short by less than log2((1 - 1/16) / (1 - 2/16)) = 0.1. For a wrong gradient the lowest end is the worst.
    fn serves(&self, order: usize, slope: f64, lowest: f64) -> bool {
        let order = order as f64;
        (slope - order).abs() <= self.slope_tolerance || lowest < order - self.slope_tolerance
    }
}

/// Steps with their remainders of orders 1 to 3; `None` where the step crosses a kink or leaves the domain.
type Remainders = Vec<(f64, Option<[f64; 3]>)>;

enum Fit {
    /// Over the whole window, and between its two lowest points.
    Slope {
        slope: f64,
        lowest: f64,
        low: f64,
        high: f64,
    },
    Vanishes,
    Unsuited,
}

fn fit(rows: &Remainders, order: usize, noise: f64, width: f64) -> Fit {
    let floor = ABOVE_NOISE * 2.0 * noise;
    let usable: Vec<(f64, f64)> =
        rows.iter().filter_map(|(h, orders)| orders.map(|r| (*h, r[order - 1]))).collect();
    let above = |&(_, r): &(f64, f64)| r.abs() >= floor && r != 0.0;
    // The last step above the floor, and the run of steps above it, without gaps, that ends there.
    let Some(last) = usable.iter().rposition(above) else {
        let far = usable.first().is_some_and(|&(h, _)| h >= FAR * width);
        return if far { Fit::Vanishes } else { Fit::Unsuited };
    };
    let Some(first) = (last + 1).checked_sub(WINDOW) else { return Fit::Unsuited };
    let points = &usable[first..=last];
    let one_sign = points.iter().all(|(_, r)| r.signum() == points[0].1.signum());
    let without_gaps = points.windows(2).all(|pair| pair[0].0 == 2.0 * pair[1].0);
    if !one_sign || !without_gaps || !points.iter().all(above) {
        return Fit::Unsuited;
    }
    let (slope, lowest) = (least_squares(points), least_squares(&points[WINDOW - 2..]));
    Fit::Slope { slope, lowest, low: points[WINDOW - 1].0, high: points[0].0 }
}

/// The slope of `log |r|` against `log h`.
fn least_squares(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(h, r)| (h.log2(), r.abs().log2())).collect();
    let n = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let covariance: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = logs.iter().map(|p| (p.0 - x) * (p.0 - x)).sum();
    covariance / variance
}

impl TaylorReport {
    /// Whether every order has its slope.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, check_taylor};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// assert!(check_taylor(&Sine, at)?.passed()); // the sum of sin x
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }
}

/// Runs the Taylor test of orders 1 to 3 with all options at their defaults, and returns an error that says what
/// is wrong.
///
/// # Errors
/// [`GradcheckError::Rejected`] unless it passes, and those of [`TaylorCheck::run`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, check_taylor};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report = check_taylor(&Sine, at)?; // the sum of sin x
/// assert!(report.passed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_taylor<P: Program>(program: &P, inputs: Vec<Tensor<f64>>) -> Result<TaylorReport> {
    let report = TaylorCheck::new(program, inputs).run()?;
    if report.passed() {
        return Ok(report);
    }
    let row = |o: &TaylorOrder| format!("order {}: {:?}, slopes {:.3?}", o.order, o.verdict, o.slopes);
    let rows: Vec<String> = report.orders.iter().map(row).collect();
    Err(GradcheckError::Rejected { check: "Taylor", report: rows.join("; ") })
}
