//! The tensors of a file.

use crate::ops::{Indices, Positions};
use crate::{ProgramError, Result};
use resurge_tensor::{Shape, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The roundings of a type.
pub(crate) const UNITS: [f64; 2] = [f64::EPSILON / 2.0, 1.0 / 16_777_216.0];

pub(crate) struct Tensors<'a> {
    file: SafeTensors<'a>,
    unread: RefCell<BTreeSet<String>>,
    positions: RefCell<BTreeMap<usize, Positions>>,
    /// Whether any number is of F32.
    single: RefCell<bool>,
}

impl<'a> Tensors<'a> {
    pub(crate) fn new(file: SafeTensors<'a>) -> Self {
        let unread = file.names().into_iter().map(str::to_owned).collect();
        Self { file, unread: RefCell::new(unread), positions: RefCell::default(), single: RefCell::default() }
    }

    /// Half a unit in the last place of the coarsest type in the file.
    pub(crate) fn unit(&self) -> f64 {
        UNITS[usize::from(*self.single.borrow())]
    }

    /// Half a unit in the last place of a tensor's type; none where it is not there.
    pub(crate) fn unit_of(&self, name: &str) -> Option<f64> {
        Some(UNITS[usize::from(self.file.tensor(name).ok()?.dtype() == Dtype::F32)])
    }

    fn view(&self, name: &str) -> Option<TensorView<'a>> {
        self.unread.borrow_mut().remove(name).then(|| self.file.tensor(name).ok()).flatten()
    }

    /// A tensor of finite numbers, if there is one of this name.
    pub(crate) fn optional(&self, name: &str, shape: Option<&Shape>) -> Result<Option<Tensor<f64>>> {
        let Some(view) = self.view(name) else { return Ok(None) };
        if let Some(shape) = shape.filter(|shape| shape[..] != *view.shape()) {
            let found = Shape::from(view.shape());
            let problem = format!("its shape is {found}, but the description makes it {shape}");
            return Err(ProgramError::tensor(name, problem, "record the program again"));
        }
        let data = view.data();
        let values: Vec<f64> = match view.dtype() {
            Dtype::F32 => {
                *self.single.borrow_mut() = true;
                data.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect()
            }
            Dtype::F64 => data.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            Dtype::U8 => data.iter().map(|&x| f64::from(x)).collect(),
            other => {
                let problem = format!("its numbers are of type {other:?}");
                return Err(ProgramError::tensor(name, problem, "write F32, F64 or U8"));
            }
        };
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            let problem = format!("its number {at} is {}", values[at]);
            return Err(ProgramError::tensor(name, problem, "record a run whose numbers are all finite"));
        }
        Ok(Some(Tensor::from_vec(Shape::from(view.shape()), values)?))
    }

    pub(crate) fn needed(&self, name: &str, shape: Option<&Shape>) -> Result<Tensor<f64>> {
        let missing = || ProgramError::tensor(name, "it is missing", "record the program again");
        self.optional(name, shape)?.ok_or_else(missing)
    }

    /// An error that names a tensor which nothing in the description has.
    pub(crate) fn all_are_read(&self) -> Result<()> {
        match self.unread.borrow().first() {
            None => Ok(()),
            Some(name) => Err(ProgramError::tensor(
                name,
                "no node has a tensor of this name",
                "remove it or name it right",
            )),
        }
    }
}

impl Indices for Tensors<'_> {
    fn positions(&self, number: usize) -> std::result::Result<Positions, String> {
        if let Some(known) = self.positions.borrow().get(&number) {
            return Ok(known.clone());
        }
        let name = format!("index.{number}");
        let view = self.view(&name).ok_or_else(|| format!("the tensor `{name}` is missing"))?;
        if view.dtype() != Dtype::I64 {
            return Err(format!("the tensor `{name}` is of type {:?}, but must be I64", view.dtype()));
        }
        let at = view.data().as_chunks().0.iter().map(|&b| usize::try_from(i64::from_le_bytes(b)));
        let at: Arc<[usize]> = at
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| format!("`{name}` has a negative number"))?;
        let positions = (Shape::from(view.shape()), at);
        self.positions.borrow_mut().insert(number, positions.clone());
        Ok(positions)
    }
}
