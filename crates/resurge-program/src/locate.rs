//! Which operation's vector-Jacobian product is wrong.
//!
//! From the recorded cotangent of every node, the product of each operation is computed alone. At a node whose recorded
//! cotangent is not the sum of what its consumers hand it, one of these handed something else.

mod slopes;

use crate::check::norm;
use crate::forward::{Run, slack, within};
use crate::interpret::Recorded;
use crate::node::{Kind, Opaque};
use crate::report::Fault;
use crate::{ProgramFile, Result};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Bounded, Scalar, Tensor};
use std::collections::BTreeMap;

/// What one consumer adds to the cotangent of a node.
type Parts = BTreeMap<usize, Vec<(usize, usize, Tensor<Bounded>)>>;

pub(crate) fn faults(file: &ProgramFile, program: &Recorded<'_>, run: &Run) -> Result<Vec<Fault>> {
    let mut found = calls(file, program, run)?;
    found.extend(contradictions(file));
    found.extend(slopes::faults(file, run));
    // What leaves the program with an earlier state comes back into its leaves, and no operation of it is at fault.
    if found.is_empty() && !file.carried {
        found = sums(file, program, run)?;
    }
    Ok(found)
}

/// Functions with 0 and 1 as their values, whose backward is not that of a function of each number.
fn contradictions(file: &ProgramFile) -> Vec<Fault> {
    let mut found: Vec<Fault> = Vec::new();
    for node in file.nodes.iter().filter(|node| node.needed) {
        if let Kind::Opaque(Opaque { function, problems, .. }) = &node.kind
            && !problems.is_empty()
        {
            let place = file.place(node.site);
            if found.iter().all(|f| (&f.function, &f.place) != (function, &place)) {
                let how = format!("that of no surrogate: {}", problems.join(", "));
                found.push(Fault { function: function.clone(), place, input: 0, how, size: f64::NAN });
            }
        }
    }
    found
}

/// Pulls a cotangent back through one node: what it adds to each input.
fn pulled(
    program: &Recorded<'_>,
    run: &Run,
    index: usize,
    cotangent: &Tensor<Bounded>,
) -> Result<Vec<Option<Tensor<Bounded>>>> {
    let node = &program.file.nodes[index];
    let mut tape = Tape::new();
    let mut inputs: Vec<Var> = Vec::new();
    for &i in &node.inputs {
        let Some(value) = run.values[i].clone() else { return Ok(vec![None; node.inputs.len()]) };
        inputs.push(if program.file.nodes[i].carries { tape.leaf(value) } else { tape.constant(value) });
    }
    let output = program.apply(&mut tape, index, &inputs)?;
    let gradients = tape.vjp(output, cotangent.clone())?;
    Ok(inputs.iter().map(|&input| gradients.wrt(input).ok().cloned()).collect())
}

fn add(sum: &mut Option<Tensor<Bounded>>, part: &Tensor<Bounded>) -> Result<()> {
    *sum = Some(match sum.take() {
        Some(sum) => sum.add(part)?,
        None => part.clone(),
    });
    Ok(())
}

