//! Square root, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// Square root, elementwise; not a number for negative elements, as in floating-point arithmetic.
    Sqrt,
    sqrt,
    value: |x| x.sqrt(),
    slope: |_x, y| S::from_f64(0.5) / y,
    domain: (0.1, 3.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::sqrt, 2.25), 1.5, max_relative = 2e-16);
    }
}
