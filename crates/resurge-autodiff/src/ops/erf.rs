//! The error function, elementwise.

use super::elementwise::elementwise;

elementwise!(
    /// The error function, elementwise.
    Erf,
    erf,
    value: |x| x.erf(),
    slope: |x, _y| S::from_f64(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp(),
    domain: (-2.0, 2.0)
);

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::erf, 0.5), 0.520_499_877_813_046_5, max_relative = 2e-16);
    }
}
