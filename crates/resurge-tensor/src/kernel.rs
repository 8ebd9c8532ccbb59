//! The one module of this crate that may use `unsafe`: calls into the `gemm` crate.
#![allow(unsafe_code)]

use crate::MatRef;
use gemm::Parallelism;
use num_complex::Complex;

macro_rules! gemm_kernel {
    ($name:ident, $scalar:ty, $zero:expr, $one:expr) => {
        /// Row-major `out = a b`, on the calling thread.
        pub(crate) fn $name(a: MatRef<'_, $scalar>, b: MatRef<'_, $scalar>, out: &mut [$scalar]) {
            let (m, k, n) = (a.rows(), a.cols(), b.cols());
            assert_eq!(k, b.rows(), "inner dimensions");
            assert_eq!(out.len(), m * n, "output length");
            if m == 0 || n == 0 || k == 0 {
                out.fill($zero);
                return;
            }
            // SAFETY: `MatRef` guarantees that every (row, column) within its bounds addresses its slice; `out`
            // is row-major with m * n elements (asserted) and, being a unique borrow, overlaps neither input.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    out.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a.data().as_ptr(),
                    a.col_stride() as isize,
                    a.row_stride() as isize,
                    b.data().as_ptr(),
                    b.col_stride() as isize,
                    b.row_stride() as isize,
                    $zero,
                    $one,
                    false,
                    false,
                    false,
                    Parallelism::None,
                );
            }
        }
    };
}

gemm_kernel!(gemm_f32, f32, 0.0, 1.0);
gemm_kernel!(gemm_f64, f64, 0.0, 1.0);
gemm_kernel!(gemm_c64, Complex<f64>, Complex::new(0.0, 0.0), Complex::new(1.0, 0.0));
