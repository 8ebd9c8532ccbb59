//! `1 / (1 + e^-x)`, elementwise: the logistic sigmoid.

use super::elementwise::elementwise;

elementwise!(
    /// `1 / (1 + e^-x)`, elementwise: the logistic sigmoid.
    Logistic,
    logistic,
    value: |x| x.logistic(),
    slope: |x, y| y * (-x).logistic(),
    domain: (-40.0, 40.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::logistic, 0.0), 0.5, max_relative = 2e-16);
    }
}
