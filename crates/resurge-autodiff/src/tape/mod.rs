//! The tape: nodes in the order of execution.

mod backward;
mod node;
mod non_finite;

pub use node::{Node, Var};
pub use non_finite::NonFinite;

use crate::{Anchor, AnchorRecord, AutodiffError, Op, OpMode, Result, Saved, SpikeMode};
use resurge_tensor::{Scalar, Tensor};
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The record of one run of a program, on which gradients are computed.
///
/// Operations are methods (`add`, `matmul`, ...; one file each under [`ops`](crate::ops)) that take and return
/// [`Var`]s; any other [`Op`] is applied with [`apply`](Tape::apply).
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let square = tape.square(x)?;
/// let loss = tape.shift(square, 1.0)?; // x^2 + 1
/// assert_eq!(tape.value(loss)?.item(), Some(10.0));
/// assert_eq!(tape.backward(loss)?.wrt(x)?.item(), Some(6.0));
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug)]
pub struct Tape<S: Scalar> {
    id: u64,
    nodes: Vec<Node<S>>,
    mode: SpikeMode<S>,
    surrogates: usize,
}

/// Tells tapes apart, so that a variable of one is not used with another. It affects no result.
static NEXT_TAPE: AtomicU64 = AtomicU64::new(0);

impl<S: Scalar> Default for Tape<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Scalar> Tape<S> {
    /// An empty tape for the real forward pass.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    ///
    /// assert!(Tape::<f32>::new().nodes().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::with_mode(SpikeMode::Heaviside)
    }

    /// An empty tape that evaluates the program that `mode` names.
    ///
    /// ```
    /// use resurge_autodiff::{SpikeMode, Tape};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::with_mode(SpikeMode::Smooth);
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// assert_eq!(tape.value(x)?.item(), Some(3.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn with_mode(mode: SpikeMode<S>) -> Self {
        let id = NEXT_TAPE.fetch_add(1, Ordering::Relaxed);
        Self { id, nodes: Vec::new(), mode, surrogates: 0 }
    }

    /// An empty tape for the anchored program, from the record of a real forward pass.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    /// use std::sync::Arc;
    ///
    /// // loss = x * detach(x): its gradient, x, is not the derivative of x^2.
    /// let run = |mut tape: Tape<f64>, x: f64| {
    ///     let x = tape.leaf(Tensor::scalar(x));
    ///     let held = tape.detach(x)?;
    ///     let loss = tape.mul(x, held)?;
    ///     Ok::<_, resurge_autodiff::AutodiffError>((tape, x, loss))
    /// };
    /// let (tape, x, loss) = run(Tape::new(), 3.0)?;
    /// assert_eq!(tape.backward(loss)?.wrt(x)?.item(), Some(3.0));
    ///
    /// // The anchored program holds the detached value, so that a finite difference sees that gradient.
    /// let record = Arc::new(tape.anchors());
    /// let at = |x| run(Tape::anchored(Arc::clone(&record)), x).map(|(t, _, l)| t.value(l).unwrap().item().unwrap());
    /// assert_eq!((at(3.5)? - at(2.5)?) / 1.0, 3.0);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn anchored(record: Arc<AnchorRecord<S>>) -> Self {
        Self::with_mode(SpikeMode::Anchored(record))
    }

    /// A variable with respect to which gradients are wanted.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// assert_eq!(tape.backward(x)?.wrt(x)?.item(), Some(1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn leaf(&mut self, value: Tensor<S>) -> Var {
        self.push(None, SmallVec::new(), value, true)
    }

    /// A value that no gradient flows to.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let (x, c) = (tape.leaf(Tensor::scalar(3.0)), tape.constant(Tensor::scalar(2.0)));
    /// let y = tape.mul(x, c)?;
    /// let gradients = tape.backward(y)?;
    /// assert_eq!(gradients.wrt(x)?.item(), Some(2.0));
    /// assert!(gradients.wrt(c).is_err());
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn constant(&mut self, value: Tensor<S>) -> Var {
        self.push(None, SmallVec::new(), value, false)
    }

    /// Runs an operation and records it.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`] for an input of another tape, [`AutodiffError::ReplayDiverged`] when
    /// the anchored program is not the recorded one, and the operation's own errors.
    ///
    /// ```
    /// use resurge_autodiff::{Contributions, Op, Tape, Vjp, smallvec};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # use resurge_autodiff::Result;
    /// # #[derive(Debug, Clone, Copy)]
    /// # struct Cube;
    /// # impl<S: Scalar> Op<S> for Cube {
    /// #     fn name(&self) -> &'static str { "cube" }
    /// #     fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
    /// #         Ok(inputs[0].map(|x| x * x * x))
    /// #     }
    /// #     fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
    /// #         let slope = at.inputs[0].map(|x| S::from_f64(3.0) * x * x);
    /// #         Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
    /// #     }
    /// # }
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(2.0));
    /// let y = tape.apply(Cube, &[x])?; // an operation of one's own; see `Op`
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(12.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn apply(&mut self, op: impl Op<S> + 'static, inputs: &[Var]) -> Result<Var> {
        let parents =
            inputs.iter().map(|&var| self.index(var, op.name())).collect::<Result<SmallVec<[usize; 3]>>>()?;
        let (value, saved) = self.evaluate(&op, &parents)?;
        self.surrogates += usize::from(op.is_surrogate());
        let needs_gradient = !op.stops_gradient() && parents.iter().any(|&p| self.nodes[p].needs_gradient);
        let var = self.push(Some(Box::new(op)), parents, value, needs_gradient);
        self.nodes[var.index].saved = saved;
        Ok(var)
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`] for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// assert_eq!(tape.value(x)?.item(), Some(3.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn value(&self, var: Var) -> Result<&Tensor<S>> {
        Ok(&self.nodes[self.index(var, "value")?].value)
    }

    /// Names a variable for listings and drawings: `name`, or `name[step]`.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`] for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.label(x, "loss", None)?;
    /// assert_eq!(tape.nodes()[0].label(), Some("loss".into()));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn label(&mut self, var: Var, name: &'static str, step: Option<usize>) -> Result<()> {
        let index = self.index(var, "label")?;
        self.nodes[index].label = Some((name, step));
        Ok(())
    }

    /// The record of the surrogate operations that ran, for [`Tape::anchored`].
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.detach(x)?;
    /// assert_eq!(tape.anchors().len(), 1);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn anchors(&self) -> AnchorRecord<S> {
        let anchor = |node: &Node<S>| {
            let op = node.op.as_ref().filter(|op| op.is_surrogate())?;
            let inputs = node.parents.iter().map(|&p| self.nodes[p].value.clone()).collect();
            Some(Anchor { op: op.name(), inputs, output: node.value.clone() })
        };
        AnchorRecord { anchors: self.nodes.iter().filter_map(anchor).collect() }
    }

    /// The smooth piece on which each decision of the run fell; see [`Op::pieces`].
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([2], vec![-1.0, 1.0])?);
    /// tape.relu(x)?;
    /// assert_eq!(tape.pieces(), [0, 1]); // left and right of the kink
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn pieces(&self) -> Vec<i8> {
        let mut pieces = Vec::new();
        for node in &self.nodes {
            match (&node.op, &node.saved.pieces) {
                (_, Some(saved)) => pieces.extend_from_slice(saved),
                (Some(op), None) => op.pieces(&self.values(&node.parents), &mut pieces),
                (None, None) => {}
            }
        }
        pieces
    }

    /// The place of a variable among the [`nodes`](Self::nodes).
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`] for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// let y = tape.square(x)?;
    /// assert_eq!((tape.position(x)?, tape.nodes()[tape.position(y)?].parents()), (0, &[0][..]));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn position(&self, var: Var) -> Result<usize> {
        self.index(var, "position")
    }

    /// The nodes in the order of execution.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.square(x)?;
    /// assert_eq!(tape.nodes().iter().map(|node| node.name()).collect::<Vec<_>>(), ["leaf", "powi"]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn nodes(&self) -> &[Node<S>] {
        &self.nodes
    }

    /// The value of an operation in the program that this tape evaluates.
    fn evaluate(&self, op: &dyn Op<S>, parents: &[usize]) -> Result<(Tensor<S>, Saved)> {
        let inputs = self.values(parents);
        let at = match (&self.mode, op.is_surrogate()) {
            (SpikeMode::Heaviside, _) | (_, false) => OpMode::Real,
            (SpikeMode::Smooth, true) => OpMode::Smooth,
            (SpikeMode::Anchored(record), true) => {
                OpMode::Anchored(find_anchor(record, self.surrogates, op, &inputs)?)
            }
        };
        op.evaluate(&inputs, at)
    }

    fn values(&self, nodes: &[usize]) -> SmallVec<[&Tensor<S>; 3]> {
        nodes.iter().map(|&node| &self.nodes[node].value).collect()
    }

    fn index(&self, var: Var, op: &'static str) -> Result<usize> {
        if var.tape == self.id { Ok(var.index) } else { Err(AutodiffError::ForeignVariable { op }) }
    }

    fn push(
        &mut self,
        op: Option<Box<dyn Op<S>>>,
        parents: SmallVec<[usize; 3]>,
        value: Tensor<S>,
        needs_gradient: bool,
    ) -> Var {
        self.nodes.push(Node { op, parents, value, saved: Saved::default(), needs_gradient, label: None });
        Var { tape: self.id, index: self.nodes.len() - 1 }
    }
}

/// The recorded run of the surrogate operation that is about to run, if it is the same one.
fn find_anchor<'a, S: Scalar>(
    record: &'a AnchorRecord<S>,
    index: usize,
    op: &dyn Op<S>,
    inputs: &[&Tensor<S>],
) -> Result<&'a Anchor<S>> {
    let same = |anchor: &&Anchor<S>| {
        anchor.op == op.name() && anchor.inputs.iter().map(Tensor::shape).eq(inputs.iter().map(|t| t.shape()))
    };
    record.anchors.get(index).filter(same).ok_or_else(|| AutodiffError::ReplayDiverged {
        index,
        found: describe(op.name(), inputs.iter().copied()),
        recorded: record
            .anchors
            .get(index)
            .map_or("nothing".to_owned(), |anchor| describe(anchor.op, &anchor.inputs)),
    })
}

fn describe<'a, S: Scalar>(op: &str, inputs: impl IntoIterator<Item = &'a Tensor<S>>) -> String {
    let shapes: Vec<String> = inputs.into_iter().map(|tensor| tensor.shape().to_string()).collect();
    format!("{op}({})", shapes.join(", "))
}

/// One line a node: position, operation, inputs, shape, label.
impl<S: Scalar> fmt::Display for Tape<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, node) in self.nodes.iter().enumerate() {
            let parents: Vec<String> = node.parents.iter().map(|p| format!("%{p}")).collect();
            write!(f, "%{index} = {}({}) {}", node.name(), parents.join(", "), node.value.shape())?;
            if let Some(detail) = node.op.as_ref().and_then(|op| op.detail()) {
                write!(f, " {detail}")?;
            }
            if let Some(label) = node.label() {
                write!(f, " # {label}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
