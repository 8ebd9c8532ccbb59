//! A tape as a Graphviz drawing.

use crate::{Node, Tape};
use resurge_tensor::Scalar;
use std::fmt::Write;

impl<S: Scalar> Tape<S> {
    /// The tape in Graphviz's dot language: `dot -Tsvg tape.dot > tape.svg`.
    ///
    /// Leaves are boxes, constants are plain, surrogate operations are shaded. A node that stops the gradient is
    /// red, and an edge that carries no gradient is dashed: a detached reset shows as a dashed edge into a red
    /// `detach`.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let o = tape.leaf(Tensor::scalar(1.0));
    /// let held = tape.detach(o)?;
    /// tape.label(held, "reset", Some(0))?;
    /// let dot = tape.to_dot();
    /// assert!(dot.contains("n0 -> n1 [style=dashed"));
    /// assert!(dot.contains("detach"));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn to_dot(&self) -> String {
        let mut out = String::from("digraph tape {\n  rankdir=LR;\n  node [fontname=\"Helvetica\"];\n");
        for (index, node) in self.nodes().iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  n{index} [label=\"{}\"{}];", caption(node), style(node));
            for parent in node.parents() {
                let carries = node.needs_gradient && self.nodes()[*parent].needs_gradient;
                let edge = if carries { "" } else { " [style=dashed, color=gray50]" };
                let _ = writeln!(out, "  n{parent} -> n{index}{edge};");
            }
        }
        out.push_str("}\n");
        out
    }
}

fn caption<S: Scalar>(node: &Node<S>) -> String {
    let mut caption = node.label().map_or(String::new(), |label| format!("{label}\\n"));
    caption.push_str(node.name());
    if let Some(detail) = node.op().and_then(|op| op.detail()) {
        let _ = write!(caption, " {detail}");
    }
    let _ = write!(caption, "\\n{}", node.value().shape());
    caption.replace('"', "\\\"")
}

fn style<S: Scalar>(node: &Node<S>) -> &'static str {
    match node.op() {
        None if node.needs_gradient => ", shape=box, style=filled, fillcolor=lightblue",
        None => ", shape=plaintext",
        Some(op) if op.stops_gradient() => ", color=red, fontcolor=red, penwidth=2",
        Some(op) if op.is_surrogate() => ", style=filled, fillcolor=gold",
        Some(_) => "",
    }
}
