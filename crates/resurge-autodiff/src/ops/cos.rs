//! Cosine, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// Cosine, elementwise.
    Cos,
    cos,
    value: |x| x.cos(),
    slope: |x, _y| -x.sin(),
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::cos, 0.0), 1.0, max_relative = 2e-16);
    }
}
