//! Operations with wrong formulas, against every proof of a program that uses them.

use rayon::prelude::*;
use resurge_autodiff::ops::{OpCase, OpMismatch};
use resurge_autodiff::{Anchor, Contribution, Contributions, Op, Result, Tape, Var, Vjp};
use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult, TOLERANCES};
use resurge_snn::Surrogate;
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

/// An operation with a right value and a wrong vector-Jacobian product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    /// `e^(x+1)`
    Exp,
    /// The output for the input under the fraction.
    Ln,
    /// `1 / sqrt x`
    Sqrt,
    /// `-cos x`
    Sin,
    /// `sin x`
    Cos,
    /// `1 - tanh x`
    Tanh,
    /// `1 / (1 + |x|)`
    Atan,
    /// `e^(-x^2)`
    Erf,
    /// `s`
    Logistic,
    /// `1` on both sides.
    Abs,
    /// `x^2`
    Cube,
    /// The factors' own gradients.
    Mul,
    /// The divisor's with the sign of the dividend's.
    Div,
    /// The subtrahend's with the minuend's sign.
    Sub,
    /// The gradient of a mean.
    Sum,
    /// The left factor without transposing the right.
    MatmulLeft,
    /// The right factor's from the output.
    MatmulRight,
    /// The step after.
    Select,
    /// The transpose undone once too few.
    Transpose,
    /// Not summed over the copies.
    Broadcast,
    /// A spike with its derivative at `x + 1/4`.
    SpikeShifted,
    /// A spike with its derivative without 1/width.
    SpikeUnscaled,
    /// A spike with the derivative of a wider surrogate.
    SpikeWider,
    /// A detach that lets the gradient pass.
    DetachLeaks,
    /// A scaled gradient at full size.
    DialIgnored,
}

impl Wrong {
    const ALL: [Self; 25] = {
        use Wrong::*;
        [
            Exp,
            Ln,
            Sqrt,
            Sin,
            Cos,
            Tanh,
            Atan,
            Erf,
            Logistic,
            Abs,
            Cube,
            Mul,
            Div,
            Sub,
            Sum,
            MatmulLeft,
            MatmulRight,
            Select,
            Transpose,
            Broadcast,
            SpikeShifted,
            SpikeUnscaled,
            SpikeWider,
            DetachLeaks,
            DialIgnored,
        ]
    };

    fn inputs(self) -> Vec<Tensor<f64>> {
        let square = |shift: f64| Tensor::from_fn([3, 3], |i| 0.375 + shift + 0.0625 * ((i * 7) % 9) as f64);
        let n = match self {
            Self::Mul | Self::Div | Self::Sub | Self::MatmulLeft | Self::MatmulRight => 2,
            _ => 1,
        };
        (0..n).map(|i| square(0.5 * f64::from(i)).unwrap()).collect()
    }

    fn surrogate(width: f64) -> Surrogate {
        Surrogate::sigmoid(width).unwrap()
    }

    /// The value of an elementwise operation of one input and its slope, which is wrong.
    fn elementwise<S: Scalar>(self, x: S) -> Option<(S, S)> {
        let one = S::one();
        Some(match self {
            Self::Exp => (x.exp(), (x + one).exp()),
            Self::Ln => (x.ln(), one / x.ln()),
            Self::Sqrt => (x.sqrt(), one / x.sqrt()),
            Self::Sin => (x.sin(), -x.cos()),
            Self::Cos => (x.cos(), x.sin()),
            Self::Tanh => (x.tanh(), one - x.tanh()),
            Self::Atan => (x.atan(), one / (one + x.abs())),
            Self::Erf => (x.erf(), (-(x * x)).exp()),
            Self::Logistic => (x.logistic(), x.logistic()),
            Self::Abs => ((x - S::from_f64(0.5)).abs(), one),
            Self::Cube => (x * x * x, x * x),
            _ => return None,
        })
    }
}

