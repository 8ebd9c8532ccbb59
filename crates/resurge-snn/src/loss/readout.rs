//! What reads a membrane potential out: one value per neuron from a sequence.

use super::cross_entropy;
use crate::sequence::sequence;
use crate::table::words;
use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Scalar;

/// How a sequence becomes one value per neuron.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Readout, readout};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let u = tape.leaf(Tensor::from_vec([2, 1, 1], vec![3.0, 1.0])?);
/// let largest = readout(&mut tape, u, Readout::Max)?;
/// assert_eq!(tape.value(largest)?.item(), Some(3.0));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Readout {
    /// The sum over time.
    Sum,
    /// The mean over time.
    Mean,
    /// The last step's.
    Last,
    /// The maximum over time; the gradient goes to the step that has it, of equals to the first.
    Max,
    /// Every step's: the sequence as it is, not one value per neuron.
    All,
}

words!("readout", Readout { Sum = "sum", Mean = "mean", Last = "last", Max = "max", All = "all" });

/// Reads potentials `[T, B, N]` out: `[B, N]`, or `[T, B, N]` for [`Readout::All`]. Further axes are
/// kept, too.
///
/// # Errors
/// [`SnnError::Sequence`] for an input without time and batch axes or without steps.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Readout, readout};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let u = tape.leaf(Tensor::from_vec([3, 1, 1], vec![0.5, 2.0, 0.5])?);
/// for (kind, expected) in [(Readout::Last, 0.5), (Readout::Max, 2.0), (Readout::Mean, 1.0)] {
///     let value = readout(&mut tape, u, kind)?;
///     assert_eq!(tape.value(value)?.as_slice(), &[expected]);
/// }
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn readout<S: Scalar>(tape: &mut Tape<S>, potentials: Var, kind: Readout) -> Result<Var> {
    let shape = sequence(tape, potentials, "readout")?;
    let Some(last) = shape[0].checked_sub(1) else {
        return Err(SnnError::Sequence { what: "readout", shape });
    };
    Ok(match kind {
        Readout::All => potentials,
        Readout::Sum => tape.sum_axis(potentials, 0)?,
        Readout::Last => tape.select(potentials, last)?,
        Readout::Max => tape.max_axis(potentials, 0)?,
        Readout::Mean => {
            let sum = tape.sum_axis(potentials, 0)?;
            tape.scale(sum, 1.0 / shape[0] as f64)?
        }
    })
}

/// [`cross_entropy`] of a readout of potentials `[T, B, N]`, one class per sample.
///
/// # Errors
/// As [`readout`] and [`cross_entropy`].
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Readout, readout_cross_entropy};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let u = tape.leaf(Tensor::from_vec([2, 1, 2], vec![9.0, 0.0, 1.0, 1.0])?);
/// let loss = readout_cross_entropy(&mut tape, u, Readout::Last, &[0])?;
/// assert!((tape.value(loss)?.as_slice()[0] - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn readout_cross_entropy<S: Scalar>(
    tape: &mut Tape<S>,
    potentials: Var,
    kind: Readout,
    classes: &[usize],
) -> Result<Var> {
    let logits = readout(tape, potentials, kind)?;
    cross_entropy(tape, logits, classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_tensor::Tensor;

    #[test]
    fn gradients_go_where_the_value_came_from() {
        let expected = [
            (Readout::Sum, [1.0; 6]),
            (Readout::All, [1.0; 6]),
            (Readout::Last, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]),
            (Readout::Max, [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
            (Readout::Mean, [1.0 / 3.0; 6]),
        ];
        for (kind, expected) in expected {
            let mut tape = Tape::new();
            let u = tape.leaf(Tensor::from_vec([3, 1, 2], vec![0.0, 4.0, 3.0, 4.0, 1.0, 2.0]).unwrap());
            let value = readout(&mut tape, u, kind).unwrap();
            let loss = tape.sum(value).unwrap();
            let gradients = tape.backward(loss).unwrap();
            assert_eq!(gradients.wrt(u).unwrap().as_slice(), &expected, "{}", kind.name());
        }
    }

    #[test]
    fn a_sum_is_one_value_and_all_is_the_sequence_itself() {
        let mut tape = Tape::new();
        let u = tape.leaf(Tensor::from_vec([2, 1, 2], vec![1.0, 2.0, 4.0, 8.0]).unwrap());
        let sum = readout(&mut tape, u, Readout::Sum).unwrap();
        assert_eq!(tape.value(sum).unwrap(), &Tensor::from_vec([1, 2], vec![5.0, 10.0]).unwrap());
        let all = readout(&mut tape, u, Readout::All).unwrap();
        assert_eq!(tape.value(all).unwrap(), tape.value(u).unwrap());
    }

    #[test]
    fn names_and_errors() {
        let names: Vec<_> = Readout::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names, ["sum", "mean", "last", "max", "all"]);
        let mut tape = Tape::<f64>::new();
        for &kind in Readout::ALL {
            for shape in [&[3][..], &[0, 2, 3]] {
                let u = tape.leaf(Tensor::zeros(shape).unwrap());
                let error = readout(&mut tape, u, kind).unwrap_err();
                assert!(matches!(error, SnnError::Sequence { what: "readout", .. }));
            }
            let u = tape.leaf(Tensor::zeros([2, 1, 3]).unwrap());
            let error = readout_cross_entropy(&mut tape, u, kind, &[3]).unwrap_err();
            match kind {
                Readout::All => assert!(matches!(error, SnnError::Axes { what: "cross-entropy", .. })),
                _ => assert_eq!(error, SnnError::Class { sample: 0, class: 3, count: 3 }),
            }
        }
    }
}
