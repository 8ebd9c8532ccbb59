//! What of a program a run reaches: inputs, spikes, and numbers that are not finite.

use super::AnchoredProgram;
use crate::{GradcheckError, Origin, Program, Result};
use resurge_autodiff::{Node, Tape, Var};
use resurge_tensor::Tensor;

impl<P: Program> AnchoredProgram<'_, P> {
    /// For each input, whether its gradient reaches it from the output at all, by way of operations that pass one on.
    pub(crate) fn entering(&self) -> Result<Vec<bool>> {
        let nodes = self.tape.nodes();
        let mut enters = vec![false; nodes.len()];
        let output = self.tape.position(self.output)?;
        enters[output] = true;
        for index in (0..=output).rev() {
            let stops = nodes[index].op().is_some_and(|op| op.stops_gradient());
            if enters[index] && !stops {
                nodes[index].parents().iter().for_each(|&p| enters[p] = true);
            }
        }
        self.leaves.iter().map(|&leaf| Ok(enters[self.tape.position(leaf)?])).collect()
    }

    /// Whether any spike occurs; none where the program has none that could.
    pub(crate) fn spikes(&self) -> Option<bool> {
        let all = self.tape.nodes();
        // `detach` and `scale_grad` are surrogate operations, too, but pass their input on as it is.
        let passes = |node: &Node<f64>| node.parents().iter().all(|&p| all[p].value() == node.value());
        let spikes = all.iter().filter(|n| n.op().is_some_and(|op| op.is_surrogate()) && !passes(n));
        let mut outputs = spikes.map(|node| node.value().as_slice()).peekable();
        outputs.peek()?;
        Some(outputs.flatten().any(|&o| o != 0.0))
    }
}

/// Where a number that is not finite comes from: the operation, and the first entry of an input that is none itself, or else
/// whose gradient it spoils.
pub(super) fn non_finite(
    what: &'static str,
    tape: &Tape<f64>,
    leaves: &[Var],
    output: Var,
    cotangent: &Tensor<f64>,
) -> Result<GradcheckError> {
    let operation = tape.non_finite(output, cotangent.clone())?;
    let gradients = tape.vjp(output, cotangent.clone())?;
    let mut input = None;
    for spoiled in [false, true] {
        for (number, &leaf) in leaves.iter().enumerate() {
            let value = tape.value(leaf)?;
            let tensor = if spoiled { gradients.wrt(leaf).ok() } else { Some(value) };
            let entry = tensor.and_then(|tensor| tensor.as_slice().iter().position(|x| !x.is_finite()));
            let entry = entry.map(|entry| (number, crate::directions::multi_index(value.shape(), entry)));
            input = input.or(entry);
        }
    }
    Ok(GradcheckError::NonFinite { what, origin: Box::new(Origin { input, name: None, operation }) })
}
