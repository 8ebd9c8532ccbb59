//! The shapes of all layers, before anything is computed.

use super::cost::Cost;
use super::description::{Conv, Description, Layer, Norm, Output, Over, Pool, at};
use super::error::{AuditError, Result};
use super::file::LayerData;
use resurge_tensor::{Shape, Tensor};

/// The product of extents, or the largest number if it is larger.
pub(super) fn product(extents: &[usize]) -> usize {
    extents.iter().fold(1, |a: usize, &b| a.saturating_mul(b))
}

/// The shape of each layer's output.
pub(super) fn layer_shapes(
    description: &Description,
    layers: &[LayerData],
    input: &Shape,
    bytes: usize,
) -> Result<Vec<Shape>> {
    let mut before = input.clone();
    let mut shapes = Vec::new();
    let mut cost = Cost::default();
    let last = layers.len().saturating_sub(1);
    for (k, (layer, data)) in description.layers.iter().zip(layers).enumerate() {
        let after = one(k, layer, data, &before, k == last)?;
        // After the weight, which says how many there are.
        if let (Some(weight), Some(bias)) = (&data.weight, &data.bias) {
            let outputs = weight.shape()[0];
            if bias.shape()[..] != [outputs] {
                let problem = format!("its shape is {}, but there are {outputs} outputs", bias.shape());
                return Err(AuditError::tensor(
                    format!("layers.{k}.bias"),
                    problem,
                    "write one number an output",
                ));
            }
        }
        cost.add(k, layer, data, (&before, &after), bytes)?;
        shapes.push(after.clone());
        before = after;
    }
    Ok(shapes)
}

fn one(k: usize, layer: &Layer, data: &LayerData, x: &Shape, last: bool) -> Result<Shape> {
    let place = || at(&format!("layers[{k}]"));
    let images = |what: &str| match x[..] {
        [t, b, c, h, w] => Ok([t, b, c, h, w]),
        _ => {
            let problem = format!("{what} needs images [T, B, C, H, W], but its input is {x}");
            Err(AuditError::description(place(), problem))
        }
    };
    match layer {
        Layer::Linear(_) => {
            let (Some(weight), &[t, b, n]) = (&data.weight, &x[..]) else {
                let problem = format!("`linear` needs [T, B, N], but its input is {x}; flatten it first");
                return Err(AuditError::description(place(), problem));
            };
            if weight.shape()[1] != n {
                let problem = format!("its shape is {}, but {n} numbers come in", weight.shape());
                let remedy = "correct the layers before it, or transpose it to [out, in]";
                return Err(AuditError::tensor(format!("layers.{k}.weight"), problem, remedy));
            }
            Ok([t, b, weight.shape()[0]].into())
        }
        Layer::Conv2d(conv) => convolved(k, conv, data, images("`conv2d`")?),
        Layer::AvgPool2d(pool) | Layer::SumPool2d(pool) | Layer::MaxPool2d(pool) => {
            pooled(&at(&format!("layers[{k}].kernel")), pool, images("a pool")?)
        }
        Layer::Flatten(_) => Ok([x[0], x[1], product(&x[2..])].into()),
        Layer::BatchNorm(norm) => normalised(k, norm, data, x),
        Layer::Mask(_) => match &data.mask {
            Some(mask) if mask.shape() == x => Ok(x.clone()),
            found => {
                let found = found.as_ref().map(|mask| mask.shape().to_string()).unwrap_or_default();
                let problem = format!("its shape is {found}, but the layer's input is {x}");
                Err(AuditError::tensor(
                    format!("layers.{k}.mask"),
                    problem,
                    "write one number for each of it",
                ))
            }
        },
        Layer::Neuron(neuron) => {
            if neuron.output == Output::Potential && !last {
                let problem = "only the last layer can hand on its potential; use an integrator";
                return Err(AuditError::description(at(&format!("layers[{k}].output")), problem));
            }
            if let Some(recurrent) = &data.recurrent {
                let fits = x.rank() == 3 && recurrent.shape()[..] == [x[2], x[2]];
                if !fits {
                    let problem = format!("its shape is {}, but the layer's input is {x}", recurrent.shape());
                    let remedy = "write [N, N] for an input of [T, B, N]";
                    return Err(AuditError::tensor(format!("layers.{k}.recurrent"), problem, remedy));
                }
            }
            Ok(x.clone())
        }
        Layer::Integrator(_) => Ok(x.clone()),
    }
}

