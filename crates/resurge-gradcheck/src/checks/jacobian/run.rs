//! Runs the check: a finite difference for each entry or direction, held against the claim.

use super::GradCheck;
use crate::anchored::Evaluate;
use crate::checks::tally::{Compared, Exercised, HINT_TOLERANCE, Tally};
use crate::checks::{CheckReport, Place, locate};
use crate::error::{check_length, positive};
use crate::evidence::{dot, norm};
use crate::noise::{Floor, noise_floor};
use crate::reference::{Measured, Probe, Tolerance};
use crate::scales::{Scales, part_norm};
use crate::{Directions, Hints, Program, Result, Scheme};
use rayon::prelude::*;
use resurge_tensor::Tensor;
use std::ops::Range;

/// The default relative tolerance where the reference knows its error. Ridders' estimates attain 1e-12 to 1e-9
/// of the scale, so a correct gradient has two decades to spare, and a fault of scale 1e-6 exceeds the bar, which
/// is at most 2e-7 of a large entry, five times.
const RTOL_ESTIMATED: f64 = 1e-7;

/// The default for a fixed step, whose truncation error the tolerance has to cover. At the best step it is 1e-11
/// to 1e-10 times a constant of the program: the derivatives of higher order over the powers of the width, up to
/// 1e3 for a recurrent network.
const RTOL_FIXED: f64 = 1e-6;

impl<P: Program> GradCheck<'_, P> {
    /// Runs the check.
    ///
    /// # Errors
    /// [`GradcheckError::Option`](crate::GradcheckError::Option) for an option out of its domain,
    /// [`GradcheckError::Length`](crate::GradcheckError::Length) for a claim of another length,
    /// [`GradcheckError::BasePoint`](crate::GradcheckError::BasePoint) for a program that is not a function of its
    /// inputs, and those of [`AnchoredProgram::contracted`](crate::AnchoredProgram::contracted). A gradient that is wrong is not an error but a report.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) -> Result<CheckReport> {
        let options = &self.options;
        let rtol = options.checked(match self.scheme {
            Scheme::Fixed { .. } => RTOL_FIXED,
            Scheme::Scanned { .. } | Scheme::Ridders => RTOL_ESTIMATED,
        })?;
        positive("width", self.width)?;
        positive("safety", self.safety)?;
        let anchored = options.record(self.program, &self.inputs)?;
        if let Some(claim) = &self.claim {
            check_length("the claimed Jacobian", claim, anchored.outputs() * anchored.dimension())?;
        }
        let scales = match &self.scales {
            Some(scales) => Scales::given(&anchored, scales)?,
            None => Scales::found(&anchored, self.width, options.seed.wrapping_add(3))?,
        };
        let noise = noise_floor(&anchored, self.width, scales.flat(), options.seed.wrapping_add(1))?;
        let probe = Probe {
            anchored: &anchored,
            scheme: self.scheme,
            width: self.width,
            units: scales.flat(),
            noise: &noise,
            weights: None,
            tolerance: Tolerance { rtol, atol: options.atol, safety: self.safety, floor: 0.0 },
            seed: options.seed,
        };
        let run = Run { claim: self.claim.as_deref(), hints: &self.hints, seed: options.seed };
        let report = match options.directions {
            None => run.every_entry(&probe)?,
            Some(signs) => run.along_directions(&probe, &scales, signs)?,
        };
        Ok(CheckReport { names: options.names.clone(), ..report })
    }
}

/// A check under way, of whatever program.
struct Run<'a> {
    claim: Option<&'a [f64]>,
    hints: &'a Hints,
    seed: u64,
}

