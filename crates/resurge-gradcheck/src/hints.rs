//! What a wrong gradient looks like: factors and gradients that would explain it.

/// Explanations to try when a value is wrong: factors by which it may be off, and whole gradients that may have
/// been computed in its place.
///
/// A reversed sign, a factor of 2 and a missing path are always tried; the caller adds what the program has.
/// For each factor `f` also `1/f`, `-f`, `-1/f`, `1 - f` and `1/(1 - f)` are tried.
///
/// ```
/// use resurge_gradcheck::Hints;
///
/// let hints = Hints::new().factor("theta", 1.5).factor("batch size", 32.0);
/// let found = hints.explain(2.0, 3.0, 1e-6);
/// assert_eq!(found, ["1/theta times the reference: a factor theta is missing"]);
/// assert_eq!(hints.explain(-3.0, 3.0, 1e-6), ["the reference with the opposite sign"]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hints {
    factors: Vec<(String, f64)>,
    gradients: Vec<(String, Vec<f64>)>,
}

impl Default for Hints {
    fn default() -> Self {
        Self::new()
    }
}

impl Hints {
    /// The explanations that need no knowledge of the program.
    ///
    /// ```
    /// use resurge_gradcheck::Hints;
    ///
    /// assert_eq!(Hints::new().explain(3.0, 6.0, 1e-6).len(), 1); // a factor 2 is missing
    /// ```
    pub fn new() -> Self {
        Self { factors: vec![("2".into(), 2.0)], gradients: Vec::new() }
    }

    /// Also tries a factor of the program: a threshold, a decay, `1/width` (by giving the width), the batch size
    /// or the number of steps (a mean in place of a sum). One that is 0, 1, -1 or not finite explains nothing
    /// and is not tried.
    ///
    /// ```
    /// use resurge_gradcheck::Hints;
    ///
    /// let hints = Hints::new().factor("theta", 0.7);
    /// assert_eq!(hints.explain(2.1, 3.0, 1e-6), ["theta times the reference: a factor theta too many"]);
    /// ```
    #[must_use]
    pub fn factor(mut self, name: impl Into<String>, value: f64) -> Self {
        self.factors.push((name.into(), value));
        self
    }

    /// Also tries a whole gradient, flat in the order of the inputs: one that a likely mistake would give, such
    /// as the detached one or the one shifted by a time step. No single entry shows such a mistake.
    ///
    /// ```
    /// use resurge_gradcheck::Hints;
    ///
    /// let hints = Hints::new().gradient("the detached gradient", vec![1.0, 2.0]);
    /// let found = hints.explain_gradient(&[1.0, 2.0], &[1.0, 5.0], &[&[2]], 1e-6);
    /// assert_eq!(found, ["it is the detached gradient"]);
    /// ```
    #[must_use]
    pub fn gradient(mut self, name: impl Into<String>, flat: Vec<f64>) -> Self {
        self.gradients.push((name.into(), flat));
        self
    }

    /// Which factors explain `claimed` in the place of `reference`, to a relative `tolerance`.
    ///
    /// ```
    /// use resurge_gradcheck::Hints;
    ///
    /// assert_eq!(Hints::new().explain(-3.0, 3.0, 1e-6), ["the reference with the opposite sign"]);
    /// assert!(Hints::new().explain(3.1, 3.0, 1e-6).is_empty());
    /// ```
    pub fn explain(&self, claimed: f64, reference: f64, tolerance: f64) -> Vec<String> {
        if reference == 0.0 || !reference.is_finite() || !claimed.is_finite() {
            return Vec::new();
        }
        if claimed == 0.0 {
            return vec!["0, though the derivative is not: a path is missing or detached".into()];
        }
        let ratio = claimed / reference;
        let is = |f: f64| (ratio / f - 1.0).abs() <= tolerance;
        if is(-1.0) {
            return vec!["the reference with the opposite sign".into()];
        }
        let mut found = Vec::new();
        for (name, value) in &self.factors {
            found.extend(forms(name, *value).into_iter().filter(|(f, _)| is(*f)).map(|(_, text)| text));
        }
        found
    }

