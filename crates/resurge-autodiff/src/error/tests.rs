//! Every variant of [`AutodiffError`] is the answer to a call that deserves it, and its text names what is wrong.
//!
//! A new variant does not compile here until it is listed, and once listed has to be provoked.

use crate::{AutodiffError, Contributions, Op, Result, Tape, Vjp, expect_inputs};
use resurge_tensor::Tensor;
use std::sync::Arc;

/// The names of the variants, and of the variant of an error.
macro_rules! variants {
    ($error:ident: $($variant:ident),+ $(,)?) => {
        const VARIANTS: &[&str] = &[$(stringify!($variant)),+];

        fn variant(error: &$error) -> &'static str {
            match error {
                $($error::$variant { .. } => stringify!($variant),)+
            }
        }
    };
}

variants!(AutodiffError:
    Tensor, ForeignVariable, NonScalarLoss, NotALeaf, NoGradient, Parameter, InputCount, Contributions, ReplayDiverged
);

/// An operation that forgets to say what flows to its input.
#[derive(Debug)]
struct Silent;

impl Op<f64> for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Result<Tensor<f64>> {
        let [x] = expect_inputs(self.name(), inputs)?;
        Ok(x.clone())
    }

    fn vjp(&self, _at: &Vjp<'_, f64>) -> Result<Contributions<f64>> {
        Ok(Contributions::new())
    }
}

fn provoked() -> Vec<(AutodiffError, &'static str)> {
    let mut tape = Tape::<f64>::new();
    let x = tape.leaf(Tensor::zeros([2, 3]).unwrap());
    let held = tape.detach(x).unwrap();
    let loss = tape.sum(x).unwrap();
    let one = tape.leaf(Tensor::scalar(1.0));
    let silent = tape.apply(Silent, &[one]).unwrap();
    let theirs = Tape::<f64>::new().leaf(Tensor::scalar(1.0));
    let mut replay = Tape::anchored(Arc::new(tape.anchors()));
    let replayed = replay.leaf(Tensor::zeros([2, 3]).unwrap());
    vec![
        (tape.matmul(x, x).unwrap_err(), "[2, 3] times [2, 3]"),
        (tape.value(theirs).unwrap_err(), "value: the variable belongs to another tape"),
        (tape.backward(x).unwrap_err(), "the loss has shape [2, 3]"),
        (tape.backward(loss).unwrap().wrt(loss).unwrap_err(), "sum is not a leaf"),
        (
            tape.adjoints(loss, Tensor::scalar(1.0), &[held]).unwrap_err(),
            "no leaf of the tape enters this detach",
        ),
        (tape.scale_grad(x, f64::NAN).unwrap_err(), "scale_grad: factor is NaN"),
        (tape.apply(Silent, &[]).unwrap_err(), "silent: 0 inputs were given, but it takes 1"),
        (tape.backward(silent).unwrap_err(), "silent: its vjp gave 0 contributions for 1 inputs"),
        (
            replay.scale_grad(replayed, 0.5).unwrap_err(),
            "operation 0 is scale_grad([2, 3]) but detach([2, 3])",
        ),
    ]
}

#[test]
fn every_variant_is_reached_and_names_what_is_wrong() {
    let provoked = provoked();
    for (error, says) in &provoked {
        assert!(error.to_string().contains(says), "{error} does not say {says:?}");
    }
    for name in VARIANTS {
        assert!(provoked.iter().any(|(error, _)| variant(error) == *name), "nothing provokes {name}");
    }
}
