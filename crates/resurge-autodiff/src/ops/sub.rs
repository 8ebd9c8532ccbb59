//! Difference, elementwise.

use super::elementwise::elementwise_pair;

elementwise_pair!(
    /// Difference, elementwise.
    Sub,
    sub,
    left: |at| at.cotangent.clone(),
    right: |at| at.cotangent.map(|x| -x),
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::sub, 3.0, 2.0), 1.0);
    }
}
