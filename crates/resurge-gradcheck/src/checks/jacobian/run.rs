//! Runs the check: a finite difference for each entry or direction, held against the claim.

use super::{GradCheck, Mode};
use crate::checks::base_point::record;
use crate::checks::directional::{Measured, measure};
use crate::checks::tally::{HINT_TOLERANCE, Tally, Tolerance};
use crate::checks::{CheckReport, Place, locate};
use crate::error::{check_length, positive};
use crate::evidence::{dot, norm};
use crate::noise::{Floor, noise_floor};
use crate::{AnchoredProgram, Directions, Program, Result, Scheme};
use rayon::prelude::*;
use resurge_tensor::Tensor;

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
    /// inputs, and those of [`AnchoredProgram::contracted`]. A gradient that is wrong is not an error but a report.
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
        let rtol = self.rtol.unwrap_or(match self.scheme {
            Scheme::Fixed { .. } => RTOL_FIXED,
            Scheme::Scanned { .. } | Scheme::Ridders => RTOL_ESTIMATED,
        });
        positive("width", self.width)?;
        positive("rtol", rtol)?;
        positive("safety", self.safety)?;
        let anchored = record(self.program, &self.inputs, self.smooth_twin, self.seed)?;
        if let Some(claim) = &self.claim {
            check_length("the claimed Jacobian", claim, anchored.outputs() * anchored.dimension())?;
        }
        let noise = noise_floor(&anchored, self.width, self.seed.wrapping_add(1))?;
        let tolerance = Tolerance { rtol, safety: self.safety };
        match self.mode {
            Mode::Full => self.every_entry(&anchored, &noise, tolerance),
            Mode::Projections(signs) => self.along_directions(&anchored, &noise, tolerance, signs),
        }
    }

    fn every_entry(
        &self,
        anchored: &AnchoredProgram<'_, P>,
        noise: &[Floor],
        tolerance: Tolerance,
    ) -> Result<CheckReport> {
        let n = anchored.dimension();
        let jacobian = self.jacobian(anchored)?;
        let columns = (0..n).into_par_iter().map(|entry| {
            let mut direction = vec![0.0; n];
            direction[entry] = 1.0;
            measure(anchored, &direction, self.scheme, self.width, noise, None)
        });
        let columns: Vec<Measured> = columns.collect::<Result<_>>()?;

        let mut tally = Tally::new(noise, tolerance, &self.hints);
        let overall = rms(&jacobian);
        for (output, row) in jacobian.chunks(n.max(1)).enumerate() {
            // A row of zeros has no scale of its own.
            let scale = Some(rms(row)).filter(|&s| s > 0.0).unwrap_or(overall);
            for (entry, (&claimed, column)) in row.iter().zip(&columns).enumerate() {
                let place = || Ok(locate::entry(anchored, output, entry));
                tally.compare(claimed, column.estimates[output], scale, place)?;
            }
        }
        for (entry, column) in columns.iter().enumerate() {
            let (input, index) = locate::input_entry(anchored.inputs(), entry);
            tally.steps(column, Place::Entry { input, index, output: Vec::new() });
        }
        let hints = if tally.failures > 0 { self.whole(anchored, &jacobian, &columns) } else { Vec::new() };
        Ok(tally.report(hints))
    }

    fn along_directions(
        &self,
        anchored: &AnchoredProgram<'_, P>,
        noise: &[Floor],
        tolerance: Tolerance,
        signs: usize,
    ) -> Result<CheckReport> {
        let weights = anchored.cotangent().as_slice();
        let gradient = self.contracted_claim(anchored, weights);
        let noise = [Floor::contracted(noise, weights)];
        let directions = Directions::new(&gradient, signs, 0, self.seed.wrapping_add(2));
        let directions: Vec<&Vec<f64>> = directions.iter().collect();
        let measured = directions
            .par_iter()
            .map(|direction| measure(anchored, direction, self.scheme, self.width, &noise, Some(weights)));
        let measured: Vec<Measured> = measured.collect::<Result<_>>()?;

        let mut tally = Tally::new(&noise, tolerance, &self.hints);
        let scale = norm(&gradient);
        for (number, (direction, measured)) in directions.iter().zip(&measured).enumerate() {
            let place = || {
                let bar = 0.5 * tolerance.rtol * scale;
                let suspect = locate::suspect(anchored, &gradient, direction, anchored.cotangent(), bar)?;
                Ok(Place::Direction { number, suspect })
            };
            tally.compare(dot(direction, &gradient), measured.estimates[0], scale, place)?;
            tally.steps(measured, Place::Direction { number, suspect: None });
        }
        Ok(tally.report(Vec::new()))
    }

    /// The Jacobian that is to be checked, row-major.
    fn jacobian(&self, anchored: &AnchoredProgram<'_, P>) -> Result<Vec<f64>> {
        if let Some(claim) = &self.claim {
            return Ok(claim.clone());
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

    fn contracted_claim(&self, anchored: &AnchoredProgram<'_, P>, weights: &[f64]) -> Vec<f64> {
        let Some(claim) = &self.claim else { return anchored.gradient().to_vec() };
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
        anchored: &AnchoredProgram<'_, P>,
        jacobian: &[f64],
        columns: &[Measured],
    ) -> Vec<String> {
        let shapes: Vec<&[usize]> = anchored.inputs().iter().map(|input| &input.shape()[..]).collect();
        let rows = jacobian.chunks(anchored.dimension().max(1)).enumerate();
        let hints = rows.filter_map(|(output, row)| {
            let reference = columns.iter().map(|column| column.estimates[output].map(|e| e.value));
            let reference: Vec<f64> = reference.collect::<Option<_>>()?;
            Some(self.hints.explain_gradient(row, &reference, &shapes, HINT_TOLERANCE))
        });
        hints.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }
}

fn rms(values: &[f64]) -> f64 {
    norm(values) / (values.len().max(1) as f64).sqrt()
}
