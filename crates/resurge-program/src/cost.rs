//! What a program costs, known before anything is computed: so that time and memory are bounded by the file's size.

use crate::node::{Kind, Node};
use crate::ops::elements;
use crate::{ProgramError, Result};
use resurge_tensor::Shape;

/// Numbers that the values of all nodes may have: 64 MiB of them for every file, and eight for each byte. A recorded value
/// alone pays for its node several times over.
const NUMBERS: [usize; 2] = [8 << 20, 8];

/// Products and sums of one pass forward: a second or two for every file, and a thousand for each byte.
const WORK: [usize; 2] = [2_000_000_000, 1000];

/// What a node costs, however small it is.
const A_NODE: usize = 500;

#[derive(Debug)]
pub(crate) struct Cost {
    bytes: usize,
    numbers: usize,
    work: usize,
}

impl Cost {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, numbers: 0, work: 0 }
    }

    /// About how many operations one pass forward takes.
    pub(crate) fn work(&self) -> usize {
        self.work
    }

    /// Adds a node's. An error if it is more than a file of this size is given.
    pub(crate) fn add(&mut self, node: &Node, before: &[Node]) -> Result<()> {
        let inputs: Vec<&Shape> = node.inputs.iter().map(|&i| &before[i].shape).collect();
        let size = elements(&node.shape);
        let own = match &node.kind {
            Kind::Operation(op) => op.work(&inputs, &node.shape),
            _ => 0,
        };
        let read = inputs.iter().fold(size, |sum, shape| sum.saturating_add(elements(shape)));
        self.numbers = self.numbers.saturating_add(size);
        self.work = self.work.saturating_add(own).saturating_add(read).saturating_add(A_NODE);
        for (what, needed, [always, per_byte]) in
            [("numbers in all nodes", self.numbers, NUMBERS), ("operations a pass", self.work, WORK)]
        {
            let allowed = self.bytes.saturating_mul(per_byte).saturating_add(always);
            if needed > allowed {
                return Err(ProgramError::Cost { what, needed, allowed, bytes: self.bytes });
            }
        }
        Ok(())
    }
}