/// Batch normalisation: one weight a channel, and two values of each at the least.
fn normalised(k: usize, norm: &Norm, data: &LayerData, x: &Shape) -> Result<Shape> {
    let channels = data.weight.as_ref().map_or(0, Tensor::len);
    if channels != x[2] {
        let problem = format!("it has {channels} numbers, but {} channels come in", x[2]);
        let remedy = "write one number a channel";
        return Err(AuditError::tensor(format!("layers.{k}.weight"), problem, remedy));
    }
    let of_a_step = x[1].saturating_mul(product(&x[3..]));
    let values = if norm.over == Over::Run { of_a_step.saturating_mul(x[0]) } else { of_a_step };
    if values < 2 {
        let problem =
            "each channel has one value, which has no variance; record two samples, or `over` a `run`";
        return Err(AuditError::description(at(&format!("layers[{k}].over")), problem));
    }
    if norm.epsilon <= 0.0 {
        let problem = format!("it is {}, but must be positive", norm.epsilon);
        return Err(AuditError::description(at(&format!("layers[{k}].epsilon")), problem));
    }
    Ok(x.clone())
}

/// The positions of a window along an axis.
fn positions(size: usize, kernel: usize, stride: usize, padding: usize) -> Option<usize> {
    let padded = padding.checked_mul(2)?.checked_add(size)?;
    // No padding is smaller than a kernel of nothing.
    if stride == 0 || padding >= kernel {
        return None;
    }
    Some(padded.checked_sub(kernel)? / stride + 1)
}

fn convolved(k: usize, conv: &Conv, data: &LayerData, [t, b, c, h, w]: [usize; 5]) -> Result<Shape> {
    let name = format!("layers.{k}.weight");
    let found = data.weight.as_ref().map(|weight| weight.shape().to_vec()).unwrap_or_default();
    let &[o, i, kh, kw] = &found[..] else {
        return Err(AuditError::tensor(name, "it is no kernel", "write [O, C/groups, kh, kw]"));
    };
    let groups = conv.groups;
    let fits = groups > 0 && c % groups == 0 && o % groups == 0 && i == c / groups;
    let [rows, cols] = [0, 1].map(|axis| {
        // Unlike a pool's, a convolution's padding may be larger than its kernel, but not than the image.
        let [size, kernel] = [[h, kh], [w, kw]][axis];
        let padding = conv.padding[axis];
        let padded = padding.checked_mul(2)?.checked_add(size)?;
        let fits = conv.stride[axis] > 0 && padding <= size.max(kernel);
        padded.checked_sub(kernel).filter(|_| fits).map(|rest| rest / conv.stride[axis] + 1)
    });
    match (fits, rows, cols) {
        (true, Some(rows), Some(cols)) => Ok([t, b, o, rows, cols].into()),
        _ => {
            let problem = format!(
                "its shape is {}, which does not fit images of {c} x {h} x {w} with {groups} groups, \
                 stride {:?} and padding {:?}",
                Shape::from(&found[..]),
                conv.stride,
                conv.padding
            );
            Err(AuditError::tensor(name, problem, "correct the description or the kernel"))
        }
    }
}

fn pooled(place: &str, pool: &Pool, [t, b, c, h, w]: [usize; 5]) -> Result<Shape> {
    let stride = pool.stride.unwrap_or(pool.kernel);
    let along =
        |axis: usize, size: usize| positions(size, pool.kernel[axis], stride[axis], pool.padding[axis]);
    match (along(0, h), along(1, w)) {
        (Some(rows), Some(cols)) => Ok([t, b, c, rows, cols].into()),
        _ => {
            let problem = format!(
                "a window of {:?} with stride {stride:?} and padding {:?} does not fit images of {h} x {w}",
                pool.kernel, pool.padding
            );
            Err(AuditError::description(place, problem))
        }
    }
}

#[cfg(test)]
mod tests;
