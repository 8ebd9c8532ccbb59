//! Functions of one number.

use super::{Recorded, TapeResult, expect};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::Deserialize;

macro_rules! elementwise {
    ($($op:ident { $($field:ident)? }, $name:literal, $method:ident;)*) => {$(
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $op { $($field: f64)? }

        impl Recorded for $op {
            const NAME: &'static str = $name;
            const ELEMENTWISE: bool = true;

            fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
                let [x] = expect(inputs)?;
                Ok(x.clone())
            }

            fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
                tape.$method(inputs[0] $(, self.$field)?)
            }
        }
    )*};
}

elementwise! {
    Scale { factor }, "scale", scale;
    Shift { by }, "shift", shift;
    Exp {}, "exp", exp;
    Log {}, "log", ln;
    Sqrt {}, "sqrt", sqrt;
    Sin {}, "sin", sin;
    Cos {}, "cos", cos;
    Tanh {}, "tanh", tanh;
    Atan {}, "atan", atan;
    Erf {}, "erf", erf;
    Sigmoid {}, "sigmoid", logistic;
}
