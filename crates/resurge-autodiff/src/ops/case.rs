//! An operation with inputs on which to check it.

use crate::Op;
use resurge_tensor::{Complex, Dual, Shape, Window2d};
use std::sync::Arc;

/// An operation over every scalar on which programs are evaluated.
pub trait RegisteredOp: Op<f32> + Op<f64> + Op<Dual<f64>> + Op<Complex<f64>> {}

impl<T: Op<f32> + Op<f64> + Op<Dual<f64>> + Op<Complex<f64>>> RegisteredOp for T {}

/// An operation with the shapes and the range of its inputs: one row of a registry.
#[derive(Debug, Clone)]
pub struct OpCase {
    /// The operation.
    pub op: Arc<dyn RegisteredOp>,
    /// The shape of each input.
    pub inputs: Vec<Shape>,
    /// The interval from which input values are drawn.
    pub domain: (f64, f64),
}

impl OpCase {
    /// An operation on inputs of the given shapes, with values in `-2..2`.
    pub fn new(op: impl RegisteredOp + 'static, inputs: Vec<Shape>) -> Self {
        Self { op: Arc::new(op), inputs, domain: (-2.0, 2.0) }
    }

    /// The same with input values drawn from another interval.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { domain: (low, high), ..self }
    }

    /// The operation's name.
    pub fn name(&self) -> &'static str {
        Op::<f64>::name(&*self.op)
    }
}

/// Shapes for an elementwise operation of one input: none, one and several axes, sizes 0 and 1.
pub(super) fn unary_shapes() -> Vec<Vec<Shape>> {
    vec![
        vec![Shape::scalar()],
        vec![[1].into()],
        vec![[0].into()],
        vec![[7].into()],
        vec![[2, 3].into()],
        vec![[2, 1, 3].into()],
        vec![[2, 0, 3].into()],
    ]
}

/// Shapes for an elementwise operation of two inputs: equal, and broadcast either way or both.
pub(super) fn binary_shapes() -> Vec<Vec<Shape>> {
    vec![
        vec![Shape::scalar(), Shape::scalar()],
        vec![[3].into(), Shape::scalar()],
        vec![Shape::scalar(), [2, 2].into()],
        vec![[2, 3].into(), [2, 3].into()],
        vec![[2, 3].into(), [3].into()],
        vec![[1].into(), [2, 3].into()],
        vec![[2, 1].into(), [1, 3].into()],
        vec![[2, 1, 3].into(), [4, 1].into()],
        vec![[0, 3].into(), [3].into()],
        vec![[2, 0].into(), [2, 1].into()],
    ]
}

/// Windows with images on which to pool: adjoining, overlapping, padded, cut off, sizes 0 and 1.
pub(super) fn pool_cases() -> impl Iterator<Item = (Window2d, Shape)> {
    let cases: [(Window2d, [usize; 4]); 6] = [
        (Window2d::new([1, 1]), [1, 1, 1, 1]),
        (Window2d::new([2, 2]), [2, 3, 4, 2]),
        (Window2d::new([2, 3]), [1, 2, 3, 7]),
        (Window2d::new([3, 2]).with_stride([1, 2]).with_padding([2, 1]), [1, 2, 4, 3]),
        (Window2d::new([2, 2]), [0, 2, 2, 2]),
        (Window2d::new([2, 2]).with_stride([1, 1]), [1, 0, 3, 3]),
    ];
    cases.into_iter().map(|(window, shape)| (window, shape.into()))
}
