//! Hyperbolic tangent, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// Hyperbolic tangent, elementwise.
    Tanh,
    tanh,
    value: |x| x.tanh(),
    slope: |x, _y| x.sech2(),
    domain: (-20.0, 20.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::tanh, 0.5), 0.462_117_157_260_009_8, max_relative = 2e-16);
    }
}
