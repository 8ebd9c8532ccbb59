//! Sums of weight gradients on lanes, and the lanes' sum.

use super::Scratch;
use crate::fused::OpResult;
use crate::fused::events::{Stripes, add};
use crate::fused::network::Parameters;
use crate::fused::pool::Pool;
use resurge_tensor::{Scalar, Tensor};
use std::collections::BTreeMap;

/// The gradient of a layer's parameters, as far as it has been summed on one lane.
#[derive(Default)]
pub(super) struct LayerGradient<S> {
    pub(super) by_events: Sum<Stripes<S>>,
    pub(super) dense: Sum<Vec<S>>,
    pub(super) bias: Vec<S>,
}

/// A sum that is made when there is something to add.
#[derive(Default)]
pub(super) struct Sum<T> {
    begun: bool,
    value: T,
}

impl<T> Sum<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.begun.then_some(&self.value)
    }

    pub(super) fn get_mut(&mut self, clear: impl FnOnce(&mut T)) -> &mut T {
        if !std::mem::replace(&mut self.begun, true) {
            clear(&mut self.value);
        }
        &mut self.value
    }
}

/// What a lane works with.
#[derive(Default)]
pub(super) struct Lane<S> {
    pub(super) gradients: Vec<LayerGradient<S>>,
    pub(super) scratch: Scratch<S>,
}

impl<S: Scalar> LayerGradient<S> {
    pub(super) fn clear(&mut self, parameters: &Parameters<'_, S>) {
        (self.by_events.begun, self.dense.begun) = (false, false);
        self.bias.clear();
        self.bias.resize(parameters.bias.map_or(0, Tensor::len), S::zero());
    }

    fn add(&mut self, other: &mut Self) {
        if other.dense.begun {
            match self.dense.begun {
                true => add(&mut self.dense.value, &other.dense.value),
                false => std::mem::swap(&mut self.dense, &mut other.dense),
            }
        }
        if other.by_events.begun {
            match self.by_events.begun {
                true => self.by_events.value.add(&other.by_events.value),
                false => std::mem::swap(&mut self.by_events, &mut other.by_events),
            }
        }
        add(&mut self.bias, &other.bias);
    }

    /// The gradients of weight and bias; zeros of a batch without samples.
    pub(super) fn of_layer(
        total: Option<&Self>,
        parameters: &Parameters<'_, S>,
    ) -> OpResult<(Tensor<S>, Option<Tensor<S>>)> {
        let mut weight = Tensor::zeros(parameters.weight.shape())?;
        let mut bias = parameters.bias.map(|bias| Tensor::zeros(bias.shape())).transpose()?;
        if let Some(total) = total {
            if let Some(sum) = total.dense.get() {
                add(weight.as_mut_slice(), sum);
            }
            if let Some(sum) = total.by_events.get() {
                sum.add_to_weight(weight.as_mut_slice());
            }
            if let Some(bias) = &mut bias {
                add(bias.as_mut_slice(), &total.bias);
            }
        }
        Ok((weight, bias))
    }
}

/// Lanes are added in their order, whichever is done first, and make room for others as soon as they are.
#[derive(Default)]
pub(super) struct Merge<S> {
    added: usize,
    waiting: BTreeMap<usize, Lane<S>>,
    pub(super) total: Option<Lane<S>>,
}

impl<S: Scalar> Merge<S> {
    pub(super) fn add(&mut self, index: usize, lane: Lane<S>, pool: &Pool) {
        self.waiting.insert(index, lane);
        while let Some(mut lane) = self.waiting.remove(&self.added) {
            self.added += 1;
            match &mut self.total {
                None => self.total = Some(lane),
                Some(total) => {
                    let pairs = total.gradients.iter_mut().zip(&mut lane.gradients);
                    pairs.for_each(|(sum, own)| sum.add(own));
                    pool.give(lane);
                }
            }
        }
    }
}
