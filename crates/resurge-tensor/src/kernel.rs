//! The one module that may use `unsafe`: calls into the `gemm` crate, and memory that is written once.
#![allow(unsafe_code)]

use crate::MatRef;
use gemm::Parallelism;
use num_complex::Complex;
use std::any::TypeId;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// A part of a tensor under construction, to be written once; see [`Tensor::build`](crate::Tensor::build).
///
/// ```
/// use resurge_tensor::{Tensor, Unfilled};
///
/// let pair = Tensor::build([2], |slots: Unfilled<'_, f64>| slots.fill(&[1.0, 2.0]))?;
/// assert_eq!(pair.as_slice(), &[1.0, 2.0]);
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Debug)]
pub struct Unfilled<'a, S> {
    slots: &'a mut [MaybeUninit<S>],
    filled: &'a AtomicUsize,
    /// Whether the values go past the caches, straight to memory.
    stream: bool,
}

/// Bytes of a tensor that would push everything else out of a cache, and itself, before it is read.
const STREAM: usize = 32 << 20;

impl<'a, S: Copy> Unfilled<'a, S> {
    /// The number of elements.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// Tensor::<f64>::build([2, 3], |slots| {
    ///     assert_eq!(slots.len(), 6);
    ///     slots.fill(&[0.0; 6]);
    /// })?;
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing to write.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// Tensor::<f64>::build([0], |slots| assert!(slots.is_empty()))?;
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The first `count` elements, or all where there are fewer, and the rest.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let halves = Tensor::build([4], |slots| {
    ///     let (left, right) = slots.split_at(2); // to be written by two threads, say
    ///     left.fill(&[1.0, 1.0]);
    ///     right.fill(&[2.0, 2.0]);
    /// })?;
    /// assert_eq!(halves.as_slice(), &[1.0, 1.0, 2.0, 2.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn split_at(self, count: usize) -> (Self, Self) {
        let (left, right) = self.slots.split_at_mut(count.min(self.slots.len()));
        (Self { slots: left, ..self }, Self { slots: right, ..self })
    }

    /// Writes the elements, as many as there are values for. Elements without a value are missing afterwards.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// // A tensor with elements missing is an error, never memory that was not written.
    /// assert!(Tensor::build([2], |slots| slots.fill(&[1.0])).is_err());
    /// ```
    pub fn fill(self, values: &[S]) {
        let count = self.slots.len().min(values.len());
        let (slots, values) = (&mut self.slots[..count], &values[..count]);
        if self.stream {
            stream(slots, values);
        } else {
            write(slots, values);
        }
        self.filled.fetch_add(count, Ordering::Relaxed);
    }

    /// The elements, all `value` so far, to be changed in their place; the part itself where values are to go past the
    /// caches, from where they would be changed.
    pub(crate) fn in_place(self, value: S) -> Result<&'a mut [S], Self> {
        if self.stream {
            return Err(self);
        }
        self.slots.iter_mut().for_each(|slot| {
            slot.write(value);
        });
        self.filled.fetch_add(self.slots.len(), Ordering::Relaxed);
        // SAFETY: every slot has just been written, and a slot has the layout of its value.
        Ok(unsafe { &mut *(std::ptr::from_mut(self.slots) as *mut [S]) })
    }
}

fn write<S: Copy>(slots: &mut [MaybeUninit<S>], values: &[S]) {
    for (slot, &value) in slots.iter_mut().zip(values) {
        slot.write(value);
    }
}

/// Whether these are real numbers: no bit of them is padding, which a number of 16 bytes must not be loaded from. A
/// [`Scalar`](crate::Scalar) may be any type.
fn is_real<S: 'static>() -> bool {
    [TypeId::of::<f32>(), TypeId::of::<f64>()].contains(&TypeId::of::<S>())
}