impl Run<'_> {
    fn every_entry(&self, probe: &Probe<'_>) -> Result<CheckReport> {
        let anchored = probe.anchored;
        let n = anchored.dimension();
        let jacobian = self.jacobian(anchored)?;
        let claims = |direction: &[f64]| -> Vec<f64> {
            jacobian.chunks(n.max(1)).map(|row| dot(direction, row)).collect()
        };
        let columns = (0..n).into_par_iter().map(|entry| {
            let mut direction = vec![0.0; n];
            direction[entry] = probe.units[entry];
            probe.along(&direction, &claims(&direction))
        });
        let columns: Vec<Measured> = columns.collect::<Result<_>>()?;

        let ranges = anchored.ranges();
        let mut tally = Tally::new(probe.noise, ranges.len(), self.hints);
        let tolerance = probe.tolerance;
        for (output, row) in jacobian.chunks(n.max(1)).enumerate() {
            for (input, range) in ranges.iter().enumerate() {
                let of = Compared { input: Some(input), scale: rms(&row[range.clone()]), tolerance };
                for entry in range.clone() {
                    let finding = columns[entry].findings[output].over(probe.units[entry]);
                    tally
                        .compare(row[entry], &finding, &of, || Ok(locate::entry(anchored, output, entry)))?;
                }
            }
        }
        for (entry, column) in columns.iter().enumerate() {
            let (input, index) = locate::input_entry(anchored.inputs(), entry);
            tally.steps(column, Place::Entry { input, index, output: Vec::new() });
        }
        self.all_at_kinks(probe, &columns, &claims, &mut tally)?;
        let hints = if tally.failures > 0 {
            self.whole(anchored, &jacobian, &columns, probe.units)
        } else {
            Vec::new()
        };
        Ok(tally.report(hints, &exercised(anchored)?))
    }

    /// Entries that each are within the interval of their own kink can be wrong together: of two tied for a maximum, their
    /// slopes must add up to 1. So all entries at a kink are moved at once, too.
    fn all_at_kinks(
        &self,
        probe: &Probe<'_>,
        columns: &[Measured],
        claims: &(impl Fn(&[f64]) -> Vec<f64> + Sync),
        tally: &mut Tally<'_>,
    ) -> Result<()> {
        let at_kink = |(column, unit): (&Measured, &f64)| if column.at_kink { *unit } else { 0.0 };
        let direction: Vec<f64> = columns.iter().zip(probe.units).map(at_kink).collect();
        if direction.iter().filter(|d| **d != 0.0).count() < 2 {
            return Ok(());
        }
        let claimed = claims(&direction);
        let measured = probe.along(&direction, &claimed)?;
        for (&claimed, finding) in claimed.iter().zip(&measured.findings) {
            let of = Compared { input: None, scale: claimed.abs(), tolerance: probe.tolerance };
            let place = || Ok(Place::Direction { number: 0, input: None, suspect: None });
            tally.refute(claimed, finding, &of, place)?;
        }
        tally.steps(
            &Measured { nearest_kink: None, ..measured },
            Place::Direction { number: 0, input: None, suspect: None },
        );
        Ok(())
    }

    fn along_directions(&self, probe: &Probe<'_>, scales: &Scales, signs: usize) -> Result<CheckReport> {
        let anchored = probe.anchored;
        let weights = anchored.cotangent().as_slice();
        let gradient = self.contracted_claim(anchored, weights);
        let noise = [Floor::contracted(probe.noise, weights)];
        let rows = projections(scales, &gradient, &anchored.ranges(), signs, self.seed.wrapping_add(2));
        let probe = Probe { noise: &noise, weights: Some(weights), ..*probe };
        let measured = rows.par_iter().map(|row| {
            let tolerance = Tolerance { floor: row.scale, ..probe.tolerance };
            Probe { tolerance, ..probe }.along(&row.direction, &[dot(&row.direction, &gradient)])
        });
        let measured: Vec<Measured> = measured.collect::<Result<_>>()?;

        let mut tally = Tally::new(&noise, anchored.inputs().len(), self.hints);
        for (number, (row, measured)) in rows.iter().zip(&measured).enumerate() {
            let Projection { input, ref direction, scale } = *row;
            let tolerance = Tolerance { floor: scale, ..probe.tolerance };
            let place = || {
                let bar = 0.5 * tolerance.relative(scale);
                let suspect = locate::suspect(anchored, &gradient, direction, anchored.cotangent(), bar)?;
                Ok(Place::Direction { number, input, suspect })
            };
            let of = Compared { input, scale, tolerance };
            tally.compare(dot(direction, &gradient), &measured.findings[0], &of, place)?;
            tally.steps(measured, Place::Direction { number, input, suspect: None });
        }
        Ok(tally.report(Vec::new(), &exercised(anchored)?))
    }

    /// The Jacobian that is to be checked, row-major.
    fn jacobian(&self, anchored: &dyn Evaluate) -> Result<Vec<f64>> {
        if let Some(claim) = self.claim {
            return Ok(claim.to_vec());
        }
        let outputs = anchored.outputs();
        if outputs == 1 {
            // Contracted with 1: the gradient is the Jacobian.
            return Ok(anchored.gradient().to_vec());
        }
        let rows = (0..outputs).into_par_iter().map(|output| {
            let mut unit = vec![0.0; outputs];
            unit[output] = 1.0;
            anchored.vjp(&Tensor::from_vec(anchored.cotangent().shape(), unit)?)
        });
        Ok(rows.collect::<Result<Vec<Vec<f64>>>>()?.concat())
    }

    fn contracted_claim(&self, anchored: &dyn Evaluate, weights: &[f64]) -> Vec<f64> {
        let Some(claim) = self.claim else { return anchored.gradient().to_vec() };
        let mut gradient = vec![0.0; anchored.dimension()];
        for (row, w) in claim.chunks(gradient.len().max(1)).zip(weights) {
            for (sum, x) in gradient.iter_mut().zip(row) {
                *sum += w * x;
            }
        }
        gradient
    }

    /// Hints on the gradient of the first output that is wrong, where every entry of it has a reference.
    fn whole(
        &self,
        anchored: &dyn Evaluate,
        jacobian: &[f64],
        columns: &[Measured],
        units: &[f64],
    ) -> Vec<String> {
        let shapes: Vec<&[usize]> = anchored.inputs().iter().map(|input| &input.shape()[..]).collect();
        let rows = jacobian.chunks(anchored.dimension().max(1)).enumerate();
        let hints = rows.filter_map(|(output, row)| {
            let reference =
                columns.iter().zip(units).map(|(column, unit)| Some(column.findings[output].value()? / unit));
            let reference: Vec<f64> = reference.collect::<Option<_>>()?;
            Some(self.hints.explain_gradient(row, &reference, &shapes, HINT_TOLERANCE))
        });
        hints.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }
}

