//! Matrix products and transposes.

use crate::{Result, Scalar, Shape, Tensor, TensorError, parts};

/// Multiplications above which a product is spread over threads.
const LARGE: usize = 1 << 21;
/// Rows of a product that a thread takes at a time.
const ROWS: usize = 64;

/// A borrowed matrix: a slice with the strides that address it. Transposing swaps the strides.
///
/// Invariant: every `(row, column)` within bounds addresses an element of the slice.
///
/// ```
/// use resurge_tensor::MatRef;
///
/// let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let wide = MatRef::new(&values, 2, 3).ok_or("six values are two rows of three")?;
/// assert_eq!((wide.rows(), wide.cols()), (2, 3));
/// assert_eq!((wide.t().rows(), wide.t().cols()), (3, 2));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a, S> {
    data: &'a [S],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, S> MatRef<'a, S> {
    /// The row-major matrix of `rows * cols` values; `None` when the slice has another length.
    ///
    /// ```
    /// use resurge_tensor::MatRef;
    ///
    /// assert!(MatRef::new(&[1.0, 2.0], 1, 2).is_some());
    /// assert!(MatRef::new(&[1.0, 2.0], 2, 2).is_none());
    /// ```
    pub fn new(data: &'a [S], rows: usize, cols: usize) -> Option<Self> {
        (rows.checked_mul(cols) == Some(data.len())).then_some(Self {
            data,
            rows,
            cols,
            row_stride: cols,
            col_stride: 1,
        })
    }

    /// The transposed matrix, without copying.
    ///
    /// ```
    /// use resurge_tensor::MatRef;
    ///
    /// let row = MatRef::new(&[1.0, 2.0], 1, 2).unwrap();
    /// assert_eq!((row.t().rows(), row.t().data()), (2, row.data()));
    /// ```
    #[must_use]
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// At most `count` rows from `first` on.
    fn rows_from(self, first: usize, count: usize) -> Self {
        let first = first.min(self.rows);
        let data = self.data.get(first * self.row_stride..).unwrap_or(&[]);
        Self { data, rows: count.min(self.rows - first), ..self }
    }

    /// The number of rows.
    ///
    /// ```
    /// use resurge_tensor::MatRef;
    ///
    /// assert_eq!(MatRef::new(&[1.0, 2.0], 1, 2).unwrap().rows(), 1);
    /// ```
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    ///
    /// ```
    /// use resurge_tensor::MatRef;
    ///
    /// assert_eq!(MatRef::new(&[1.0, 2.0], 1, 2).unwrap().cols(), 2);
    /// ```
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The underlying values, in storage order.
    ///
    /// ```
    /// use resurge_tensor::MatRef;
    ///
    /// assert_eq!(MatRef::new(&[1.0, 2.0], 1, 2).unwrap().data(), &[1.0, 2.0]);
    /// ```
    pub fn data(&self) -> &'a [S] {
        self.data
    }

    /// The distance in the slice from a row to the next.
    ///
    /// ```
    /// use resurge_tensor::MatRef;
    ///
    /// let matrix = MatRef::new(&[1.0; 6], 2, 3).unwrap();
    /// assert_eq!((matrix.row_stride(), matrix.t().row_stride()), (3, 1));
    /// ```
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// The distance in the slice from a column to the next.
    ///
    /// ```
    /// use resurge_tensor::MatRef;
    ///
    /// let matrix = MatRef::new(&[1.0; 6], 2, 3).unwrap();
    /// assert_eq!((matrix.col_stride(), matrix.t().col_stride()), (1, 3));
    /// ```
    pub fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// The same layout over other values of the same number.
    pub(crate) fn with_data<'b, R>(&self, data: &'b [R]) -> MatRef<'b, R> {
        assert_eq!(data.len(), self.data.len(), "storage length");
        MatRef {
            data,
            rows: self.rows,
            cols: self.cols,
            row_stride: self.row_stride,
            col_stride: self.col_stride,
        }
    }
}

