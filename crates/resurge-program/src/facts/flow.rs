//! Whether adjoints vanish or explode on the way back through time.

/// An adjoint of a thousandth of another counts for nothing beside it: gradients of two batches of some hundred samples differ
/// by several percent, so that what is thirty times less is lost in their noise, and single precision has four digits left
/// for it. The same factor is what makes the early steps the only ones that count.
const BAR: f64 = 1e-3;

/// One line about adjoints in the order of the steps; none where nothing is to be said, or none is there.
pub(crate) fn flow(adjoints: &[f64]) -> Option<String> {
    let steps = adjoints.len();
    let largest = (0..steps).max_by(|&a, &b| adjoints[a].total_cmp(&adjoints[b]))?;
    let last = adjoints.iter().rposition(|&a| a > 0.0)?;
    let first = adjoints.iter().position(|&a| a > 0.0)?;
    if first > 0 {
        return Some(format!("vanishes: none of it comes back to the first {first} of {steps} steps"));
    }
    let (start, peak, end) = (adjoints[0], adjoints[largest], adjoints[last]);
    let each = |ratio: f64, over: usize| ratio.powf(1.0 / over as f64);
    if start < BAR * peak {
        let ratio = start / peak;
        let step = each(ratio, largest);
        return Some(format!(
            "vanishes: from step {} back to step 1 it falls to {ratio:.1e}, by {step:.2} a step",
            largest + 1
        ));
    }
    if end < BAR * peak && largest < last {
        let ratio = peak / end;
        let step = each(ratio, last - largest);
        let (from, to) = (last + 1, largest + 1);
        return Some(format!(
            "explodes: from step {from} back to step {to} it grows {ratio:.1e} times, by {step:.2} a step"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::flow;

    #[test]
    fn the_bar_is_a_thousandth() {
        let powers = |by: f64, steps: i32| (0..steps).map(|t| by.powi(t)).collect::<Vec<f64>>();
        assert_eq!(flow(&powers(10.0, 4)), None); // a thousandth is not below it
        let words = flow(&powers(10.0, 5)).unwrap();
        assert_eq!(words, "vanishes: from step 5 back to step 1 it falls to 1.0e-4, by 0.10 a step");
        assert_eq!(flow(&powers(0.1, 4)), None);
        let words = flow(&powers(0.1, 5)).unwrap();
        assert_eq!(words, "explodes: from step 5 back to step 1 it grows 1.0e4 times, by 10.00 a step");
    }

    #[test]
    fn zeros_are_named_at_the_beginning_alone() {
        let words = flow(&[0.0, 0.0, 1.0, 0.0]).unwrap();
        assert_eq!(words, "vanishes: none of it comes back to the first 2 of 4 steps");
        assert_eq!(flow(&[1.0, 0.5, 0.0]), None);
        assert_eq!((flow(&[0.0; 3]), flow(&[]), flow(&[1.0])), (None, None, None));
    }
}
