//! Product, elementwise.

use super::elementwise::elementwise_pair;

elementwise_pair!(
    /// Product, elementwise.
    Mul,
    mul,
    left: |at| at.cotangent.mul(at.inputs[1])?,
    right: |at| at.cotangent.mul(at.inputs[0])?,
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::mul, 3.0, 2.0), 6.0);
    }
}
