//! What the elementwise operations of one input share.

/// Defines an elementwise operation of one input from its value and its slope, with the method on the tape and
/// the cases on which it is checked.
macro_rules! elementwise {
    (
        $(#[$doc:meta])*
        $op:ident, $method:ident, value: |$x:ident| $value:expr, slope: |$sx:ident, $sy:ident| $slope:expr,
        domain: ($low:expr, $high:expr)
    ) => {
        use crate::ops::OpCase;
        use crate::{Contributions, Op, Result, Tape, Var, Vjp};
        use resurge_tensor::{Scalar, Tensor};
        use smallvec::smallvec;

        #[derive(Debug, Clone, Copy)]
        struct $op;

        impl<S: Scalar> Op<S> for $op {
            fn name(&self) -> &'static str {
                stringify!($method)
            }

            fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
                Ok(inputs[0].map(|$x: S| $value))
            }

            fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
                let slope = at.inputs[0].zip_map(at.output, stringify!($method), |$sx: S, $sy: S| $slope)?;
                Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
            }
        }

        impl<S: Scalar> Tape<S> {
            $(#[$doc])*
            ///
            /// # Errors
            /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of
            /// another tape.
            pub fn $method(&mut self, x: Var) -> Result<Var> {
                self.apply($op, &[x])
            }
        }

        pub(super) fn cases() -> Vec<OpCase> {
            let shapes = super::case::unary_shapes();
            shapes.into_iter().map(|inputs| OpCase::new($op, inputs).within($low, $high)).collect()
        }
    };
}

/// The value of an elementwise operation at one point, for tests.
#[cfg(test)]
pub(super) fn value_at(
    op: fn(&mut crate::Tape<f64>, crate::Var) -> crate::Result<crate::Var>,
    x: f64,
) -> f64 {
    let mut tape = crate::Tape::new();
    let x = tape.leaf(resurge_tensor::Tensor::scalar(x));
    let y = op(&mut tape, x).unwrap();
    tape.value(y).unwrap().item().unwrap()
}

/// Defines an elementwise operation of two inputs, with broadcasting.
macro_rules! elementwise_pair {
    (
        $(#[$doc:meta])*
        $op:ident, $method:ident,
        left: |$at:ident| $left:expr, right: |$bt:ident| $right:expr,
        domain: ($low:expr, $high:expr)
    ) => {
        use crate::ops::OpCase;
        use crate::{Contributions, Op, Result, Tape, Var, Vjp};
        use resurge_tensor::{Scalar, Tensor};
        use smallvec::smallvec;

        #[derive(Debug, Clone, Copy)]
        struct $op;

        impl<S: Scalar> Op<S> for $op {
            fn name(&self) -> &'static str {
                stringify!($method)
            }

            fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
                Ok(inputs[0].$method(inputs[1])?)
            }

            fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
                let left = |$at: &Vjp<'_, S>| -> Result<Tensor<S>> { Ok($left) };
                let right = |$bt: &Vjp<'_, S>| -> Result<Tensor<S>> { Ok($right) };
                let narrow = |wide: Tensor<S>, input: usize| wide.sum_to(at.inputs[input].shape());
                Ok(smallvec![
                    if at.needs(0) { Some(narrow(left(at)?, 0)?.into()) } else { None },
                    if at.needs(1) { Some(narrow(right(at)?, 1)?.into()) } else { None },
                ])
            }
        }

        impl<S: Scalar> Tape<S> {
            $(#[$doc])*
            /// Operands are broadcast by NumPy's rule.
            ///
            /// # Errors
            /// A shape error when the operands do not broadcast,
            /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of
            /// another tape.
            pub fn $method(&mut self, a: Var, b: Var) -> Result<Var> {
                self.apply($op, &[a, b])
            }
        }

        pub(super) fn cases() -> Vec<OpCase> {
            let shapes = super::case::binary_shapes();
            shapes.into_iter().map(|inputs| OpCase::new($op, inputs).within($low, $high)).collect()
        }
    };
}

/// The value of an operation of two numbers, for tests.
#[cfg(test)]
pub(super) fn value_of_pair(
    op: fn(&mut crate::Tape<f64>, crate::Var, crate::Var) -> crate::Result<crate::Var>,
    a: f64,
    b: f64,
) -> f64 {
    let mut tape = crate::Tape::new();
    let a = tape.leaf(resurge_tensor::Tensor::scalar(a));
    let b = tape.leaf(resurge_tensor::Tensor::scalar(b));
    let y = op(&mut tape, a, b).unwrap();
    tape.value(y).unwrap().item().unwrap()
}

pub(super) use {elementwise, elementwise_pair};
