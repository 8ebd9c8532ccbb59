//! Two vectors side by side.

use serde::{Deserialize, Serialize};

/// A full gradient `f` beside the detached one `d`.
///
/// ```
/// use resurge_experiments::diagnose::Comparison;
///
/// let found = Comparison::of(&[3.0, 4.0], &[3.0, 0.0]);
/// assert_eq!((found.full, found.detached), (5.0, 3.0));
/// assert_eq!((found.missing, found.cosine), (Some(0.8), Some(0.6)));
/// assert_eq!(Comparison::of(&[0.0], &[1.0]).missing, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// `|f|`, the Euclidean norm.
    pub full: f64,
    /// `|d|`.
    pub detached: f64,
    /// `|f - d| / |f|`: the weight of the term that the detached gradient lacks. None where `f` is 0.
    pub missing: Option<f64>,
    /// `f . d / (|f| |d|)`. None where either is 0.
    pub cosine: Option<f64>,
}

impl Comparison {
    /// Compares two vectors; what one has beyond the other's length is not looked at.
    ///
    /// ```
    /// use resurge_experiments::diagnose::Comparison;
    ///
    /// let same = Comparison::of(&[3.0, 4.0], &[3.0, 4.0]);
    /// assert_eq!((same.missing, same.cosine), (Some(0.0), Some(1.0)));
    /// ```
    pub fn of(full: &[f64], detached: &[f64]) -> Self {
        Sums::of(full, detached).comparison()
    }

    /// `|d| / |f|`. None where `f` is 0.
    ///
    /// ```
    /// use resurge_experiments::diagnose::Comparison;
    ///
    /// assert_eq!(Comparison::of(&[3.0, 4.0], &[0.0, 10.0]).ratio(), Some(2.0));
    /// assert_eq!(Comparison::of(&[0.0], &[1.0]).ratio(), None);
    /// ```
    pub fn ratio(&self) -> Option<f64> {
        (self.full > 0.0).then(|| self.detached / self.full)
    }

    pub(super) fn is_finite(&self) -> bool {
        self.full.is_finite() && self.detached.is_finite()
    }
}

/// What a comparison is made of: sums, so that parts of a vector add up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    full: f64,
    detached: f64,
    product: f64,
    /// Of the squared differences themselves: as a difference of the other sums it would drown in rounding.
    difference: f64,
}

impl Sums {
    pub(super) fn of(full: &[f64], detached: &[f64]) -> Self {
        let mut sums = Self::default();
        for (&f, &d) in full.iter().zip(detached) {
            sums.full += f * f;
            sums.detached += d * d;
            sums.product += f * d;
            sums.difference += (f - d) * (f - d);
        }
        sums
    }

    pub(super) fn add(&mut self, other: Self) {
        self.full += other.full;
        self.detached += other.detached;
        self.product += other.product;
        self.difference += other.difference;
    }

    pub(super) fn comparison(self) -> Comparison {
        let (full, detached) = (self.full.sqrt(), self.detached.sqrt());
        let known = |x: f64| Some(x).filter(|x| x.is_finite());
        Comparison {
            full,
            detached,
            missing: known(self.difference.sqrt() / full),
            // Rounding may lift the cosine of parallel vectors above 1 by a bit.
            cosine: known(self.product / (full * detached)).map(|cosine| cosine.clamp(-1.0, 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_equal_vectors_have_no_term() {
        let (f, d) = ([1.0, -2.0, 0.5, 3.0], [0.5, 2.0, 0.25, -1.0]);
        let mut sums = Sums::of(&f[..1], &d[..1]);
        sums.add(Sums::of(&f[1..], &d[1..]));
        assert_eq!(sums.comparison(), Comparison::of(&f, &d));
        let equal = Comparison::of(&f, &f);
        assert_eq!((equal.missing, equal.cosine, equal.ratio()), (Some(0.0), Some(1.0), Some(1.0)));
        let opposite = Comparison::of(&[1.0, 0.1], &[-1.0, -0.1]);
        assert_eq!((opposite.missing, opposite.cosine), (Some(2.0), Some(-1.0)));
        let nothing = Comparison::of(&[], &[]);
        assert_eq!((nothing.missing, nothing.cosine, nothing.ratio()), (None, None, None));
    }
}
