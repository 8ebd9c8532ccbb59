//! Sum, elementwise.

use super::elementwise::elementwise_pair;

elementwise_pair!(
    /// Sum, elementwise.
    Add,
    add,
    left: |at| at.cotangent.clone(),
    right: |at| at.cotangent.clone(),
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::add, 3.0, 2.0), 5.0);
    }
}
