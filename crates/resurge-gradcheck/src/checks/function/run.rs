//! The check of a foreign function under way.

use super::line::{Function, Line, floors, not_finite};
use super::{FunctionCheck, FunctionValue, RTOL};
use crate::anchored::ranges;
use crate::checks::jacobian::SAFETY;
use crate::checks::locate::input_entry;
use crate::checks::tally::{Compared, Exercised, HINT_TOLERANCE, Tally};
use crate::difference::{one_sided, power_of_two_below};
use crate::directions::{multi_index, random_signs};
use crate::error::{check_length, not_negative};
use crate::evidence::{dot, norm};
use crate::noise::Floor;
use crate::reference::{Finding, Measured, Reference, Tolerance};
use crate::{CheckReport, DifferenceScan, Estimate, Means, Place, Result, Scheme, Why};
use std::ops::Range;

/// Halvings below the unit of an input; 2^-40 is 1e-12.
const HALVINGS: usize = 40;

/// At most so many halvings, where the size of an input and 1 are far apart.
const MOST: f64 = 160.0;

/// Two steps, in binary digits of the type, between which the second difference of a smooth function shrinks by their
/// ratio and that of a kink stays.
const KINK: [f64; 2] = [0.23, 0.38];

/// Runs a check.
pub(super) fn run(
    check: &FunctionCheck,
    function: impl FnMut(&[f64]) -> FunctionValue,
) -> Result<CheckReport> {
    let rtol = check.options.checked(RTOL)?;
    not_negative("nondeterminism", check.nondeterminism)?;
    let point: Vec<f64> = check.inputs.iter().flat_map(|input| input.as_slice().iter().copied()).collect();
    let outputs: usize = check.output.iter().product();
    check_length("the claimed Jacobian", &check.claim, outputs * point.len())?;
    if let Some(at) = check.claim.iter().position(|value| !value.is_finite()) {
        return Err(not_finite("claimed gradient", Some(input_entry(&check.inputs, at % point.len()))));
    }
    let mut function = Function::new(function, point, outputs)?;
    function.check_steady(check.nondeterminism)?;
    let units = units(check);
    let signs: Vec<f64> = random_signs(units.len(), check.options.seed)
        .iter()
        .zip(&units)
        .map(|(sign, unit)| sign * unit)
        .collect();
    let noise = floors(&mut Line::new(&mut function, &signs, check.roundoff), outputs, check);
    let mut run = Run { check, rtol, function, units, noise, ranges: ranges(&check.inputs), outputs };
    let floors: Vec<Floor> = run.noise.iter().map(|&level| Floor { level, size: None }).collect();
    let mut tally = Tally::new(&floors, check.inputs.len(), &check.hints);
    let hints = match check.options.directions {
        None => run.every_entry(&mut tally)?,
        Some(signs) => run.along_directions(signs, &mut tally)?,
    };
    run.function.check_steady(check.nondeterminism)?;
    tally.evaluations(run.function.evaluations, run.function.repeats);
    let entering = check.inputs.iter().map(|input| !input.is_empty()).collect();
    Ok(tally.report(hints, &Exercised { entering, silent: false }))
}

/// The unit of every entry: the size of its input as a power of two, or 1 where that is 0. A step that was given is in
/// no unit.
fn units(check: &FunctionCheck) -> Vec<f64> {
    let given = matches!(check.scheme, Scheme::Fixed { step: Some(_), .. });
    let of = |values: &[f64]| {
        let size = norm(values) / (values.len().max(1) as f64).sqrt();
        if given || size == 0.0 || !size.is_finite() { 1.0 } else { power_of_two_below(size) }
    };
    check.inputs.iter().flat_map(|input| std::iter::repeat_n(of(input.as_slice()), input.len())).collect()
}

struct Run<'c, F> {
    check: &'c FunctionCheck,
    rtol: f64,
    function: Function<F>,
    units: Vec<f64>,
    noise: Vec<f64>,
    ranges: Vec<Range<usize>>,
    outputs: usize,
}

