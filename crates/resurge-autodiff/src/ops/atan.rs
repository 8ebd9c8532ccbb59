//! Arc tangent, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// Arc tangent, elementwise.
    Atan,
    atan,
    value: |x| x.atan(),
    slope: |x, _y| S::one() / (S::one() + x * x),
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::atan, 1.0), std::f64::consts::FRAC_PI_4, max_relative = 2e-16);
    }
}
