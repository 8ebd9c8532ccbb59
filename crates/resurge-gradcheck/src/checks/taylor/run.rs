//! Runs the test: the remainders along each direction, and the slopes that are fitted to them.

use super::{DIRECTIONS, RTOL, TaylorCheck, TaylorOrder, TaylorReport};
use crate::anchored::Evaluate;
use crate::checks::hessian::hessian_vector_product;
use crate::checks::{Reason, Verdict};
use crate::difference::power_of_two_below;
use crate::directions::random_signs;
use crate::error::{check_length, positive};
use crate::evidence::dot;
use crate::noise::{Floor, noise_floor};
use crate::scales::Scales;
use crate::{AnchoredProgram, GradcheckError, Program, Result};
use rayon::prelude::*;

/// Steps go from twice the width down by this many halvings, to 1e-12 of it.
const HALVINGS: usize = 41;

/// Points of a window: a range of 16 in the step.
const WINDOW: usize = 5;

/// A remainder counts where it exceeds the noise of its two evaluations by this. One per cent at the lowest
/// point of the window moves the fitted slope by 0.003.
const ABOVE_NOISE: f64 = 100.0;

/// A remainder below the noise says something only if a step as large as this part of the width was taken.
const FAR: f64 = 1e-3;

impl<P: Program> TaylorCheck<'_, P> {
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
        let options = &self.options;
        let rtol = options.checked(RTOL)?;
        if !(1..=3).contains(&self.orders) {
            let value = self.orders as f64;
            return Err(GradcheckError::Option { option: "orders", value, expected: "1, 2 or 3" });
        }
        let anchored = options.record(self.program, &self.inputs)?;
        let gradient = self.claim.as_deref().unwrap_or(anchored.gradient());
        check_length("the claimed gradient", gradient, anchored.dimension())?;
        let scales = Scales::found(&anchored, self.width, options.seed.wrapping_sub(1))?;
        let noise = noise_floor(&anchored, self.width, scales.flat(), options.seed.wrapping_add(1))?;
        let noise = Floor::contracted(&noise, anchored.cotangent().as_slice()).level;

        // All inputs together and, where there are several, each of them alone, for the largest hides the others.
        let ranges = anchored.ranges();
        let directions = options.directions.unwrap_or(DIRECTIONS);
        let needed = if ranges.len() > 1 { directions.max(ranges.len() + 1) } else { directions };
        // Three times as many directions as have to serve: the later ones replace those that do not.
        let rows = (0..3 * needed).into_par_iter().map(|number| {
            let mut v = random_signs(anchored.dimension(), options.seed.wrapping_add(2 + number as u64));
            if let Some(alone) = alone(number, ranges.len()) {
                let apart = |(i, x): (usize, &mut f64)| {
                    if !ranges[alone].contains(&i) {
                        *x = 0.0
                    }
                };
                v.iter_mut().enumerate().for_each(apart);
            }
            self.remainders(&anchored, gradient, &scales.times(&v))
        });
        let rows: Vec<Remainders> = rows.collect::<Result<_>>()?;
        // Differences of two evaluations.
        let floor = (ABOVE_NOISE * 2.0 * noise).max(options.atol);
        let orders: Vec<TaylorOrder> =
            (1..=self.orders).map(|order| self.judge(order, &rows, floor, rtol, needed)).collect();
        let undecided = untested(&anchored, gradient, &rows, options.atol)?;
        let any = |verdict| orders.iter().any(|order| order.verdict == verdict);
        let verdict = match (any(Verdict::Failed), any(Verdict::Undecided) || !undecided.is_empty()) {
            (true, _) => Verdict::Failed,
            (false, true) => Verdict::Undecided,
            (false, false) => Verdict::Passed,
        };
        Ok(TaylorReport { verdict, undecided, orders, noise, names: options.names.clone() })
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

    fn judge(&self, order: usize, rows: &[Remainders], floor: f64, rtol: f64, needed: usize) -> TaylorOrder {
        let (mut slopes, mut vanishing, mut replaced) = (Vec::new(), 0, 0);
        let mut window: Option<(f64, f64)> = None;
        let mut failed = false;
        for row in rows {
            if slopes.len() + vanishing == needed {
                break;
            }
            match fit(row, order, floor, self.width) {
                Fit::Vanishes if order > 1 => vanishing += 1,
                Fit::Slope { slope, lowest, low, high } if serves(order, slope, lowest, rtol) => {
                    failed |= lowest < order as f64 - rtol;
                    slopes.push(slope);
                    window = Some(window.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
                }
                _ => replaced += 1,
            }
        }
        let verdict = match (failed, slopes.len() + vanishing) {
            (true, _) => Verdict::Failed,
            (false, 0) => Verdict::Undecided,
            (false, _) => Verdict::Passed,
        };
        TaylorOrder { order, verdict, slopes, vanishing, replaced, window }
    }
}

/// Whether the slope decides: it is that of the order, or too small at the lowest end already.
///
/// A next power of the opposite sign lowers the slope of a right gradient at the upper end. But as the sign
/// does not change within a window of 16, its part at the lowest end is below 1/16, and the slope there falls
/// short by less than log2((1 - 1/16) / (1 - 2/16)) = 0.1. For a wrong gradient the lowest end is the worst.
fn serves(order: usize, slope: f64, lowest: f64, rtol: f64) -> bool {
    let order = order as f64;
    (slope - order).abs() <= rtol || lowest < order - rtol
}

/// The input that a direction moves alone: of several, one in turn, after all together.
fn alone(number: usize, inputs: usize) -> Option<usize> {
    if inputs < 2 { None } else { (number % (inputs + 1)).checked_sub(1) }
}

/// The inputs that a gradient reaches and that the loss does not change with: nothing of the claim
/// was tested, if that is zero as well.
fn untested<P: Program>(
    anchored: &AnchoredProgram<'_, P>,
    gradient: &[f64],
    rows: &[Remainders],
    atol: f64,
) -> Result<Vec<Reason>> {
    let ranges = anchored.ranges();
    let mut found = Vec::new();
    for (input, (range, enters)) in ranges.iter().zip(anchored.entering()?).enumerate() {
        let of_input = |number: usize| alone(number, ranges.len()) == Some(input);
        let mut own = rows.iter().enumerate().filter(|(number, _)| of_input(*number)).peekable();
        let still = |row: &Remainders| row.iter().all(|(_, r)| r.is_none_or(|r| r[0].abs() <= atol));
        let zero = gradient[range.clone()].iter().all(|g| g.abs() <= atol);
        if enters && zero && !range.is_empty() && own.peek().is_some() && own.all(|(_, row)| still(row)) {
            found.push(Reason::InputVanishes { input });
        }
    }
    Ok(found)
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

fn fit(rows: &Remainders, order: usize, floor: f64, width: f64) -> Fit {
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