impl<S: Scalar> Op<S> for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let x = inputs[0];
        Ok(match self {
            Self::Mul => x.mul(inputs[1])?,
            Self::Div => x.div(inputs[1])?,
            Self::Sub => x.sub(inputs[1])?,
            Self::Sum => Tensor::scalar(x.sum()),
            Self::MatmulLeft | Self::MatmulRight => x.matmul_transposed(false, inputs[1], false)?,
            Self::Select => x.select(1)?,
            Self::Transpose => x.permute(&[1, 0])?,
            Self::Broadcast => x.broadcast_to(&[2, 3, 3].into())?,
            Self::SpikeShifted | Self::SpikeUnscaled | Self::SpikeWider => {
                x.map(|x: S| if x.re() > 0.75 { S::one() } else { S::zero() })
            }
            Self::DetachLeaks | Self::DialIgnored => x.clone(),
            _ => x.map(|x: S| self.elementwise(x).map_or(x, |(value, _)| value)),
        })
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let (x, g) = (at.inputs[0], at.cotangent);
        let spike = |shift: f64, width: f64, factor: f64| {
            x.map(|x: S| {
                Self::surrogate(width).derivative(x - S::from_f64(0.75 - shift)) * S::from_f64(factor)
            })
        };
        Ok(match self {
            Self::Mul => smallvec![Some(g.mul(x)?.into()), Some(g.mul(at.inputs[1])?.into())],
            Self::Div => {
                let left = g.div(at.inputs[1])?;
                let right = left.mul(at.output)?;
                smallvec![Some(left.into()), Some(right.into())]
            }
            Self::Sub => smallvec![Some(g.clone().into()), Some(g.clone().into())],
            Self::Sum => {
                let mean = g.scale(S::from_f64(1.0 / x.len() as f64));
                smallvec![Some(mean.broadcast_to(x.shape())?.into())]
            }
            Self::MatmulLeft => smallvec![
                Some(g.matmul_transposed(false, at.inputs[1], false)?.into()),
                Some(x.matmul_transposed(true, g, false)?.into()),
            ],
            Self::MatmulRight => smallvec![
                Some(g.matmul_transposed(false, at.inputs[1], true)?.into()),
                Some(at.output.matmul_transposed(true, g, false)?.into()),
            ],
            Self::Select => smallvec![Some(Contribution::Step { index: 2, value: g.clone() })],
            Self::Transpose => smallvec![Some(g.clone().into())],
            Self::Broadcast => smallvec![Some(g.select(0)?.into())],
            Self::SpikeShifted => smallvec![Some(g.mul(&spike(0.25, 0.25, 1.0))?.into())],
            Self::SpikeUnscaled => smallvec![Some(g.mul(&spike(0.0, 0.25, 0.25))?.into())],
            Self::SpikeWider => smallvec![Some(g.mul(&spike(0.0, 0.3125, 1.0))?.into())],
            Self::DetachLeaks | Self::DialIgnored => smallvec![Some(g.clone().into())],
            _ => {
                let slope = x.map(|x: S| self.elementwise(x).map_or(x, |(_, slope)| slope));
                smallvec![Some(g.mul(&slope)?.into())]
            }
        })
    }

    fn is_surrogate(&self) -> bool {
        *self >= Self::SpikeShifted
    }

    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> Result<Tensor<S>> {
        let moved = inputs[0].zip_map(&anchor.inputs[0], "wrong", |x: S, x0: S| match self {
            Self::DetachLeaks => S::zero(),
            Self::DialIgnored => (x - x0) * S::from_f64(0.5),
            _ => {
                let s = |x: S| Self::surrogate(0.25).primitive(x - S::from_f64(0.75));
                s(x) - s(x0)
            }
        })?;
        Ok(anchor.output.add(&moved)?)
    }
}

/// `sum r y^2 + sum x^2` of an operation `y` of `x`, with weights `r` that are all different.
struct Using(Wrong);

impl Program for Using {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let y = tape.apply(self.0, inputs)?;
        let shape = tape.value(y)?.shape().clone();
        let weights = tape.constant(Tensor::from_fn(shape, |i| S::from_f64(0.5 + 0.125 * i as f64))?);
        let square = tape.square(y)?;
        let weighted = tape.mul(square, weights)?;
        let of_output = tape.sum(weighted)?;
        let square = tape.square(inputs[0])?;
        let of_input = tape.sum(square)?;
        Ok(tape.add(of_output, of_input)?)
    }
}

#[test]
fn every_wrong_formula_is_rejected_by_every_proof() {
    Wrong::ALL.par_iter().for_each(|&wrong| {
        let program = Using(wrong);
        let anchored = AnchoredProgram::new(&program, wrong.inputs()).unwrap();
        let directions = Directions::new(anchored.gradient(), 4, 4, 1);
        let evidence = Evidence::gather(&anchored, &directions, 0.25).unwrap();
        let errors = evidence.compare(anchored.gradient()).unwrap();
        assert!(errors.conclusive >= 5, "{wrong:?}: {errors:?}");
        assert!(errors.finite_difference > TOLERANCES.finite_difference, "{wrong:?}: {errors:?}");
        assert!(errors.complex_step > TOLERANCES.complex_step, "{wrong:?}: {errors:?}");
        assert!(errors.dual > TOLERANCES.dual, "{wrong:?}: {errors:?}");

        let shapes = wrong.inputs().iter().map(|x| x.shape().clone()).collect();
        let result = OpCase::new(wrong, shapes).within(0.25, 0.875).check(1);
        assert!(matches!(result, Err(OpMismatch::Entry { .. })), "{wrong:?}: {result:?}");
    });
}