/// Every recorded cotangent beside the sum of its parts.
fn sums(file: &ProgramFile, program: &Recorded<'_>, run: &Run) -> Result<Vec<Fault>> {
    let mut parts: Parts = BTreeMap::new();
    let mut found = Vec::new();
    for index in (0..file.nodes.len()).rev() {
        let node = &file.nodes[index];
        if !(node.needed && node.carries) {
            continue;
        }
        let mut computed: Option<Tensor<Bounded>> = None;
        let own = parts.remove(&index).unwrap_or_default();
        for (_, _, part) in &own {
            add(&mut computed, part)?;
        }
        if index == file.loss {
            computed = Some(Tensor::full(&node.shape, Bounded::one())?);
        }
        let recorded = node.cotangent.as_ref();
        let altered = matches!(&node.kind, Kind::Leaf(leaf) if !leaf.hooks.is_empty());
        if let (Some(recorded), Some(sum), false) = (recorded, &computed, altered || index == file.loss) {
            found.extend(differing(file, recorded, sum, &own)?);
        }
        // A recorded cotangent is taken as it is, so that a fault is seen where it is and nowhere else.
        let cotangent = match (recorded, computed) {
            (Some(recorded), _) => recorded.map(|x| Bounded::new(x, 0.0)),
            (None, Some(computed)) => computed,
            (None, None) => continue,
        };
        match &node.kind {
            Kind::Opaque(opaque) => {
                for (place, (&i, part)) in node.inputs.iter().zip(&opaque.contributions).enumerate() {
                    if let Some(part) = part {
                        parts.entry(i).or_default().push((index, place, part.map(|x| Bounded::new(x, 0.0))));
                    }
                }
            }
            Kind::Leaf(_) => {}
            _ => {
                for (place, part) in pulled(program, run, index, &cotangent)?.into_iter().enumerate() {
                    if let Some(part) = part {
                        parts.entry(node.inputs[place]).or_default().push((index, place, part));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Names the consumer that handed a node something else than it should have.
fn differing(
    file: &ProgramFile,
    recorded: &Tensor<f64>,
    sum: &Tensor<Bounded>,
    parts: &[(usize, usize, Tensor<Bounded>)],
) -> Result<Option<Fault>> {
    let off: Vec<f64> = recorded.as_slice().iter().zip(sum.as_slice()).map(|(r, s)| r - s.value).collect();
    // Each part is summed in the framework's own order.
    let each = |i: usize| parts.iter().map(|(_, _, p)| slack(file.coarsest, p.as_slice()[i])).sum::<f64>();
    let beyond = |(i, off): (usize, &f64)| {
        let allowed = slack(file.coarsest, sum.as_slice()[i]).max(each(i))
            + 8.0 * file.coarsest * recorded.as_slice()[i].abs();
        !within(off.abs(), allowed)
    };
    if !off.iter().enumerate().any(beyond) {
        return Ok(None);
    }
    let mut best: Option<(f64, Fault)> = None;
    for (consumer, place, part) in parts {
        let right: Vec<f64> = part.as_slice().iter().map(|x| x.value).collect();
        let handed: Vec<f64> = right.iter().zip(&off).map(|(a, b)| a + b).collect();
        let (how, rest) = how(&right, &handed, part.shape());
        let node = &file.nodes[*consumer];
        let function = match &node.kind {
            Kind::Surrogate(surrogate) => surrogate.function.clone(),
            Kind::Opaque(opaque) => opaque.function.clone(),
            kind => kind.name().into(),
        };
        let fault = Fault {
            function,
            place: file.place(node.site),
            input: *place,
            how,
            size: norm(&off) / norm(&right),
        };
        if best.as_ref().is_none_or(|(least, _)| rest < *least) {
            best = Some((rest, fault));
        }
    }
    Ok(best.map(|(_, fault)| fault))
}

/// Calls with a definition: what they hand on, beside what the definition does.
fn calls(file: &ProgramFile, program: &Recorded<'_>, run: &Run) -> Result<Vec<Fault>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, node) in file.nodes.iter().enumerate() {
        if let Kind::Opaque(opaque) = &node.kind
            && node.needed
            && opaque.defined().is_some()
        {
            groups.entry(opaque.call).or_default().push(index);
        }
    }
    let mut found = Vec::new();
    for outputs in groups.into_values() {
        let first = &file.nodes[outputs[0]];
        let Kind::Opaque(call) = &first.kind else { continue };
        let mut sums: BTreeMap<usize, Option<Tensor<Bounded>>> = BTreeMap::new();
        let mut any = false;
        for &output in &outputs {
            let Kind::Opaque(opaque) = &file.nodes[output].kind else { continue };
            let (Some(definition), Some(cotangent)) = (opaque.defined(), &file.nodes[output].cotangent)
            else {
                continue;
            };
            any = true;
            add(sums.entry(definition).or_default(), &cotangent.map(|x| Bounded::new(x, 0.0)))?;
        }
        if !any || call.contributions.iter().all(Option::is_none) {
            continue;
        }
        let mut at_inputs: BTreeMap<usize, Tensor<Bounded>> = BTreeMap::new();
        while let Some((index, sum)) = sums.pop_last() {
            let Some(sum) = sum else { continue };
            if first.inputs.contains(&index) {
                at_inputs.insert(index, sum);
                continue;
            }
            let node = &file.nodes[index];
            if !node.carries || matches!(node.kind, Kind::Leaf(_) | Kind::Opaque(_)) {
                continue;
            }
            for (place, part) in pulled(program, run, index, &sum)?.into_iter().enumerate() {
                if let Some(part) = part {
                    add(sums.entry(node.inputs[place]).or_default(), &part)?;
                }
            }
        }
        for (place, &input) in first.inputs.iter().enumerate() {
            // An input that is given twice gets one sum, of which no part can be told from another.
            if first.inputs.iter().filter(|&&i| i == input).count() > 1 {
                continue;
            }
            let shape = &file.nodes[input].shape;
            let right = at_inputs.get(&input).cloned().map_or_else(|| Tensor::zeros(shape), Ok)?;
            let handed = call.contributions[place].clone().map_or_else(|| Tensor::zeros(shape), Ok)?;
            let wrong = |(r, h): (&Bounded, &f64)| {
                !within((r.value - h).abs(), slack(file.coarsest, *r) + 8.0 * file.coarsest * h.abs())
            };
            if right.as_slice().iter().zip(handed.as_slice()).any(wrong) {
                let values: Vec<f64> = right.as_slice().iter().map(|x| x.value).collect();
                let off: Vec<f64> = values.iter().zip(handed.as_slice()).map(|(a, b)| b - a).collect();
                found.push(Fault {
                    function: call.function.clone(),
                    place: file.place(first.site),
                    input: place,
                    how: how(&values, handed.as_slice(), shape).0,
                    size: norm(&off) / norm(&values),
                });
            }
        }
    }
    Ok(found)
}

/// How one gradient is another, wrongly; and what the words leave unexplained, relative to what is wrong.
pub(crate) fn how(right: &[f64], handed: &[f64], shape: &[usize]) -> (String, f64) {
    let off: Vec<f64> = handed.iter().zip(right).map(|(h, r)| h - r).collect();
    let size = norm(&off);
    let left = |candidate: &[f64]| {
        norm(&handed.iter().zip(candidate).map(|(h, c)| h - c).collect::<Vec<_>>()) / size
    };
    const CLOSE: f64 = 1e-3;
    if norm(handed) == 0.0 {
        return ("missing".into(), 0.0);
    }
    if norm(right) == 0.0 {
        return ("there, where it should be zero".into(), 0.5);
    }
    let squares: f64 = right.iter().map(|r| r * r).sum();
    let factor = handed.iter().zip(right).map(|(h, r)| h * r).sum::<f64>() / squares;
    let scaled: Vec<f64> = right.iter().map(|r| factor * r).collect();
    if left(&scaled) < CLOSE {
        let words = match factor {
            f if (f + 1.0).abs() < 1e-9 => "of the other sign".into(),
            f => format!("scaled by {f:.6}"),
        };
        return (words, left(&scaled));
    }
    let inner: usize = shape.iter().skip(1).product();
    if shape.len() > 1 && shape[0] > 1 {
        for (words, late) in [("one step late", true), ("one step early", false)] {
            let mut shifted = vec![0.0; right.len()];
            match late {
                true => shifted[inner..].copy_from_slice(&right[..right.len() - inner]),
                false => shifted[..right.len() - inner].copy_from_slice(&right[inner..]),
            }
            if left(&shifted) < CLOSE {
                return (words.into(), left(&shifted));
            }
        }
        if let [rows, columns] = *shape
            && rows == columns
        {
            let transposed: Vec<f64> = (0..right.len()).map(|i| right[i % rows * rows + i / rows]).collect();
            if left(&transposed) < CLOSE {
                return ("transposed".into(), left(&transposed));
            }
        }
    }
    let wrong: Vec<usize> =
        (0..off.len()).filter(|&i| off[i].abs() > 1e-6 * (right[i].abs() + handed[i].abs())).collect();
    for axis in 0..shape.len() {
        let step: usize = shape[axis + 1..].iter().product();
        let mut places: Vec<usize> = wrong.iter().map(|i| i / step % shape[axis].max(1)).collect();
        places.sort_unstable();
        places.dedup();
        if shape[axis] > 2 && places.len() == 1 {
            return (format!("wrong at index {} of axis {axis} alone", places[0]), 0.5);
        }
    }
    let relative = size / norm(right);
    (format!("off by {relative:.1e} of its norm, at {} of {} numbers", wrong.len(), off.len()), 1.0)
}