/// As [`write`], past the caches and for [real numbers](is_real) alone: a line that is about to be overwritten is not
/// read first, which a third of the traffic of a large copy would be.
#[cfg(target_arch = "x86_64")]
fn stream<S: Copy>(slots: &mut [MaybeUninit<S>], values: &[S]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};
    let count = slots.len().min(values.len());
    let per_vector = size_of::<__m128i>() / size_of::<S>().max(1);
    let ahead = slots.as_ptr().align_offset(align_of::<__m128i>());
    if per_vector == 0 || per_vector * size_of::<S>() != size_of::<__m128i>() || ahead > count {
        return write(slots, values);
    }
    let vectors = (count - ahead) / per_vector;
    write(&mut slots[..ahead], &values[..ahead]);
    let (from, to) = (values[ahead..].as_ptr(), slots[ahead..].as_mut_ptr());
    for k in 0..vectors {
        // SAFETY: `ahead + vectors * per_vector <= count`, so both addresses and the 16 bytes behind them lie in their
        // slices, which do not overlap; the target is aligned, since `ahead` elements were skipped for that and a
        // vector holds a whole number of elements. SSE2 is part of every x86-64. `stream` is for `f32` and `f64`, all
        // of whose bits have been written.
        unsafe {
            let value = _mm_loadu_si128(from.add(k * per_vector).cast());
            _mm_stream_si128(to.add(k * per_vector).cast(), value);
        }
    }
    // SAFETY: no more than an instruction; it orders the stores above before what the thread does next, such as
    // telling others that it is done.
    unsafe { _mm_sfence() };
    let done = ahead + vectors * per_vector;
    write(&mut slots[done..], &values[done..]);
}

#[cfg(not(target_arch = "x86_64"))]
fn stream<S: Copy>(slots: &mut [MaybeUninit<S>], values: &[S]) {
    write(slots, values);
}

/// `len` elements as `write` fills them; `Err` with the number of filled ones unless that is all.
pub(crate) fn filled<S: Copy + 'static>(
    len: usize,
    write: impl FnOnce(Unfilled<'_, S>),
) -> Result<Arc<[S]>, usize> {
    let mut data = Arc::<[S]>::new_uninit_slice(len);
    let filled = AtomicUsize::new(0);
    if let Some(slots) = Arc::get_mut(&mut data) {
        let stream = size_of_val(slots) >= STREAM && is_real::<S>();
        write(Unfilled { slots, filled: &filled, stream });
    }
    let filled = filled.into_inner();
    if filled != len {
        return Err(filled);
    }
    // SAFETY: every `Unfilled` is a part of the slots that no other one has, and `fill` or `in_place` consumes it and
    // counts what it has written from its start: `len` in all means that every slot has been written.
    Ok(unsafe { data.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that go past the caches arrive, whatever part of a vector the pieces begin and end with.
    #[test]
    fn large_tensors_are_written_whole_and_in_place() {
        fn check<S: Copy + PartialEq + std::fmt::Debug + 'static>(value: fn(usize) -> S) {
            let len = STREAM / size_of::<S>() + 5;
            let made = filled(len, |mut rest| {
                // Pieces of 1 to 1,000 elements, then one of all that is left.
                let mut first = 0;
                for piece in (1..1000).chain([len]) {
                    let (part, others) = rest.split_at(piece);
                    assert_eq!(part.stream, is_real::<S>());
                    let values: Vec<S> = (first..first + part.len()).map(value).collect();
                    part.fill(&values);
                    (first, rest) = (first + values.len(), others);
                }
                assert!(rest.is_empty());
            });
            let made = made.unwrap();
            assert_eq!(made.len(), len);
            assert!(made.iter().enumerate().all(|(i, &x)| x == value(i)));
        }
        check(|i| i as f32);
        check(|i| i as f64);
        check(|i| num_complex::Complex::new(i as f64, -1.0));
        // Elements that a vector does not hold a whole number of, and none at all.
        check(|i| [i as u8, 1, 2]);
    }

    #[test]
    fn what_is_missing_is_counted() {
        assert_eq!(filled(9, |slots| slots.fill(&[1.0_f64; 7])), Err(7));
        assert_eq!(filled::<f32>(STREAM, |slots| slots.fill(&[1.0; 9])), Err(9));
        assert_eq!(&*filled::<f64>(0, |_| {}).unwrap(), &[0.0; 0]);
    }
}
