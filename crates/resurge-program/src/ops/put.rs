//! Values written at positions that were decided elsewhere. No position may be there twice.

use super::write::Place;
use super::{Indices, Positions, Recorded, TapeResult, elements, expect};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The inputs are what is written into, and what is written, whose shape is the index tensor's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Put {
    index: usize,
    #[serde(skip)]
    at: Positions,
}

impl Recorded for Put {
    const NAME: &'static str = "put";

    fn load(&mut self, file: &dyn Indices) -> Result<(), String> {
        self.at = file.positions(self.index)?;
        Ok(())
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [base, x] = expect(inputs)?;
        let (shape, at) = &self.at;
        let len = elements(base);
        match at.iter().find(|&&i| i >= len) {
            Some(i) => return Err(format!("the position {i} is not in {base}")),
            None if x != shape => return Err(format!("{} positions for values of shape {x}", shape)),
            None => {}
        }
        if at.iter().collect::<BTreeSet<_>>().len() != at.len() {
            return Err("a position is there twice".into());
        }
        Ok(base.clone())
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        tape.apply(Place(self.at.1.to_vec()), inputs)
    }
}
