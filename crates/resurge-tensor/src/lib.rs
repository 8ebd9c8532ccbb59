//! Dense, row-major tensors over the scalars that gradient checking needs.
//!
//! This crate knows nothing of gradients. It provides
//!
//! * [`Scalar`]: the arithmetic that one forward pass needs, implemented by `f32`, `f64`,
//!   [`Complex<f64>`](num_complex::Complex) (complex step), [`Dual`] (forward mode) and [`Bounded`] (running error
//!   bounds);
//! * [`Shape`] and [`Tensor`]: contiguous row-major arrays, cheap to clone, with NumPy broadcasting;
//! * [`Conv2d`] and [`Window2d`]: convolution and pooling of images `[M, C, H, W]`;
//! * [`TensorError`]: what is wrong with a shape, by name, and what would be right.
//!
//! Shapes are written time-major throughout Resurge: `[T, B, features...]`.
//!
//! ```
//! use resurge_tensor::Tensor;
//!
//! let weights = Tensor::from_vec([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
//! let input = Tensor::from_vec([1, 3], vec![1.0, 0.0, -1.0])?;
//! let current = input.matmul(&weights.transpose()?)?;
//! assert_eq!(current.as_slice(), &[-2.0, -2.0]);
//! # Ok::<(), resurge_tensor::TensorError>(())
//! ```

mod bounded;
mod broadcast;
mod complex;
mod conv;
mod dual;
mod error;
mod kernel;
mod layout;
mod matmul;
mod parts;
mod reduce;
mod scalar;
mod shape;
mod tensor;
mod window;

pub use bounded::Bounded;
pub use conv::Conv2d;
pub use dual::Dual;
pub use error::TensorError;
pub use kernel::Unfilled;
pub use matmul::MatRef;
pub use num_complex::Complex;
pub use scalar::Scalar;
pub use shape::Shape;
pub use tensor::Tensor;
pub use window::Window2d;

/// The result of a tensor operation.
///
/// ```
/// use resurge_tensor::Tensor;
///
/// fn two() -> resurge_tensor::Result<Tensor<f64>> {
///     Tensor::full([1], 2.0)
/// }
/// assert_eq!(two()?.item(), Some(2.0));
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
pub type Result<T> = std::result::Result<T, TensorError>;
