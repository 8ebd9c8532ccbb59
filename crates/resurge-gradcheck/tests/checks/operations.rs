//! Operations with a faulty vector-Jacobian product.

use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp};
use resurge_gradcheck::{
    AdjointCheck, GradCheck, HessianCheck, Program, ProgramResult, TaylorCheck, Verdict, check_adjoint,
    check_gradient, check_taylor,
};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

/// `exp` with a faulty vector-Jacobian product.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Sign,
    Scale,
    OneEntry,
    /// Right to first order; the derivative of the product is lost.
    Second,
}

impl<S: Scalar> Op<S> for Fault {
    fn name(&self) -> &'static str {
        "faulty exp"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> resurge_autodiff::Result<Tensor<S>> {
        Ok(inputs[0].map(Scalar::exp))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> resurge_autodiff::Result<Contributions<S>> {
        let mut gradient = at.cotangent.mul(at.output)?;
        match self {
            Self::None => {}
            Self::Sign => gradient = gradient.scale(S::from_f64(-1.0)),
            Self::Scale => gradient = gradient.scale(S::from_f64(1.0 + 1e-6)),
            Self::OneEntry => {
                let entry = &mut gradient.as_mut_slice()[2];
                *entry = *entry * S::from_f64(1.001);
            }
            Self::Second => gradient = at.cotangent.mul(&at.output.map(|y| S::from_f64(y.re())))?,
        }
        Ok(smallvec![Some(gradient.into())])
    }
}

struct Faulty(Fault);

impl Program for Faulty {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let mixed = tape.mul(inputs[0], inputs[1])?;
        let e = tape.apply(self.0, &[mixed])?;
        Ok(tape.sum(e)?)
    }
}

fn points() -> Vec<Tensor<f64>> {
    vec![
        Tensor::from_vec([4], vec![0.3, -0.7, 0.9, 0.1]).unwrap(),
        Tensor::from_vec([4], vec![1.1, 0.6, -0.4, 2.0]).unwrap(),
    ]
}

#[test]
fn a_faulty_operation_is_seen_by_every_check_of_first_order() {
    let passes = |fault| {
        let program = Faulty(fault);
        let full = check_gradient(&program, points()).is_ok();
        let fast = GradCheck::new(&program, points()).directions(4).run().unwrap().passed();
        let adjoint = check_adjoint(&program, points()).is_ok();
        let taylor = TaylorCheck::new(&program, points()).orders(2).run().unwrap().passed();
        [full, fast, adjoint, taylor]
    };
    assert_eq!(passes(Fault::None), [true; 4]);
    for fault in [Fault::Sign, Fault::Scale, Fault::OneEntry] {
        assert_eq!(passes(fault), [false; 4], "{fault:?}");
    }
    // Nothing wrong with the gradient itself.
    assert_eq!(passes(Fault::Second), [true; 4]);
}

#[test]
fn a_fault_of_second_order_is_seen_by_hessian_and_taylor() {
    let hessian = |fault| HessianCheck::new(&Faulty(fault), points()).run().unwrap();
    let right = hessian(Fault::None);
    assert!(right.passed() && right.nested_dual < 1e-14 && right.complex_step < 1e-14, "{right:?}");
    let wrong = hessian(Fault::Second);
    assert!(wrong.verdict == Verdict::Failed && wrong.nested_dual > 1e-3, "{wrong:?}");

    let taylor = TaylorCheck::new(&Faulty(Fault::Second), points()).run().unwrap();
    let verdicts: Vec<Verdict> = taylor.orders.iter().map(|order| order.verdict).collect();
    assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed, Verdict::Failed], "{taylor:?}");
    assert!(check_taylor(&Faulty(Fault::None), points()).is_ok());
    let error = check_taylor(&Faulty(Fault::Second), points()).unwrap_err().to_string();
    assert!(error.contains("order 3: Failed"), "{error}");
}

#[test]
fn an_adjoint_fault_is_located() {
    let report = AdjointCheck::new(&Faulty(Fault::OneEntry), points()).run().unwrap();
    let (_, index) = report.suspect.expect("dual numbers confirm it");
    assert_eq!(index, [2]);
}
