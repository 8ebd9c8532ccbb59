//! The smooth twin and the anchored program of a fused cell, and its adjoint where the potentials are kept.

#[cfg(test)]
mod tests;

use super::block::Plane;
use super::recurrence::{Carry, Recurrence, ReverseStep};
use super::{CellOutput, OpResult};
use crate::ResetGradient;
use resurge_tensor::{Scalar, Shape, Tensor};

/// What the spikes of a run are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode<'a, S> {
    Real,
    Smooth,
    /// Around the real run on this current.
    Anchored(&'a [S]),
}

/// A run, row by row of steps.
#[derive(Debug)]
pub(super) struct History<S> {
    potentials: Vec<S>,
    spikes: Vec<S>,
    /// The spikes as the reset sees them, where these are others: equation (8).
    seen: Option<Vec<S>>,
}

impl<S: Scalar> History<S> {
    pub(super) fn run(recurrence: &Recurrence<S>, current: &[S], plane: Plane, mode: Mode<'_, S>) -> Self {
        let Plane { steps, neurons } = plane;
        let base = match mode {
            Mode::Anchored(base) => Some(Self::run(recurrence, base, plane, Mode::Real)),
            _ => None,
        };
        let apart = base.is_some() && recurrence.rule != ResetGradient::Full;
        let zeros = || vec![S::zero(); steps * neurons];
        let mut run = Self { potentials: zeros(), spikes: zeros(), seen: apart.then(zeros) };
        for t in 0..steps {
            let (now, row) = (t * neurons..(t + 1) * neurons, &current[t * neurons..][..neurons]);
            let before = if t == 0 { 0..neurons } else { now.start - neurons..now.start };
            let (past, rest) = run.potentials.split_at_mut(now.start);
            let u = &mut rest[..neurons];
            let past = match (recurrence.rule, &base) {
                (ResetGradient::SpatialOnly, Some(base)) => &base.potentials[..],
                _ => past,
            };
            let seen = run.seen.as_deref().unwrap_or(&run.spikes);
            let past = if t == 0 { &[] } else { &past[before.clone()] };
            recurrence.integrate(t, past, &seen[before], row, u);
            match (&base, mode) {
                (Some(base), _) => run.fire_anchored(recurrence, base, now),
                (None, Mode::Smooth) => {
                    let spikes = run.spikes[now].iter_mut().zip(u);
                    spikes.for_each(|(o, &mut u)| *o = recurrence.surrogate.primitive(recurrence.above(u)));
                }
                (None, _) => recurrence.fire(u, &mut run.spikes[now]),
            }
        }
        run
    }

    fn fire_anchored(&mut self, recurrence: &Recurrence<S>, base: &Self, now: std::ops::Range<usize>) {
        let alpha = S::from_f64(recurrence.rule.alpha());
        for i in now {
            let primitive = |u| recurrence.surrogate.primitive(recurrence.above(u));
            let moved = primitive(self.potentials[i]) - primitive(base.potentials[i]);
            self.spikes[i] = base.spikes[i] + moved;
            if let Some(seen) = &mut self.seen {
                seen[i] = base.spikes[i] + (self.spikes[i] - base.spikes[i]) * alpha;
            }
        }
    }

    fn seen(&self) -> &[S] {
        self.seen.as_deref().unwrap_or(&self.spikes)
    }

    pub(super) fn output(
        &self,
        recurrence: &Recurrence<S>,
        output: CellOutput,
        shape: &Shape,
        plane: Plane,
    ) -> OpResult<Tensor<S>> {
        let mut out = Tensor::from_vec(shape, self.spikes.clone())?;
        if output == CellOutput::Traces {
            let mut trace = vec![S::zero(); plane.neurons];
            for row in out.as_mut_slice().chunks_mut(plane.neurons.max(1)) {
                recurrence.filter(&mut trace, row);
                row.copy_from_slice(&trace);
            }
        }
        Ok(out)
    }

    /// The piece of the surrogate on which each potential lies, if it has pieces.
    pub(super) fn pieces(&self, recurrence: &Recurrence<S>) -> Vec<i8> {
        let piece = |&u: &S| recurrence.surrogate.piece(recurrence.above(u).re());
        self.potentials.iter().map_while(piece).collect()
    }

    pub(super) fn vjp(
        &self,
        recurrence: &Recurrence<S>,
        current: &Tensor<S>,
        cotangent: &Tensor<S>,
        of_traces: bool,
    ) -> OpResult<Tensor<S>> {
        let Plane { steps, neurons } = Plane::of(current);
        let mut out = Tensor::zeros(current.shape())?;
        let mut carry = Carry::new(neurons);
        fn row<S>(values: &[S], neurons: usize, t: usize) -> &[S] {
            &values[t * neurons..][..neurons]
        }
        let gradient = out.as_mut_slice();
        for t in (0..steps).rev() {
            let step = ReverseStep {
                u: row(&self.potentials, neurons, t),
                spikes: Some(row(self.seen(), neurons, t)),
                cotangent: row(cotangent.as_slice(), neurons, t),
                next: (t + 1 < steps).then(|| row(current.as_slice(), neurons, t + 1)),
            };
            recurrence.retreat(&mut carry, &step, of_traces);
            let gate = (t > 0 && recurrence.gates_input()).then(|| row(self.seen(), neurons, t - 1));
            recurrence.current_gradient(&carry.delta, gate, &mut gradient[t * neurons..][..neurons]);
        }
        Ok(out)
    }
}
