//! The one module that may use `unsafe`: calls into the `gemm` crate, and memory that the system has cleared.
#![allow(unsafe_code)]

use crate::MatRef;
use gemm::Parallelism;
use num_complex::Complex;
use std::sync::Arc;

macro_rules! gemm_kernel {
    ($name:ident, $scalar:ty, $zero:expr, $one:expr) => {
        /// Row-major `out = a b`, or `out += a b` where `add`, on the calling thread.
        pub(crate) fn $name(a: MatRef<'_, $scalar>, b: MatRef<'_, $scalar>, out: &mut [$scalar], add: bool) {
            let (m, k, n) = (a.rows(), a.cols(), b.cols());
            assert_eq!(k, b.rows(), "inner dimensions");
            assert_eq!(out.len(), m * n, "output length");
            if m == 0 || n == 0 || k == 0 {
                if !add {
                    out.fill($zero);
                }
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
                    add,
                    a.data().as_ptr(),
                    a.col_stride() as isize,
                    a.row_stride() as isize,
                    b.data().as_ptr(),
                    b.col_stride() as isize,
                    b.row_stride() as isize,
                    if add { $one } else { $zero },
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

macro_rules! zeroed_kernel {
    ($name:ident, $scalar:ty) => {
        /// So many zeros.
        pub(crate) fn $name(len: usize) -> Arc<[$scalar]> {
            // SAFETY: all bits 0 are the number 0.
            unsafe { Arc::new_zeroed_slice(len).assume_init() }
        }
    };
}

zeroed_kernel!(zeroed_f32, f32);
zeroed_kernel!(zeroed_f64, f64);
