//! Sine, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// Sine, elementwise.
    Sin,
    sin,
    value: |x| x.sin(),
    slope: |x, _y| x.cos(),
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::sin, std::f64::consts::FRAC_PI_2), 1.0, max_relative = 2e-16);
    }
}