fn rms(values: &[f64]) -> f64 {
    norm(values) / (values.len().max(1) as f64).sqrt()
}

/// A direction along which the gradient is projected.
struct Projection {
    /// The input that it moves, if it moves one alone.
    input: Option<usize>,
    direction: Vec<f64>,
    /// The norm of the gradient with respect to what is moved.
    scale: f64,
}

/// The gradient's own direction and random signs, over all inputs and, where there are several, over each of them: the largest
/// hides the others.
fn projections(
    scales: &Scales,
    gradient: &[f64],
    ranges: &[Range<usize>],
    signs: usize,
    seed: u64,
) -> Vec<Projection> {
    let in_units = scales.times(gradient);
    let whole = Directions::new(&in_units, signs, 0, seed);
    let scale = norm(&in_units);
    let mut rows: Vec<Projection> = whole
        .iter()
        .map(|direction| Projection { input: None, direction: scales.times(direction), scale })
        .collect();
    if ranges.len() < 2 {
        rows.iter_mut().for_each(|row| row.input = Some(0));
        return rows;
    }
    for (input, range) in ranges.iter().enumerate() {
        let seed = seed.wrapping_add((input as u64 + 1) << 32);
        for own in Directions::new(&in_units[range.clone()], signs.min(2), 0, seed).iter() {
            let mut direction = vec![0.0; gradient.len()];
            direction[range.clone()].copy_from_slice(own);
            let scale = part_norm(&in_units, range);
            rows.push(Projection { input: Some(input), direction: scales.times(&direction), scale });
        }
    }
    rows
}

fn exercised(anchored: &dyn Evaluate) -> Result<Exercised> {
    let entering = anchored.entering()?.into_iter().zip(anchored.inputs());
    Ok(Exercised {
        entering: entering.map(|(enters, input)| enters && !input.is_empty()).collect(),
        silent: anchored.is_silent(),
    })
}
