//! Natural logarithm, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// Natural logarithm, elementwise; not a number for negative elements, as in floating-point arithmetic.
    Ln,
    ln,
    value: |x| x.ln(),
    slope: |x, _y| S::one() / x,
    domain: (0.1, 3.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::ln, std::f64::consts::E), 1.0, max_relative = 2e-16);
    }
}
