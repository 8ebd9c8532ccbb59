//! The directions along which derivatives are compared.

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Directions in the space of all inputs.
///
/// * The gradient's own direction: any error of scale shows there in full.
/// * Random signs: for `v` of independent signs, the mean of `(d . v)^2` is `|d|^2`, so `|d . v| / |g|` estimates
///   the normalised error `|d| / |g|` of the whole gradient, whatever entries are wrong.
/// * Single entries: the largest of the gradient, and random ones.
///
/// Every entry is a multiple of 2^-12, so that a power-of-two step along it moves a point on a dyadic grid
/// exactly.
///
/// ```
/// use resurge_gradcheck::Directions;
///
/// let directions = Directions::new(&[0.5, -3.0, 0.0], 2, 1, 1);
/// assert!(directions.iter().all(|direction| direction.len() == 3));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Directions(Vec<Vec<f64>>);

impl Directions {
    /// The gradient's direction, `signs` random-sign directions and `entries` single entries, half of them those
    /// where the gradient is largest, drawn by `seed`.
    ///
    /// ```
    /// use resurge_gradcheck::Directions;
    ///
    /// let directions = Directions::new(&[0.5, -3.0, 0.0], 2, 2, 1);
    /// assert_eq!(directions.iter().len(), 5);
    /// assert_eq!(directions.iter().nth(3).unwrap(), &[0.0, 1.0, 0.0]); // the largest entry
    /// ```
    pub fn new(gradient: &[f64], signs: usize, entries: usize, seed: u64) -> Self {
        let n = gradient.len();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(3);
        let mut directions = Vec::new();
        if n == 0 {
            return Self(directions);
        }
        directions.push(unit_on_grid(gradient));
        for _ in 0..signs {
            directions.push((0..n).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect());
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| gradient[b].abs().total_cmp(&gradient[a].abs()));
        let largest = order.into_iter().take(entries.div_ceil(2));
        let random = (0..entries / 2).map(|_| rng.random_range(0..n));
        for entry in largest.chain(random) {
            let mut direction = vec![0.0; n];
            direction[entry] = 1.0;
            directions.push(direction);
        }
        Self(directions)
    }

    /// The directions, each as long as the gradient.
    ///
    /// ```
    /// use resurge_gradcheck::Directions;
    ///
    /// let directions = Directions::new(&[0.5, -3.0, 0.0], 2, 2, 1);
    /// assert_eq!(directions.iter().len(), 5);
    /// ```
    pub fn iter(&self) -> std::slice::Iter<'_, Vec<f64>> {
        self.0.iter()
    }
}

/// A quarter of a direction's entries, the others 0: fewer potentials move, so that fewer meet a kink. `None` when
/// there is nothing left to thin.
pub(crate) fn thinned(direction: &[f64], seed: u64) -> Option<Vec<f64>> {
    let moved = |d: &[f64]| d.iter().filter(|x| **x != 0.0).count();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(4);
    let thin: Vec<f64> =
        direction.iter().map(|&x| if rng.random_range(0..4_u8) == 0 { x } else { 0.0 }).collect();
    ((1..moved(direction)).contains(&moved(&thin))).then_some(thin)
}

/// A direction of independent signs.
pub(crate) fn random_signs(len: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect()
}

/// Independent signs with magnitudes in `0.5..1`, on the grid.
pub(crate) fn random_weights(len: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        let size = f64::from(rng.random_range(2048..4096_u32)) / 4096.0;
        if rng.random::<bool>() { size } else { -size }
    };
    (0..len).map(|_| draw()).collect()
}

/// The multi-index of a row-major position.
pub(crate) fn multi_index(shape: &[usize], mut position: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, &extent) in index.iter_mut().zip(shape).rev() {
        *slot = position % extent.max(1);
        position /= extent.max(1);
    }
    index
}

/// The gradient scaled to a largest entry of 1, on the grid.
fn unit_on_grid(gradient: &[f64]) -> Vec<f64> {
    let largest = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    let scale = if largest > 0.0 { 4096.0 / largest } else { 0.0 };
    gradient.iter().map(|g| (g * scale).round() / 4096.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_signs_estimate_the_norm() {
        let d: Vec<f64> = (0..50).map(|i| f64::from(i % 7) - 3.0).collect();
        let square: f64 = d.iter().map(|x| x * x).sum();
        let directions = Directions::new(&d, 4000, 0, 1);
        let dots = directions.iter().skip(1).map(|v| v.iter().zip(&d).map(|(a, b)| a * b).sum::<f64>());
        let mean = dots.map(|x| x * x).sum::<f64>() / 4000.0;
        // The variance of (d . v)^2 is below 2 |d|^4: five standard errors.
        assert!((mean / square - 1.0).abs() < 5.0 * (2.0 / 4000.0_f64).sqrt(), "{mean} against {square}");
    }

    #[test]
    fn thinning_keeps_about_a_quarter_and_stops_at_one() {
        let thin = thinned(&[1.0; 4000], 1).unwrap();
        let kept = thin.iter().sum::<f64>();
        // Six standard deviations of a binomial.
        assert!((kept - 1000.0).abs() < 6.0 * (4000.0_f64 * 0.25 * 0.75).sqrt(), "{kept}");
        assert_eq!(thinned(&[0.0, 1.0, 0.0], 1), None);
    }

    #[test]
    fn seeds_and_degenerate_gradients() {
        assert_eq!(Directions::new(&[1.0, 2.0], 3, 2, 5), Directions::new(&[1.0, 2.0], 3, 2, 5));
        assert_ne!(Directions::new(&[1.0; 9], 3, 0, 5), Directions::new(&[1.0; 9], 3, 0, 6));
        assert_eq!(Directions::new(&[], 3, 2, 5).iter().len(), 0);
        assert_eq!(Directions::new(&[0.0, 0.0], 0, 0, 5).iter().next().unwrap(), &[0.0, 0.0]);
    }

    #[test]
    fn entries_lie_on_the_grid() {
        for direction in Directions::new(&[0.3, -0.7, 1e-9], 2, 4, 1).iter() {
            assert!(direction.iter().all(|x| (x * 4096.0).fract() == 0.0 && x.abs() <= 1.0));
        }
    }
}
