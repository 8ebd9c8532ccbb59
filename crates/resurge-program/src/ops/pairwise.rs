//! The four operations on two operands, which are broadcast.

use super::{Recorded, TapeResult, expect, sized};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::Deserialize;

macro_rules! pairwise {
    ($($op:ident, $name:literal, $method:ident;)*) => {$(
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $op {}

        impl Recorded for $op {
            const NAME: &'static str = $name;
            const ELEMENTWISE: bool = true;

            fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
                let [a, b] = expect(inputs)?;
                sized(a.broadcast(b, $name).map_err(|e| e.to_string())?)
            }

            fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
                tape.$method(inputs[0], inputs[1])
            }
        }
    )*};
}

pairwise! {
    Add, "add", add;
    Sub, "sub", sub;
    Mul, "mul", mul;
    Div, "div", div;
}
