//! Runs the test: products with the Jacobian and its transpose, for each input by itself.

use super::{AdjointCheck, AdjointPair, AdjointReport, PAIRS, RTOL, within};
use crate::anchored::Evaluate;
use crate::checks::{Reason, Verdict, locate};
use crate::directions::random_weights;
use crate::evidence::{EXCUSED, dot, largest};
use crate::reference::rounding;
use crate::scales::Scales;
use crate::{AnchoredProgram, Program, Result};
use rayon::prelude::*;
use resurge_tensor::Tensor;

impl<P: Program> AdjointCheck<'_, P> {
    /// Runs the test.
    ///
    /// # Errors
    /// [`GradcheckError::Option`](crate::GradcheckError::Option) for a tolerance that is not positive, [`GradcheckError::BasePoint`](crate::GradcheckError::BasePoint) for a
    /// program that is not a function of its inputs, and those of [`AnchoredProgram::contracted`].
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AdjointCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = AdjointCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) -> Result<AdjointReport> {
        let options = &self.options;
        let rtol = options.checked(RTOL)?;
        let anchored = options.record(self.program, &self.inputs)?;
        let scales = Scales::found(&anchored, 1.0, options.seed)?;
        let pairs = (0..options.directions.unwrap_or(PAIRS)).into_par_iter();
        let pairs = pairs.map(|number| self.pair(&anchored, &scales, rtol, number));
        let pairs: Vec<Pair> = pairs.collect::<Result<_>>()?;

        let parts = || pairs.iter().flat_map(|pair| pair.parts.iter().map(move |part| (pair, part)));
        let max_error = largest(parts().map(|(_, part)| part.error));
        let wrong = parts().filter(|(_, part)| !within(part.error, rtol));
        let worst = wrong.max_by(|a, b| a.1.error.total_cmp(&b.1.error));
        let suspect = match worst {
            Some((pair, part)) => locate::suspect(&anchored, &pair.backward, &part.v, &pair.w, 0.0)?,
            None => None,
        };
        let entering = anchored.entering()?.into_iter().zip(anchored.inputs());
        let tested = |input: usize| parts().any(|(_, part)| part.input == input && part.tested(options.atol));
        let entered = entering.enumerate().filter(|(_, (enters, input))| *enters && !input.is_empty());
        let vanishing = entered.map(|(input, _)| input).filter(|input| !tested(*input));
        let mut undecided: Vec<Reason> = vanishing.map(|input| Reason::InputVanishes { input }).collect();
        if !parts().any(|(_, part)| part.tested(options.atol)) {
            undecided = vec![Reason::Vanishes];
        }
        let verdict = match (worst, undecided.is_empty()) {
            (Some(_), _) => Verdict::Failed,
            (None, false) => Verdict::Undecided,
            (None, true) => Verdict::Passed,
        };
        let pairs = pairs.iter().map(Pair::whole).collect();
        let names = options.names.clone();
        Ok(AdjointReport { verdict, undecided, max_error, suspect, pairs, names })
    }

    fn pair(
        &self,
        anchored: &AnchoredProgram<'_, P>,
        scales: &Scales,
        rtol: f64,
        number: usize,
    ) -> Result<Pair> {
        // Two streams a pair, and none of them that of the cotangent.
        let seed = self.options.seed.wrapping_add(2 * number as u64 + 1);
        let v = scales.times(&random_weights(anchored.dimension(), seed));
        let mut forwards: Vec<(Vec<f64>, Tensor<f64>)> = Vec::new();
        for range in anchored.ranges() {
            let mut own = vec![0.0; v.len()];
            own[range.clone()].copy_from_slice(&v[range]);
            forwards.push((own.clone(), anchored.jvp(&own)?));
        }
        let mut forward = Tensor::zeros(anchored.cotangent().shape())?;
        for (_, own) in &forwards {
            forward = forward.add(own)?;
        }
        let w = match number {
            0 => forward,
            _ => {
                let weights = random_weights(anchored.outputs(), seed.wrapping_add(1));
                Tensor::from_vec(forward.shape(), weights)?
            }
        };
        let backward = anchored.vjp(&w)?;
        let mut parts = Vec::new();
        for (input, (v, forward)) in forwards.into_iter().enumerate() {
            let (left, right) = (dot(forward.as_slice(), w.as_slice()), dot(&v, &backward));
            let sizes = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x * y).abs()).sum::<f64>();
            let size = sizes(forward.as_slice(), w.as_slice()) + sizes(&v, &backward);
            let difference = self.options.beyond((left - right).abs());
            let mut error = if size == 0.0 { 0.0 } else { difference / size };
            if error > rtol {
                // The products of an input may cancel to less than the rounding of their terms.
                let contracted = |outputs: &[f64]| vec![dot(outputs, w.as_slice())];
                let rounding = EXCUSED * rounding(anchored, &v, seed, contracted, &[left])?[0];
                error = (difference - rounding).max(0.0) / size;
            }
            parts.push(Part { input, v, forward: left, backward: right, error });
        }
        Ok(Pair { parts, w, backward })
    }
}

/// One test: the vectors, and the products of each input.
struct Pair {
    parts: Vec<Part>,
    w: Tensor<f64>,
    backward: Vec<f64>,
}

struct Part {
    input: usize,
    v: Vec<f64>,
    forward: f64,
    backward: f64,
    error: f64,
}

impl Part {
    /// Whether a product is more than what is too small to matter. One that is not a number is.
    fn tested(&self, atol: f64) -> bool {
        !(self.forward.abs() <= atol && self.backward.abs() <= atol)
    }
}

impl Pair {
    fn whole(&self) -> AdjointPair {
        AdjointPair {
            forward: self.parts.iter().map(|part| part.forward).sum(),
            backward: self.parts.iter().map(|part| part.backward).sum(),
            error: largest(self.parts.iter().map(|part| part.error)),
        }
    }
}
