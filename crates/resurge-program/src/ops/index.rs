//! What the operations that move numbers share: reading from positions, and adding to them.

use super::TapeResult;
use resurge_tensor::{Scalar, Shape, Tensor};

/// The numbers at these positions.
pub(super) fn gather<S: Scalar>(x: &Tensor<S>, shape: &Shape, at: &[usize]) -> TapeResult<Tensor<S>> {
    let data = x.as_slice();
    Ok(Tensor::from_vec(shape, at.iter().map(|&i| data[i]).collect())?)
}

/// Zeros of this shape, to which the numbers are added at these positions.
pub(super) fn scatter<S: Scalar>(x: &Tensor<S>, shape: &Shape, at: &[usize]) -> TapeResult<Tensor<S>> {
    let mut sum = Tensor::zeros(shape)?;
    let slots = sum.as_mut_slice();
    at.iter().zip(x.as_slice()).for_each(|(&i, &x)| slots[i] += x);
    Ok(sum)
}

/// `base` with the numbers of `x` at these positions.
pub(super) fn placed<S: Scalar>(base: &Tensor<S>, x: &Tensor<S>, at: &[usize]) -> Tensor<S> {
    let mut out = base.clone();
    let slots = out.as_mut_slice();
    at.iter().zip(x.as_slice()).for_each(|(&i, &x)| slots[i] = x);
    out
}

/// A view: where in row-major data each of its numbers lies.
pub(super) fn positions(shape: &[usize], offset: usize, strides: &[usize]) -> Vec<usize> {
    let mut at = vec![offset];
    if super::elements(shape) == 0 {
        return Vec::new();
    }
    for (&extent, &stride) in shape.iter().zip(strides) {
        at = at.iter().flat_map(|&start| (0..extent).map(move |i| start + i * stride)).collect();
    }
    at
}

/// Whether a view of data of this size stays within it.
pub(super) fn check_view(
    shape: &[usize],
    offset: usize,
    strides: &[usize],
    len: usize,
) -> Result<(), String> {
    if shape.len() != strides.len() {
        return Err(format!("shape {shape:?} and strides {strides:?} have different lengths"));
    }
    if super::elements(shape) == 0 {
        return Ok(());
    }
    let steps = shape.iter().zip(strides).try_fold(offset, |last, (&extent, &stride)| {
        (extent - 1).checked_mul(stride).and_then(|reach| last.checked_add(reach))
    });
    match steps {
        Some(last) if last < len => Ok(()),
        _ => Err(format!(
            "shape {shape:?}, offset {offset} and strides {strides:?} leave the {len} numbers of its input"
        )),
    }
}

/// Row-major strides.
pub(super) fn contiguous(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
    }
    strides
}
