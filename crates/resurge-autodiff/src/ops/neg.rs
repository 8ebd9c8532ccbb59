//! `-x`, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// `-x`, elementwise.
    Neg,
    neg,
    value: |x| -x,
    slope: |_x, _y| -S::one(),
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::neg, 1.5), -1.5, max_relative = 2e-16);
    }
}
