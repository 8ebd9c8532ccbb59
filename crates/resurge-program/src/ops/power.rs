//! A constant power.

use super::{Recorded, TapeResult, expect};
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp, expect_inputs, smallvec};
use resurge_tensor::{Scalar, Shape, Tensor};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Power {
    exponent: f64,
}

impl Recorded for Power {
    const NAME: &'static str = "power";
    const ELEMENTWISE: bool = true;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x] = expect(inputs)?;
        Ok(x.clone())
    }

    fn work(&self, _: &[&Shape], output: &Shape) -> usize {
        20 * super::elements(output)
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        let p = self.exponent;
        match p.fract() == 0.0 && p.abs() <= 64.0 {
            true => tape.powi(inputs[0], p as i32),
            false => tape.apply(Real(p), inputs),
        }
    }
}

/// A power that is no integer, of numbers that are not negative.
#[derive(Debug)]
struct Real(f64);

impl Real {
    /// The `k`-th derivative.
    fn at(&self, k: usize, x: f64) -> f64 {
        let falling: f64 = (0..k).map(|i| self.0 - i as f64).product();
        falling * x.powf(self.0 - k as f64)
    }
}

impl<S: Scalar> Op<S> for Real {
    fn name(&self) -> &'static str {
        "power"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        let [x] = expect_inputs("power", inputs)?;
        Ok(x.map(|x| x.lift(0, &|k, x| self.at(k, x))))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        let slope = at.inputs[0].map(|x| x.lift(1, &|k, x| self.at(k, x)));
        Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
    }
}
