//! An operation with inputs on which to check it.

use crate::Op;
use resurge_tensor::{Complex, Dual, Shape, Window2d};
use std::sync::Arc;

/// An operation over every scalar on which programs are evaluated.
///
/// ```
/// use resurge_autodiff::Op;
/// use resurge_autodiff::ops::{RegisteredOp, registry};
///
/// fn name_of(op: &dyn RegisteredOp) -> &'static str {
///     Op::<f64>::name(op)
/// }
/// let case = &registry()[0];
/// assert_eq!(name_of(&*case.op), case.name());
/// ```
pub trait RegisteredOp: Op<f32> + Op<f64> + Op<Dual<f64>> + Op<Complex<f64>> {}

impl<T: Op<f32> + Op<f64> + Op<Dual<f64>> + Op<Complex<f64>>> RegisteredOp for T {}

/// An operation with the shapes and the range of its inputs: one row of a registry.
///
/// ```
/// use resurge_autodiff::ops::registry;
///
/// // Every operation of this crate is held against its full Jacobian.
/// let case = registry().into_iter().find(|case| case.name() == "matmul").ok_or("no such operation")?;
/// assert_eq!(case.inputs.len(), 2);
/// case.check(1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    ///
    /// ```
    /// use resurge_autodiff::ops::OpCase;
    /// use resurge_autodiff::{Contributions, Op, Vjp, smallvec};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # use resurge_autodiff::Result;
    /// # #[derive(Debug, Clone, Copy)]
    /// # struct Cube;
    /// # impl<S: Scalar> Op<S> for Cube {
    /// #     fn name(&self) -> &'static str { "cube" }
    /// #     fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
    /// #         Ok(inputs[0].map(|x| x * x * x))
    /// #     }
    /// #     fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
    /// #         let slope = at.inputs[0].map(|x| S::from_f64(3.0) * x * x);
    /// #         Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
    /// #     }
    /// # }
    /// OpCase::new(Cube, vec![[2, 3].into()]).check(1).unwrap();
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn new(op: impl RegisteredOp + 'static, inputs: Vec<Shape>) -> Self {
        Self { op: Arc::new(op), inputs, domain: (-2.0, 2.0) }
    }

    /// The same with input values drawn from another interval.
    ///
    /// ```
    /// use resurge_autodiff::ops::registry;
    ///
    /// let case = registry().into_iter().find(|case| case.name() == "sqrt").unwrap();
    /// let far = case.within(100.0, 200.0);
    /// assert_eq!(far.domain, (100.0, 200.0));
    /// far.check(1).unwrap();
    /// ```
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { domain: (low, high), ..self }
    }

    /// The operation's name.
    ///
    /// ```
    /// use resurge_autodiff::ops::registry;
    ///
    /// assert!(registry().iter().any(|case| case.name() == "log_softmax"));
    /// ```
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