impl<F: FnMut(&[f64]) -> FunctionValue> Run<'_, F> {
    fn tolerance(&self) -> Tolerance {
        // rtol * max(size, atol / rtol) is the larger of both tolerances.
        let floor = self.check.options.atol / self.rtol;
        Tolerance { rtol: self.rtol, atol: 0.0, safety: SAFETY, floor }
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        let columns = self.units.len();
        (0..self.outputs).map(move |row| &self.check.claim[row * columns..(row + 1) * columns])
    }

    fn claims(&self, direction: &[f64]) -> Vec<f64> {
        self.rows().map(|row| dot(direction, row)).collect()
    }

    /// Every entry, then all entries at kinks at once: of two tied for a maximum, the slopes add up to 1.
    fn every_entry(&mut self, tally: &mut Tally<'_>) -> Result<Vec<String>> {
        let mut columns: Vec<Measured> = Vec::new();
        for entry in 0..self.units.len() {
            let mut direction = vec![0.0; self.units.len()];
            direction[entry] = self.units[entry];
            columns.push(self.along(&direction)?);
        }
        let tolerance = self.tolerance();
        for (output, row) in self.rows().enumerate() {
            for (input, range) in self.ranges.iter().enumerate() {
                let size = norm(&row[range.clone()]) / (range.len().max(1) as f64).sqrt();
                // A row that is rounding as a whole is compared as such.
                let of = Compared { input: Some(input), scale: size, tolerance };
                for entry in range.clone() {
                    let finding = columns[entry].findings[output].over(self.units[entry]);
                    tally.compare(row[entry], &finding, &of, || Ok(self.place(entry, Some(output))))?;
                }
            }
        }
        for (entry, column) in columns.iter().enumerate() {
            tally.steps(column, self.place(entry, None));
        }
        self.all_at_kinks(&columns, tally)?;
        Ok(if tally.failures > 0 { self.whole(&columns) } else { Vec::new() })
    }

    fn all_at_kinks(&mut self, columns: &[Measured], tally: &mut Tally<'_>) -> Result<()> {
        let at_kink = |(column, unit): (&Measured, &f64)| if column.at_kink { *unit } else { 0.0 };
        let direction: Vec<f64> = columns.iter().zip(&self.units).map(at_kink).collect();
        if direction.iter().filter(|d| **d != 0.0).count() < 2 {
            return Ok(());
        }
        let claims = self.claims(&direction);
        let measured = self.along(&direction)?;
        let tolerance = self.tolerance();
        for (&claimed, finding) in claims.iter().zip(&measured.findings) {
            let of = Compared { input: None, scale: claimed.abs(), tolerance };
            let place = || Ok(Place::Direction { number: 0, input: None, suspect: None });
            tally.refute(claimed, finding, &of, place)?;
        }
        Ok(())
    }

    /// Directions of random signs in each input.
    fn along_directions(&mut self, signs: usize, tally: &mut Tally<'_>) -> Result<Vec<String>> {
        let mut number = 0;
        for (input, range) in self.ranges.clone().into_iter().enumerate() {
            for draw in 0..signs.max(1) as u64 {
                if range.is_empty() {
                    break;
                }
                let seed = self.check.options.seed.wrapping_add((input as u64 + 1) << 32).wrapping_add(draw);
                let mut direction = vec![0.0; self.units.len()];
                let drawn = random_signs(range.len(), seed);
                for ((d, sign), unit) in
                    direction[range.clone()].iter_mut().zip(drawn).zip(&self.units[range.clone()])
                {
                    *d = sign * unit;
                }
                let measured = self.along(&direction)?;
                for (output, claimed) in self.claims(&direction).into_iter().enumerate() {
                    let row = &self.check.claim[output * self.units.len()..][range.clone()];
                    let parts: Vec<f64> =
                        row.iter().zip(&self.units[range.clone()]).map(|(g, u)| g * u).collect();
                    let scale = norm(&parts);
                    let mut tolerance = self.tolerance();
                    tolerance.floor = tolerance.floor.max(scale);
                    let of = Compared { input: Some(input), scale, tolerance };
                    let place = || Ok(Place::Direction { number, input: Some(input), suspect: None });
                    tally.compare(claimed, &measured.findings[output], &of, place)?;
                }
                tally.steps(&measured, Place::Direction { number, input: Some(input), suspect: None });
                number += 1;
            }
        }
        Ok(Vec::new())
    }

    /// The derivatives along a direction in the units of the inputs.
    fn along(&mut self, direction: &[f64]) -> Result<Measured> {
        let check = self.check;
        // From the larger of 1 and the inputs' size down to far below the smaller.
        let unit = direction.iter().fold(0.0, |largest: f64, d| largest.max(d.abs()));
        let reach = (unit.log2().abs()).min(MOST);
        let first = 0.5 * (1.0 / unit).clamp(1.0, reach.exp2());
        let halvings = HALVINGS + reach.ceil() as usize;
        let digits = -check.roundoff.log2();
        let steps = KINK.map(|part| (-(part * digits).round()).exp2());
        let mut line = Line::new(&mut self.function, direction, check.roundoff);
        let mut at_kink = false;
        let mut findings = Vec::with_capacity(self.outputs);
        for (output, &noise) in self.noise.iter().enumerate() {
            let scan = DifferenceScan { first_step: first, halvings, noise };
            let scale = |fd: Estimate| {
                let mean = dot(direction, direction).sqrt();
                fd.value.abs().max(check.options.atol * mean)
            };
            let estimate = check.scheme.derivative(scan, |h| Ok(line.at(output, h)))?;
            let bent = is_bent(&mut line, output, steps, noise, estimate.map_or(0.0, scale), self.rtol);
            findings.push(if bent {
                at_kink = true;
                beside_kink(&mut line, output, scan)?
            } else {
                match estimate {
                    Some(fd) => Finding::Known(reference(fd, fd, Means::FiniteDifferences)),
                    None => Finding::Unknown { error: None, why: Why::Imprecise },
                }
            });
        }
        line.check_steady(check.nondeterminism)?;
        let nearest_kink = at_kink.then_some(0.0);
        Ok(Measured { findings, nearest_kink, at_kink, evaluations: 0, repeats: 0 })
    }

    fn place(&self, entry: usize, output: Option<usize>) -> Place {
        let (input, index) = input_entry(&self.check.inputs, entry);
        let output = output.map_or_else(Vec::new, |output| multi_index(&self.check.output, output));
        Place::Entry { input, index, output }
    }

    /// Hints on the first row that is wrong as a whole.
    fn whole(&self, columns: &[Measured]) -> Vec<String> {
        let shapes: Vec<&[usize]> = self.check.inputs.iter().map(|input| &input.shape()[..]).collect();
        let hints = self.rows().enumerate().filter_map(|(output, row)| {
            let reference =
                columns.iter().zip(&self.units).map(|(c, unit)| Some(c.findings[output].value()? / unit));
            let reference: Vec<f64> = reference.collect::<Option<_>>()?;
            Some(self.check.hints.explain_gradient(row, &reference, &shapes, HINT_TOLERANCE))
        });
        hints.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }
}

