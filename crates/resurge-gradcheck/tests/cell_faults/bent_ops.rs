//! Every registered operation with its vector-Jacobian product bent in each way that fits.

use resurge_autodiff::ops::{OpCase, RegisteredOp};
use resurge_autodiff::{Anchor, Contribution, Contributions, Op, Result, Vjp};
use resurge_tensor::{Complex, Dual, Scalar, Tensor};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a right vector-Jacobian product is spoilt.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bend {
    Nothing,
    /// Everything times this.
    Times(f64),
    /// The first input gets nothing.
    Drop,
    /// The inputs get each other's.
    Swap,
    /// The entries in reverse order.
    Reverse,
    /// The cotangent of another output entry: everything one place on.
    Rotate,
    /// A gradient where there is none.
    Leak,
}

#[derive(Debug, Clone)]
struct Bent {
    inner: Arc<dyn RegisteredOp>,
    bend: Bend,
    /// Set when the bend has made a difference: the reverse of a constant makes none.
    shows: Arc<AtomicBool>,
}

/// A bend shows when it moves an entry by this. The check's tolerance is 1e-12 of the terms of an entry, which
/// are of order 1, and a hundred at most.
const SHOWS: f64 = 1e-10;

fn bend<S: Scalar>(op: &dyn Op<S>, bend: Bend, at: &Vjp<'_, S>) -> Result<(Contributions<S>, bool)> {
    let right = op.vjp(at)?;
    let mut parts = right.clone();
    match bend {
        Bend::Drop => parts[0] = None,
        Bend::Swap => parts.swap(0, 1),
        Bend::Leak => parts[0] = Some(at.cotangent.clone().into()),
        Bend::Rotate => {
            let mut values = at.cotangent.as_slice().to_vec();
            let places = values.len().min(1);
            values.rotate_left(places);
            let cotangent = Tensor::from_vec(at.cotangent.shape(), values)?;
            parts = op.vjp(&Vjp::new(at.inputs, at.output, &cotangent))?;
        }
        _ => {}
    }
    let spoil = |tensor: Tensor<S>| match bend {
        Bend::Times(factor) => tensor.scale(S::from_f64(factor)),
        Bend::Reverse => {
            let reversed = tensor.as_slice().iter().rev().copied().collect();
            Tensor::from_vec(tensor.shape(), reversed).unwrap()
        }
        _ => tensor,
    };
    let spoilt = parts.into_iter().map(|part| {
        part.map(|part| match part {
            Contribution::Dense(tensor) => Contribution::Dense(spoil(tensor)),
            Contribution::Step { index, value } => Contribution::Step { index, value: spoil(value) },
        })
    });
    let spoilt: Contributions<S> = spoilt.collect();
    let shows = right.iter().zip(&spoilt).any(|(right, spoilt)| {
        let (right, spoilt) = (entries(right), entries(spoilt));
        (0..right.len().max(spoilt.len())).any(|i| {
            let at = |values: &[f64]| values.get(i).copied().unwrap_or(0.0);
            (at(&right) - at(&spoilt)).abs() > SHOWS
        })
    });
    Ok((spoilt, shows))
}

fn entries<S: Scalar>(part: &Option<Contribution<S>>) -> Vec<f64> {
    let tensor = match part {
        None => return Vec::new(),
        Some(Contribution::Dense(tensor)) => tensor,
        Some(Contribution::Step { value, .. }) => value,
    };
    tensor.as_slice().iter().map(|x| x.re()).collect()
}

macro_rules! bent {
    ($($scalar:ty),*) => {$(
        impl Op<$scalar> for Bent {
            fn name(&self) -> &'static str {
                Op::<$scalar>::name(&*self.inner)
            }
            fn forward(&self, inputs: &[&Tensor<$scalar>]) -> Result<Tensor<$scalar>> {
                self.inner.forward(inputs)
            }
            fn vjp(&self, at: &Vjp<'_, $scalar>) -> Result<Contributions<$scalar>> {
                let inner: &dyn Op<$scalar> = &*self.inner;
                let (parts, shows) = bend(inner, self.bend, at)?;
                self.shows.store(shows, Ordering::Relaxed);
                Ok(parts)
            }
            fn is_surrogate(&self) -> bool {
                Op::<$scalar>::is_surrogate(&*self.inner)
            }
            fn anchored(&self, inputs: &[&Tensor<$scalar>], at: &Anchor<$scalar>) -> Result<Tensor<$scalar>> {
                self.inner.anchored(inputs, at)
            }
        }
    )*};
}
bent!(f32, f64, Dual<f64>, Complex<f64>);

/// The bends that an operation can have.
fn bends(case: &OpCase) -> Vec<Bend> {
    if Op::<f64>::stops_gradient(&*case.op) {
        return vec![Bend::Leak];
    }
    let mut bends = vec![
        Bend::Times(-1.0),
        Bend::Times(2.0),
        Bend::Times(1.0 + 1e-8),
        Bend::Drop,
        Bend::Reverse,
        Bend::Rotate,
    ];
    if case.inputs.len() == 2 && case.inputs[0] == case.inputs[1] {
        bends.push(Bend::Swap);
    }
    bends
}

#[test]
fn every_registered_operation_is_rejected_when_bent_and_accepted_as_it_is() {
    let mut faults = BTreeSet::new();
    let mut names = BTreeSet::new();
    let (mut rejected, mut without_effect) = (0, 0);
    for case in [resurge_autodiff::ops::registry(), resurge_snn::registry()].concat() {
        let shows = Arc::new(AtomicBool::new(false));
        let with = |bend| {
            let op = Bent { inner: Arc::clone(&case.op), bend, shows: Arc::clone(&shows) };
            OpCase { op: Arc::new(op), ..case.clone() }
        };
        names.insert(case.name());
        for seed in 0..4 {
            assert_eq!(with(Bend::Nothing).check(seed), Ok(()), "{} {:?}", case.name(), case.inputs);
            for bend in bends(&case) {
                let result = with(bend).check(seed);
                if shows.load(Ordering::Relaxed) {
                    assert!(result.is_err(), "{} {:?} {bend:?}, seed {seed}", case.name(), case.inputs);
                    faults.insert((case.name(), format!("{bend:?}")));
                    rejected += 1;
                } else {
                    without_effect += 1;
                }
            }
        }
    }
    println!(
        "{} faults in {} operations: {rejected} rejected, {without_effect} without effect at the sampled point",
        faults.len(),
        names.len()
    );
    // Every operation has been wrong in some way, and at most points a bend has an effect (not at size 0).
    let wrong: BTreeSet<&str> = faults.iter().map(|(name, _)| *name).collect();
    assert_eq!(wrong, names);
    assert!(faults.len() >= 5 * (names.len() - 2) && rejected >= without_effect);
}
