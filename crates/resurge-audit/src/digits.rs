//! Numbers as the codes of verdicts have them.

/// A number as codes have it: four digits.
pub(super) fn four_digits(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let digits = 3 - x.abs().log10().floor() as i32;
    if digits > 0 {
        let fixed = format!("{x:.*}", digits as usize);
        fixed.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        let unit = 10f64.powi(-digits);
        format!("{}", (x / unit).round() * unit)
    }
}

/// The number of which no diagnosis is made.
pub(super) const ONCE: &str = "1";

#[cfg(test)]
mod tests {
    use super::four_digits;

    #[test]
    fn codes_have_four_digits() {
        for (x, text) in [
            (0.5, "0.5"),
            (0.250003, "0.25"),
            (-1.0, "-1"),
            (1.99999, "2"),
            (0.0123456, "0.01235"),
            (123456.0, "123500"),
            (10.0, "10"),
            (1234.4, "1234"),
            (1234.5, "1235"),
            (456.7, "456.7"),
            (0.0, "0"),
            (-0.0, "-0"),
            (0.99996, "1"),
            (9.9996, "10"),
            (999.96, "1000"),
            (1000.4, "1000"),
            (-99995.0, "-100000"),
            (1e-5, "0.00001"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(four_digits(x), text);
        }
    }
}