/// Whether there is a kink at the point, nearer than the smaller step: the change of the slope does not shrink with it.
fn is_bent<F: FnMut(&[f64]) -> FunctionValue>(
    line: &mut Line<'_, F>,
    output: usize,
    steps: [f64; 2],
    noise: f64,
    slope: f64,
    rtol: f64,
) -> bool {
    let [far, near] = steps.map(|h| h.max(line.least));
    let mut change = |h: f64| -> Option<f64> {
        let (ahead, here, behind) = (line.at(output, h)?, line.at(output, 0.0)?, line.at(output, -h)?);
        Some(((ahead - here) - (here - behind)).abs() / h)
    };
    let (Some(far_change), Some(near_change)) = (change(far), change(near)) else { return false };
    near_change > 0.5 * far_change && near_change > (32.0 * noise / near).max(rtol * slope)
}

/// What lies between the derivatives from both sides.
fn beside_kink<F: FnMut(&[f64]) -> FunctionValue>(
    line: &mut Line<'_, F>,
    output: usize,
    scan: DifferenceScan,
) -> Result<Finding> {
    let mut sides = Vec::new();
    for side in [1.0, -1.0] {
        let here = line.at(output, 0.0).unwrap_or(f64::NAN);
        let Some(fd) = one_sided(scan, here, |h| Ok(line.at(output, side * h)))? else {
            return Ok(Finding::Unknown { error: None, why: Why::Kink });
        };
        sides.push(Estimate { value: side * fd.value, ..fd });
    }
    Ok(Finding::Known(reference(sides[0], sides[1], Means::OneSidedDifferences)))
}

fn reference(a: Estimate, b: Estimate, means: Means) -> Reference {
    Reference {
        low: a.value.min(b.value),
        high: a.value.max(b.value),
        error: a.error.max(b.error),
        means,
        step: a.step.min(b.step),
    }
}
