//! The code of docs/howto-op.md: `ln(1 + e^x)` as an operation of one's own.

use resurge::autodiff::ops::OpCase;
use resurge::autodiff::{Contributions, Op, Result, Tape, Vjp, smallvec};
use resurge::tensor::{Scalar, Tensor};

#[derive(Debug, Clone, Copy)]
struct Softplus;

impl<S: Scalar> Op<S> for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        Ok(inputs[0].map(|x| (x.exp() + S::one()).ln()))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let slope = at.inputs[0].map(|x| x.logistic());
        Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    for shape in [&[][..], &[0], &[1], &[2, 3]] {
        OpCase::new(Softplus, vec![shape.into()]).check(1)?;
    }
    println!("the vector-Jacobian product is right");

    let mut tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec([3], vec![-1.0, 0.0, 1.0])?);
    let y = tape.apply(Softplus, &[x])?;
    let loss = tape.sum(y)?;
    println!("{:?}", tape.backward(loss)?.wrt(x)?.as_slice());
    Ok(())
}

#[cfg(test)]
#[path = "../tests/docs/shown.rs"]
mod shown;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_does_what_it_says() {
        main().unwrap();
    }

    /// The mistake of the page: the slope without its denominator.
    #[derive(Debug, Clone, Copy)]
    struct Wrong;

    impl<S: Scalar> Op<S> for Wrong {
        fn name(&self) -> &'static str {
            "softplus"
        }

        fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
            Softplus.forward(inputs)
        }

        fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
            let slope = at.inputs[0].map(|x| x.exp());
            Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
        }
    }

    #[test]
    fn a_wrong_slope_is_rejected() {
        let error = OpCase::new(Wrong, vec![[1].into()]).check(1).unwrap_err();
        shown::assert_shown(include_str!("../../../docs/howto-op.md"), &format!("Error: {error:?}"));
    }
}
