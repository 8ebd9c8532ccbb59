//! Explanations of gradients of which a part alone is wrong: a tensor, a row of it, an entry.

use super::compare::{Compared, Comparison, Expected, dot, norm};
use super::digits::{ONCE, four_digits};
use super::file::{AuditFile, Recorded};
use super::search::Explanation;
use std::ops::Range;

/// A part of a tensor.
struct Part {
    /// `layers.0.weight`, `layers.0.weight[3]`, `layers.0.weight[3, 1]`.
    name: String,
    range: Range<usize>,
}

/// Right but for one tensor, one row of it, or one entry, with what that has instead.
pub(super) fn right_but_for_one(
    file: &AuditFile,
    claimed: &[Expected],
    at_claim: &Comparison,
) -> Vec<Explanation> {
    let &[at] = &at_claim.wrong()[..] else { return Vec::new() };
    let (recorded, right) = (&file.gradients[at], &claimed[at]);
    let mut found = transposed(recorded, right);
    for part in parts(recorded, &at_claim.tensors[at]) {
        found.extend(of_part(recorded, right, &part, file.gradients.len() > 1));
    }
    found
}

/// The tensor, and its row or entry if all that is wrong lies in one.
fn parts(recorded: &Recorded, at_claim: &Compared) -> Vec<Part> {
    let shape = recorded.value.shape();
    let mut found = vec![Part { name: recorded.name.clone(), range: 0..recorded.value.len() }];
    let (Some(&first), Some(&last)) = (at_claim.wrong.first(), at_claim.wrong.last()) else { return found };
    if shape.rank() > 1 {
        let row = recorded.value.len() / shape[0];
        if first / row == last / row && shape[0] > 1 {
            let from = first / row * row;
            let name = format!("{}[{}]", recorded.name, first / row);
            found.push(Part { name, range: from..from + row });
        }
    }
    if first == last && recorded.value.len() > 1 {
        let index: Vec<String> =
            super::compare::position(first, shape).iter().map(usize::to_string).collect();
        let name = format!("{}[{}]", recorded.name, index.join(", "));
        found.push(Part { name, range: first..first + 1 });
    }
    found
}

/// What one part has instead of the right numbers.
fn of_part(recorded: &Recorded, right: &Expected, part: &Part, others: bool) -> Vec<Explanation> {
    let name = &part.name;
    let value = &recorded.value.as_slice()[part.range.clone()];
    let here = &right.values[part.range.clone()];
    let mut found = Vec::new();
    let mut offer = |code: String, what: &str, factor: f64| {
        let mut expected = right.clone();
        let multiple = match factor {
            0.0 => Expected::exactly(vec![0.0; here.len()]),
            _ => right.times(factor),
        };
        let from = if factor == 0.0 { 0..here.len() } else { part.range.clone() };
        expected.values[part.range.clone()].copy_from_slice(&multiple.values[from.clone()]);
        expected.slack[part.range.clone()].copy_from_slice(&multiple.slack[from]);
        let left = Comparison { tensors: vec![Compared::new(recorded, &expected)] };
        let words = format!("the gradient of {name} {what}; all others are right");
        found.push(Explanation::of(code, words, &left));
    };
    offer(format!("zeroed {name}"), "is zero", 0.0);
    // Any single number is a multiple of another: that alone explains nothing, but a sign does where others are right.
    let others = others || here.len() < right.values.len();
    if others {
        offer(format!("sign {name}"), "has the wrong sign", -1.0);
    }
    if others && here.len() > 1 {
        let factor = dot(value, here) / dot(here, here).max(f64::MIN_POSITIVE);
        let c = four_digits(factor);
        if c != ONCE && factor != 0.0 {
            offer(format!("parameter-scale {name} {c}"), &format!("is {c} times the right one"), factor);
        }
    }
    found
}

/// Nothing at all, in any tensor.
pub(super) fn zeroed(file: &AuditFile) -> Option<Explanation> {
    let zero = |recorded: &Recorded| recorded.value.as_slice().iter().all(|&g| g == 0.0);
    file.gradients.iter().all(zero).then(|| Explanation {
        code: "zeroed all".into(),
        words: "all gradients are zero, as where a backward pass never came to the parameters, or was of another loss"
            .into(),
        residual: 0.0,
        explains: true,
        rule: None,
    })
}

/// Read as [in, out]: of a square matrix its transpose, of another the same numbers in the other order.
fn transposed(recorded: &Recorded, right: &Expected) -> Vec<Explanation> {
    let (&[rows, cols], true) = (&recorded.value.shape()[..], right.values.len() > 1) else {
        return Vec::new();
    };
    let turned = |numbers: &[f64]| -> Vec<f64> {
        (0..rows * cols).map(|i| numbers[i % rows * cols + i / rows]).collect()
    };
    let expected = Expected { values: turned(&right.values), slack: turned(&right.slack) };
    let left = Comparison { tensors: vec![Compared::new(recorded, &expected)] };
    let name = &recorded.name;
    let words = format!("the gradient of {name} is transposed; all others are right");
    vec![Explanation::of(format!("transposed {name}"), words, &left)]
}

/// The first word of the code of [`only`].
pub(super) const ONLY: &str = "only";

/// Which parts are wrong where nothing says what they are instead, if there are others and these are right.
pub(super) fn only(file: &AuditFile, claimed: &[Expected], at_claim: &Comparison) -> Option<Explanation> {
    let wrong = at_claim.wrong();
    let mut names = Vec::new();
    let mut described = Vec::new();
    for &at in &wrong {
        let (recorded, compared) = (&file.gradients[at], &at_claim.tensors[at]);
        let part = parts(recorded, compared).pop()?;
        let value = &recorded.value.as_slice()[part.range.clone()];
        let right = &claimed[at].values[part.range.clone()];
        let ratio = norm(value) / norm(right);
        let name = &part.name;
        described.push(match ratio.is_finite() {
            true => format!("{name} ({} times as long as the right one)", four_digits(ratio)),
            false => format!("{name} (which should vanish)"),
        });
        names.push(part.name);
    }
    let everything = wrong.len() == file.gradients.len() && names.iter().all(|name| !name.ends_with(']'));
    (!wrong.is_empty() && !everything).then(|| Explanation {
        code: format!("{ONLY} {}", names.join(" ")),
        words: format!("only the gradients of {} are wrong; all others are right", described.join(", ")),
        residual: at_claim.residual(),
        explains: true,
        rule: None,
    })
}

#[cfg(test)]
mod tests;