impl<S: Scalar> Tensor<S> {
    /// The matrix product of `[m, k]` and `[k, n]`: a tensor of shape `[m, n]`.
    ///
    /// # Errors
    /// [`TensorError::Rank`] unless both are matrices, [`TensorError::InnerDimension`] unless their inner
    /// dimensions agree.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let a = Tensor::from_vec([1, 2], vec![1.0, 2.0])?;
    /// let b = Tensor::from_vec([2, 2], vec![1.0, 0.0, 0.0, -1.0])?;
    /// assert_eq!(a.matmul(&b)?.as_slice(), &[1.0, -2.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn matmul(&self, other: &Tensor<S>) -> Result<Tensor<S>> {
        self.matmul_transposed(false, other, false)
    }

    /// The product of `self` and `other`, each transposed first where its flag says so, without a copy.
    ///
    /// # Errors
    /// As [`matmul`](Tensor::matmul), for the shapes after transposition.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// // A linear layer: input [B, N_in] times the transpose of weights [N_out, N_in].
    /// let input = Tensor::from_vec([1, 2], vec![1.0, 1.0])?;
    /// let weights = Tensor::from_vec([3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    /// assert_eq!(input.matmul_transposed(false, &weights, true)?.as_slice(), &[3.0, 7.0, 11.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn matmul_transposed(&self, t_self: bool, other: &Tensor<S>, t_other: bool) -> Result<Tensor<S>> {
        let a = self.as_matrix("matmul")?;
        let b = other.as_matrix("matmul")?;
        let a = if t_self { a.t() } else { a };
        let b = if t_other { b.t() } else { b };
        if a.cols() != b.rows() {
            return Err(TensorError::InnerDimension {
                left: [a.rows(), a.cols()].into(),
                right: [b.rows(), b.cols()].into(),
            });
        }
        let shape = Shape::from([a.rows(), b.cols()]);
        // Whole rows to a thread, so many at a time whatever the number of threads: the same bits for any.
        let large = shape.checked_len()?.saturating_mul(a.cols()) >= LARGE && a.rows() > ROWS;
        if !large {
            let mut out = Tensor::zeros(shape)?;
            S::matmul_into(a, b, out.as_mut_slice());
            return Ok(out);
        }
        parts::build(
            &shape,
            ROWS * b.cols(),
            true,
            || (),
            |part, out, ()| {
                S::matmul_into(a.rows_from(part * ROWS, ROWS), b, out);
                Ok(())
            },
        )
    }

    /// The transposed matrix, as a copy.
    ///
    /// # Errors
    /// [`TensorError::Rank`] unless the tensor has two axes.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let matrix = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// assert_eq!(matrix.transpose()?.as_slice(), &[1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn transpose(&self) -> Result<Tensor<S>> {
        self.as_matrix("transpose")?;
        self.permute(&[1, 0])
    }

    fn as_matrix(&self, op: &'static str) -> Result<MatRef<'_, S>> {
        let &[rows, cols] = &self.shape()[..] else {
            return Err(TensorError::Rank { op, expected: 2, actual: self.shape().clone() });
        };
        MatRef::new(self.as_slice(), rows, cols)
            .ok_or_else(|| TensorError::TooLarge { shape: self.shape().clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dual;
    use num_complex::Complex;

    fn numbers<S: Scalar>(shape: [usize; 2], of: fn(f64, f64) -> S) -> Tensor<S> {
        Tensor::from_fn(shape, |i| of((i as f64 * 0.7).sin(), (i as f64 * 1.3).cos())).unwrap()
    }

    fn naive<S: Scalar>(a: &Tensor<S>, b: &Tensor<S>) -> Tensor<S> {
        let (m, k, n) = (a.shape()[0], a.shape()[1], b.shape()[1]);
        Tensor::from_fn([m, n], |i| {
            let mut sum = S::zero();
            for j in 0..k {
                sum += a.as_slice()[i / n * k + j] * b.as_slice()[j * n + i % n];
            }
            sum
        })
        .unwrap()
    }

    fn check<S: Scalar>(of: fn(f64, f64) -> S, size: fn(S) -> f64, tolerance: f64) {
        for [m, k, n] in [[1, 1, 1], [3, 5, 2], [17, 9, 33], [1, 40, 1], [0, 3, 2], [3, 0, 2], [3, 2, 0]] {
            let (a, b) = (numbers([m, k], of), numbers([k, n], of));
            let expected = naive(&a, &b);
            let (at, bt) = (a.transpose().unwrap(), b.transpose().unwrap());
            for (x, tx, y, ty) in [
                (&a, false, &b, false),
                (&at, true, &b, false),
                (&a, false, &bt, true),
                (&at, true, &bt, true),
            ] {
                let product = x.matmul_transposed(tx, y, ty).unwrap();
                assert_eq!(product.shape(), expected.shape());
                for (p, e) in product.as_slice().iter().zip(expected.as_slice()) {
                    // Each term is at most 2 in size, and a sum of k of them errs by at most k ulps of each.
                    assert!(size(*p - *e) <= tolerance * 2.0 * k as f64, "{p:?} against {e:?}");
                }
            }
        }
    }

    #[test]
    fn products_of_every_scalar_agree_with_the_definition() {
        check::<f32>(|x, _| x as f32, |d| f64::from(d).abs(), f64::from(f32::EPSILON));
        check::<f64>(|x, _| x, f64::abs, f64::EPSILON);
        check::<Complex<f64>>(Complex::new, Complex::norm, 2.0 * f64::EPSILON);
        check::<Dual<f64>>(Dual::new, |d| d.re.abs().max(d.eps.abs()), 2.0 * f64::EPSILON);
    }

    #[test]
    fn the_value_of_a_dual_product_is_the_real_product_to_the_bit() {
        let (a, b) = (numbers([5, 37], Dual::new), numbers([37, 6], Dual::new));
        let real = |t: &Tensor<Dual<f64>>| t.map(|x| x.re);
        assert_eq!(real(&a.matmul(&b).unwrap()), real(&a).matmul(&real(&b)).unwrap());
    }

    /// Whole numbers, so that every order of the sums gives the same bits.
    fn whole<S: Scalar>(shape: [usize; 2], step: usize) -> Tensor<S> {
        Tensor::from_fn(shape, |i| S::from_f64(((i * step) % 7) as f64 - 3.0)).unwrap()
    }

    /// On all threads, and written past the caches.
    #[test]
    fn a_large_product_has_the_rows_of_small_ones() {
        fn check<S: Scalar>() {
            let (a, b) = (whole::<S>([2103, 3], 3), whole::<S>([3, 4000], 5));
            let product = a.matmul(&b).unwrap();
            for row in [0, 63, 64, 1000, 2102] {
                let left = Tensor::from_vec([1, 3], a.as_slice()[3 * row..][..3].to_vec()).unwrap();
                let alone = left.matmul(&b).unwrap();
                assert_eq!(&product.as_slice()[4000 * row..][..4000], alone.as_slice(), "row {row}");
            }
        }
        check::<f32>();
        check::<f64>();
    }

    #[test]
    fn a_product_is_added_to_what_is_there() {
        fn check<S: Scalar>() {
            let (a, b) = (whole::<S>([5, 9], 3), whole::<S>([9, 4], 5));
            let sums: Vec<S> = (0..20).map(|i| S::from_f64(f64::from(i))).collect();
            let mut added = sums.clone();
            let views = (MatRef::new(a.as_slice(), 5, 9).unwrap(), MatRef::new(b.as_slice(), 9, 4).unwrap());
            S::matmul_add_into(views.0, views.1, &mut added);
            let product = a.matmul(&b).unwrap();
            let expected: Vec<S> = sums.iter().zip(product.as_slice()).map(|(&s, &x)| s + x).collect();
            assert_eq!(added, expected);
        }
        check::<f32>();
        check::<f64>();
        check::<Complex<f64>>();
        check::<Dual<f64>>();
    }

    #[test]
    fn mismatched_operands_are_named() {
        let (a, v) = (Tensor::<f64>::zeros([2, 3]).unwrap(), Tensor::<f64>::zeros([3]).unwrap());
        assert_eq!(
            a.matmul(&a).unwrap_err(),
            TensorError::InnerDimension { left: [2, 3].into(), right: [2, 3].into() }
        );
        assert!(matches!(a.matmul(&v), Err(TensorError::Rank { op: "matmul", expected: 2, .. })));
        assert!(matches!(v.transpose(), Err(TensorError::Rank { op: "transpose", .. })));
        assert!(MatRef::new(&[0.0; 5], 2, 3).is_none());
    }
}
