//! Tensors computed part by part, on all threads where it pays.

use crate::{Result, Scalar, Shape, Tensor, Unfilled};
use rayon::prelude::*;

/// Below this many elements it takes longer to wake a thread than to do the work.
pub(crate) const PARALLEL: usize = 1 << 14;

/// A tensor whose parts of `size` elements, of which the last may be shorter, are what `f` makes of zeros. `f` gets the
/// part's position and some `room`, which a thread uses again. Parts are independent, so that the bits do not depend on
/// the number of threads, and one pass over memory is all there is.
pub(crate) fn build<S: Scalar, R>(
    shape: &Shape,
    size: usize,
    parallel: bool,
    room: impl Fn() -> R + Sync,
    f: impl Fn(usize, &mut [S], &mut R) -> Result<()> + Sync,
) -> Result<Tensor<S>> {
    let mut outcome = Ok(());
    let tensor = Tensor::build(shape, |mut rest| {
        let mut parts = Vec::with_capacity(rest.len() / size.max(1) + 1);
        while !rest.is_empty() {
            let (part, others) = rest.split_at(size.max(1));
            parts.push(part);
            rest = others;
        }
        let rooms = || (Vec::new(), room());
        let run = |(values, room): &mut (Vec<S>, R), (index, part): (usize, Unfilled<'_, S>)| match part
            .in_place(S::zero())
        {
            Ok(values) => f(index, values, room),
            Err(part) => {
                values.clear();
                values.resize(part.len(), S::zero());
                f(index, values, room)?;
                part.fill(values);
                Ok(())
            }
        };
        outcome = if parallel {
            parts.into_par_iter().enumerate().try_for_each_init(rooms, run)
        } else {
            let mut room = rooms();
            parts.into_iter().enumerate().try_for_each(|part| run(&mut room, part))
        };
    });
    // An error of a part is the reason why elements are missing.
    outcome.and(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorError;

    #[test]
    fn parts_come_in_their_places_with_a_shorter_last_one() {
        for parallel in [false, true] {
            let tensor = build(
                &[2, 5].into(),
                4,
                parallel,
                || (),
                |part, out: &mut [f64], ()| {
                    out.iter_mut().enumerate().for_each(|(i, x)| *x += (10 * part + i) as f64);
                    Ok(())
                },
            );
            assert_eq!(tensor.unwrap().as_slice(), &[0., 1., 2., 3., 10., 11., 12., 13., 20., 21.]);
        }
    }

    #[test]
    fn the_error_of_a_part_is_returned() {
        let error = TensorError::TooLarge { shape: [3].into() };
        let failed = build(
            &[8].into(),
            2,
            true,
            || (),
            |part, _: &mut [f32], ()| match part {
                2 => Err(error.clone()),
                _ => Ok(()),
            },
        );
        assert_eq!(failed, Err(error));
    }
}
