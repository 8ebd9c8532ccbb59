//! Quotient, elementwise.

use super::elementwise::elementwise_pair;

elementwise_pair!(
    /// Quotient, elementwise.
    Div,
    div,
    left: |at| at.cotangent.div(at.inputs[1])?,
    right: |at| at.cotangent.mul(at.output)?.div(at.inputs[1])?.map(|x| -x),
    domain: (0.5, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::div, 3.0, 2.0), 1.5);
    }
}