    /// What explains a whole gradient, given the shapes of the inputs; empty where nothing does, or where the
    /// gradient is right.
    ///
    /// One factor common to all entries, one of the [gradients](Self::gradient), a transposed input, or an input
    /// whose steps (first axis) are shifted by one.
    ///
    /// ```
    /// use resurge_gradcheck::Hints;
    ///
    /// let found = Hints::new().explain_gradient(&[2.0, 10.0], &[1.0, 5.0], &[&[2]], 1e-6);
    /// assert_eq!(found[0], "every entry is 2.000000000 times the reference");
    /// ```
    pub fn explain_gradient(
        &self,
        claimed: &[f64],
        reference: &[f64],
        shapes: &[&[usize]],
        tolerance: f64,
    ) -> Vec<String> {
        let same = |a: &[f64], b: &[f64]| close(a, b, tolerance);
        if same(claimed, reference) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let square = crate::evidence::dot(reference, reference);
        let common = crate::evidence::dot(claimed, reference) / square;
        let scaled: Vec<f64> = reference.iter().map(|r| common * r).collect();
        if common != 0.0 && same(claimed, &scaled) {
            found.push(format!("every entry is {common:.9} times the reference"));
            found.extend(
                self.explain(common, 1.0, tolerance).into_iter().map(|h| format!("every entry is {h}")),
            );
        }
        for (name, gradient) in &self.gradients {
            if same(claimed, gradient) {
                found.push(format!("it is {name}"));
            }
        }
        let mut start = 0;
        for (input, shape) in shapes.iter().enumerate() {
            let len = shape.iter().product::<usize>();
            let part = start..start + len;
            start += len;
            let (Some(a), Some(b)) = (claimed.get(part.clone()), reference.get(part)) else { break };
            if !same(a, b) {
                found.extend(structure(a, b, shape, tolerance).map(|what| format!("input {input}: {what}")));
            }
        }
        found
    }
}

/// The factors that one named factor stands for, each with what it would mean.
fn forms(name: &str, f: f64) -> Vec<(f64, String)> {
    if f == 0.0 || f.abs() == 1.0 || !f.is_finite() {
        return Vec::new();
    }
    let missing = format!("1/{name} times the reference: a factor {name} is missing");
    let extra = format!("{name} times the reference: a factor {name} too many");
    let mut forms = vec![
        (f, extra.clone()),
        (1.0 / f, missing.clone()),
        (-f, format!("-{extra}, with the opposite sign")),
        (-1.0 / f, format!("-{missing}, with the opposite sign")),
    ];
    if f != 2.0 {
        forms.push((1.0 - f, format!("(1 - {name}) times the reference: a factor 1 - {name} too many")));
        forms.push((
            1.0 / (1.0 - f),
            format!("1/(1 - {name}) times the reference: a factor 1 - {name} is missing"),
        ));
    }
    forms
}

/// Whether the gradient of one input is the reference with its axes or steps exchanged.
fn structure(a: &[f64], b: &[f64], shape: &[usize], tolerance: f64) -> Option<&'static str> {
    if let &[rows, columns] = shape
        && rows > 1
        && columns > 1
    {
        // Read as if it lay column by column.
        let transposed: Vec<f64> = (0..a.len()).map(|i| b[(i % rows) * columns + i / rows]).collect();
        if close(a, &transposed, tolerance) {
            return Some("the transpose of the reference");
        }
    }
    let steps = shape.first().copied().unwrap_or(0);
    if steps < 2 {
        return None;
    }
    let step = a.len() / steps;
    let (early, late) = (a.len() - step, step);
    if close(&a[late..], &b[..early], tolerance) {
        return Some("the reference one step (first axis) late");
    }
    close(&a[..early], &b[late..], tolerance).then_some("the reference one step (first axis) early")
}

fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    let distance = a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt();
    a.len() == b.len() && crate::evidence::norm(b) > 0.0 && distance <= tolerance * crate::evidence::norm(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [&[usize]; 2] = [&[2, 3], &[3]];
    const REFERENCE: [f64; 9] = [1.0, -2.0, 3.0, 0.5, 4.0, -1.0, 0.25, 0.125, -7.0];

    fn whole(claimed: &[f64]) -> Vec<String> {
        Hints::new().factor("theta", 1.5).explain_gradient(claimed, &REFERENCE, &SHAPES, 1e-6)
    }

    #[test]
    fn every_default_and_every_form_of_a_factor_is_found() {
        let hints = Hints::new().factor("lambda", 0.8).factor("width", 0.3).factor("steps", 20.0);
        let r = -3.7;
        let rows = [
            (2.0, "2 times the reference: a factor 2 too many"),
            (0.5, "1/2 times the reference: a factor 2 is missing"),
            (-1.0, "the reference with the opposite sign"),
            (-2.0, "-2 times the reference: a factor 2 too many, with the opposite sign"),
            (0.8, "lambda times the reference: a factor lambda too many"),
            (1.25, "1/lambda times the reference: a factor lambda is missing"),
            (-0.8, "-lambda times the reference: a factor lambda too many, with the opposite sign"),
            (-1.25, "-1/lambda times the reference: a factor lambda is missing, with the opposite sign"),
            (0.2, "(1 - lambda) times the reference: a factor 1 - lambda too many"),
            (5.0, "1/(1 - lambda) times the reference: a factor 1 - lambda is missing"),
            (0.3, "width times the reference: a factor width too many"),
            (1.0 / 0.3, "1/width times the reference: a factor width is missing"),
            (0.05, "1/steps times the reference: a factor steps is missing"),
        ];
        for (ratio, expected) in rows {
            let found = hints.explain(ratio * r, r, 1e-9);
            assert!(found.iter().any(|hint| hint == expected), "{ratio}: {found:?}");
            assert!(hints.explain(ratio * r * 1.001, r, 1e-6).is_empty(), "{ratio}");
        }
        assert!(hints.explain(0.0, r, 1e-6)[0].contains("missing or detached"));
    }

    #[test]
    fn values_that_say_nothing_give_no_hint() {
        let hints = Hints::default().factor("theta", 1.0).factor("zero", 0.0).factor("bad", f64::NAN);
        assert!(hints.explain(1.0, 1.0, 1e-6).is_empty());
        assert!(hints.explain(1.0, 0.0, 1e-6).is_empty());
        assert!(hints.explain(f64::NAN, 1.0, 1e-6).is_empty());
        assert!(hints.explain(1.0, f64::INFINITY, 1e-6).is_empty());
        assert!(hints.explain_gradient(&[0.0], &[0.0], &[&[1]], 1e-6).is_empty());
    }

    #[test]
    fn whole_gradients_are_recognised() {
        assert!(whole(&REFERENCE).is_empty());
        let theta = whole(&REFERENCE.map(|r| r / 1.5));
        assert!(theta.iter().any(|h| h.contains("a factor theta is missing")), "{theta:?}");
        assert!(theta[0].starts_with("every entry is 0.666666667 times"), "{theta:?}");

        let mut transposed = REFERENCE;
        transposed[..6].copy_from_slice(&[1.0, 0.5, -2.0, 4.0, 3.0, -1.0]);
        assert_eq!(whole(&transposed), ["input 0: the transpose of the reference"]);

        let mut late = REFERENCE;
        late[..6].copy_from_slice(&[0.0, 0.0, 0.0, 1.0, -2.0, 3.0]);
        assert_eq!(whole(&late), ["input 0: the reference one step (first axis) late"]);
        let mut early = REFERENCE;
        early[6..].copy_from_slice(&[0.125, -7.0, 0.0]);
        assert_eq!(whole(&early), ["input 1: the reference one step (first axis) early"]);

        let detached = vec![1.0; 9];
        let hints = Hints::new().gradient("the detached gradient", detached.clone());
        let found = hints.explain_gradient(&detached, &REFERENCE, &SHAPES, 1e-6);
        assert_eq!(found, ["it is the detached gradient"]);
        let mut other = REFERENCE;
        other[4] = 9.0;
        assert!(whole(&other).is_empty());
    }
}
