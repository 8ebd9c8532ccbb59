//! The recorded values beside those that the operations give, decision by decision.

use crate::check::norm;
use crate::facts::surrogates;
use crate::interpret::Recorded;
use crate::node::Kind;
use crate::report::ForwardFacts;
use crate::{ProgramFile, Result};
use resurge_autodiff::Var;
use resurge_tensor::{Bounded, Tensor};
use std::collections::BTreeMap;

/// One run with bounds of its rounding errors.
pub(crate) struct Run {
    /// The value of each node that was run.
    pub(crate) values: Vec<Option<Tensor<Bounded>>>,
    /// The gradient by each leaf.
    pub(crate) gradient: Vec<Tensor<Bounded>>,
    /// The norm of the gradient by each surrogate's result.
    pub(crate) adjoints: BTreeMap<usize, f64>,
}

impl Run {
    pub(crate) fn of(program: &Recorded<'_>) -> Result<Self> {
        let of: Vec<usize> = surrogates::nodes(program.file).into_values().flatten().collect();
        let pass = program.pass(&of)?;
        let value = |var: &Option<Var>| var.and_then(|var| pass.tape.value(var).ok().cloned());
        let size = |g: &Tensor<Bounded>| norm(&g.as_slice().iter().map(|x| x.value).collect::<Vec<_>>());
        Ok(Self {
            values: pass.vars.iter().map(value).collect(),
            adjoints: pass.adjoints.iter().map(|(&index, g)| (index, size(g))).collect(),
            gradient: pass.gradient,
        })
    }

    /// The value of a node as the framework had it, where it is recorded: it decided the framework's slopes.
    pub(crate) fn seen(&self, file: &ProgramFile, node: usize) -> Option<Vec<f64>> {
        match (&file.nodes[node].value, &self.values[node]) {
            (Some(recorded), _) => Some(recorded.to_vec()),
            (None, Some(computed)) => Some(computed.as_slice().iter().map(|x| x.value).collect()),
            (None, None) => None,
        }
    }
}

/// How far a recorded number may be from a computed one: what the rounding of the file's type and of this computation
/// made of both.
pub(crate) fn slack(unit: f64, x: Bounded) -> f64 {
    let smallest = if unit > f64::EPSILON { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
    (unit + f64::EPSILON / 2.0) * (x.error() + x.value.abs()) + smallest
}

/// Whether a difference is allowed; one that is not a number is not.
pub(crate) fn within(off: f64, allowed: f64) -> bool {
    off <= allowed
}

pub(crate) fn compare(file: &ProgramFile, run: &Run) -> ForwardFacts {
    let fine = compare_in(file, run, file.unit);
    match file.coarsest > file.unit && fine.divergence.is_some() {
        true => compare_in(file, run, file.coarsest),
        false => fine,
    }
}

fn compare_in(file: &ProgramFile, run: &Run, unit: f64) -> ForwardFacts {
    let mut facts = ForwardFacts::default();
    for (index, node) in file.nodes.iter().enumerate() {
        let (Some(recorded), Some(computed)) = (&node.value, &run.values[index]) else { continue };
        let differs = match &node.kind {
            Kind::Leaf(_) | Kind::Constant => None,
            Kind::Decide(decide) => {
                let input = |k: usize| node.inputs.get(k).and_then(|&i| run.values[i].as_ref());
                match (input(0), input(1)) {
                    (Some(a), Some(b)) if node.inputs.len() == 2 => {
                        decided(unit, &mut facts, &decide.kind, (a, b), recorded)
                    }
                    _ => None,
                }
            }
            Kind::Surrogate(surrogate) => match (&surrogate.step, run.values[node.inputs[0]].as_ref()) {
                (Some((kind, threshold)), Some(u)) => {
                    let threshold = Tensor::scalar(Bounded::new(*threshold, 0.0));
                    decided(unit, &mut facts, kind, (u, &threshold), recorded)
                }
                _ => None,
            },
            Kind::Opaque(opaque) if opaque.defined().is_none() => None,
            _ => {
                facts.compared += 1;
                values(node.unit.unwrap_or(unit).max(unit), &mut facts, computed, recorded)
            }
        };
        if let Some(words) = differs {
            let name = match &node.kind {
                Kind::Surrogate(surrogate) => surrogate.function.clone(),
                Kind::Opaque(opaque) => opaque.function.clone(),
                kind => kind.name().into(),
            };
            facts.divergence = Some(format!("`{name}` at {}: {words}", file.place(node.site)));
            return facts;
        }
    }
    facts
}

fn values(
    unit: f64,
    facts: &mut ForwardFacts,
    computed: &Tensor<Bounded>,
    recorded: &Tensor<f64>,
) -> Option<String> {
    for (i, (&x, &found)) in computed.as_slice().iter().zip(recorded.as_slice()).enumerate() {
        let (off, allowed) = ((x.value - found).abs(), slack(unit, x));
        facts.worst = facts.worst.max(off / allowed);
        if !within(off, allowed) {
            return Some(format!("number {i} is {found} in the file and {} computed", x.value));
        }
    }
    None
}

/// Takes a comparison again.
fn decided(
    unit: f64,
    facts: &mut ForwardFacts,
    kind: &str,
    (a, b): (&Tensor<Bounded>, &Tensor<Bounded>),
    recorded: &Tensor<f64>,
) -> Option<String> {
    let holds: fn(f64, f64) -> bool = match kind {
        "gt" => |a, b| a > b,
        "ge" => |a, b| a >= b,
        "lt" => |a, b| a < b,
        "le" => |a, b| a <= b,
        _ => return None,
    };
    let (a, b) = (a.broadcast_to(recorded.shape()).ok()?, b.broadcast_to(recorded.shape()).ok()?);
    let each = a.as_slice().iter().zip(b.as_slice()).zip(recorded.as_slice()).enumerate();
    for (i, ((&a, &b), &found)) in each {
        facts.decisions += 1;
        if holds(a.value, b.value) == (found != 0.0) {
            continue;
        }
        if !within((a.value - b.value).abs(), slack(unit, a) + slack(unit, b)) {
            return Some(format!(
                "number {i} is {found} in the file, but {} {kind} {} says otherwise",
                a.value, b.value
            ));
        }
        facts.near += 1;
    }
    None
}
