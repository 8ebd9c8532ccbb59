//! What is evaluated away from the base point, and the tapes that evaluate it.

use super::AnchoredProgram;
use crate::program::run;
use crate::{Program, Result};
use resurge_autodiff::{AnchorRecord, SpikeMode, Tape};
use resurge_tensor::{Complex, Dual, Tensor};
use std::sync::Arc;

/// What is evaluated away from the base point.
#[derive(Debug)]
pub(super) enum Replay {
    SmoothTwin,
    Anchored {
        real: Arc<AnchorRecord<f64>>,
        dual: Arc<AnchorRecord<Dual<f64>>>,
        complex: Arc<AnchorRecord<Complex<f64>>>,
    },
}

impl Replay {
    /// The record of the real pass that ran on `tape`.
    pub(super) fn of<P: Program>(program: &P, inputs: &[Tensor<f64>], tape: &Tape<f64>) -> Result<Self> {
        let real = tape.anchors();
        Ok(Self::Anchored {
            dual: Arc::new(real.cast()),
            complex: Arc::new(complex_record(program, inputs, &real)?),
            real: Arc::new(real),
        })
    }
}

impl<P> AnchoredProgram<'_, P> {
    pub(super) fn real_tape(&self) -> Tape<f64> {
        match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { real, .. } => Tape::anchored(Arc::clone(real)),
        }
    }

    pub(super) fn nested_tape(&self) -> Tape<Dual<Dual<f64>>> {
        match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { real, .. } => Tape::anchored(Arc::new(real.cast())),
        }
    }

    pub(crate) fn dual_tape(&self) -> Tape<Dual<f64>> {
        match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { dual, .. } => Tape::anchored(Arc::clone(dual)),
        }
    }

    pub(crate) fn complex_tape(&self) -> Tape<Complex<f64>> {
        match &self.replay {
            Replay::SmoothTwin => Tape::with_mode(SpikeMode::Smooth),
            Replay::Anchored { complex, .. } => Tape::anchored(Arc::clone(complex)),
        }
    }
}

/// The record in complex arithmetic. A quotient or a matrix product of complex numbers can differ from that of
/// their real parts in the last bit; differences to anchors from another arithmetic would then not vanish at the
/// base point, and a recurrence that expands would carry the rest into the derivative.
///
/// A program without surrogate operations has nothing to record. Where a potential is so near its threshold that its
/// spike differs, the real record has to do.
fn complex_record<P: Program>(
    program: &P,
    inputs: &[Tensor<f64>],
    real: &AnchorRecord<f64>,
) -> Result<AnchorRecord<Complex<f64>>> {
    if real.is_empty() {
        return Ok(AnchorRecord::default());
    }
    let mut tape = Tape::<Complex<f64>>::new();
    run(program, &mut tape, inputs.iter().map(Tensor::cast).collect())?;
    let record = tape.anchors();
    let close = |a: &Complex<f64>, b: &f64| (a.re - b).abs() <= 1e-6 * b.abs().max(1.0);
    let same = record.len() == real.len()
        && record
            .iter()
            .zip(real.iter())
            .all(|(a, b)| a.output.as_slice().iter().zip(b.output.as_slice()).all(|(a, b)| close(a, b)));
    Ok(if same { record } else { real.cast() })
}
