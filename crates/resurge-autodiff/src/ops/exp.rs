//! `e^x`, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// `e^x`, elementwise.
    Exp,
    exp,
    value: |x| x.exp(),
    slope: |_x, y| y,
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::exp, 1.0), std::f64::consts::E, max_relative = 2e-16);
    }
}
